package client

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/staff"
)

var userForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)

// staffKey reads or makes the signing key of one of the agency's people; it stays in the keystore.
func (h *Home) staffKey(user string, create bool) (ed25519.PrivateKey, error) {
	if !userForm.MatchString(user) {
		return nil, fmt.Errorf("%w: user: want a pseudonym of letters, digits and '-'", ErrHome)
	}
	name := "staff-" + user + ".key"
	seed, err := h.keys.Read(name)
	if errors.Is(err, fs.ErrNotExist) && create {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			return nil, err
		}
		return key, h.keys.Write(name, key.Seed())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: no key of %s here; run: fairlead staff add %s ROLE: %w", ErrHome, user, user, err)
	}
	defer clear(seed)
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: %s is not a key", ErrHome, name)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// StaffDraft makes a key for one of the agency's people, if there is none, and the draft by which the
// agency vouches for it.
func (h *Home) StaffDraft(c *Client, user string, role fairlead.Role) (*Draft, error) {
	key, err := h.staffKey(user, true)
	if err != nil {
		return nil, err
	}
	public := key.Public().(ed25519.PublicKey)
	record, err := json.Marshal(staff.Member{User: user, Role: role, Key: hex.EncodeToString(public), From: fairlead.At(c.cfg.Now())})
	if err != nil {
		return nil, err
	}
	return &Draft{Kind: "staff.record", To: []string{string(fairlead.Hub)}, Record: record}, nil
}

// LeaverDraft is the draft by which the agency says that one of its people signs no more: the member's record, ended
// now. A mover is recorded anew, in the new role.
func (h *Home) LeaverDraft(c *Client, user string, role fairlead.Role) (*Draft, error) {
	key, err := h.staffKey(user, false)
	if err != nil {
		return nil, err
	}
	now := fairlead.At(c.cfg.Now())
	return recordDraft("staff.record", fairlead.Hub, staff.Member{
		User: user, Role: role, Key: hex.EncodeToString(key.Public().(ed25519.PublicKey)), From: now, Until: now,
	})
}

// ApprovalDraft signs, with the key of user, for a share of this agency that is held.
func (h *Home) ApprovalDraft(c *Client, id fairlead.ShareID, user string, role fairlead.Role, reasons []string) (*Draft, error) {
	s, err := c.Sent(id)
	if err != nil {
		return nil, err
	}
	share, err := envelope.ParseShare(s.frame)
	if err != nil {
		return nil, err
	}
	key, err := h.staffKey(user, false)
	if err != nil {
		return nil, err
	}
	a := staff.Approval{Share: id, Header: envelope.HeaderDigest(share.Header), Reasons: reasons, User: user}
	a.Sign(key)
	record, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return &Draft{Kind: "approval", Role: role, User: user, To: []string{string(fairlead.Hub)}, Record: record}, nil
}

// OwnContent opens the agency's own copy of a share it sent, so that a second person can read what is
// to be approved.
func (c *Client) OwnContent(id fairlead.ShareID) (*Draft, error) {
	s, err := c.Sent(id)
	if err != nil {
		return nil, err
	}
	return c.openDraft(s)
}
