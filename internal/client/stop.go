package client

import (
	"errors"
	"slices"

	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// noteStops marks the sections of which a notice of the hub says that the consent they relied on has ended.
func (t *taking) noteStops(h *envelope.Header, record []byte) error {
	stop, err := registry.ParseStop(record)
	if h.Kind != "consent.withdraw" || err != nil {
		return nil //nolint:nilerr // a notice of another kind
	}
	for _, s := range stop.Shares {
		for _, code := range s.Sections {
			if _, err := t.tx.Exec(`INSERT OR IGNORE INTO stops SELECT id, ?, ? FROM inbox WHERE id = ?`, string(code), h.ID.String(), s.Share.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopped lists the sections of a message that should not be used any more.
func (c *Client) stopped(id fairlead.ShareID) ([]fairlead.SectionCode, error) {
	rows, err := c.db.Query(`SELECT code FROM stops WHERE share = ? ORDER BY code`, id.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []fairlead.SectionCode
	for rows.Next() {
		var code fairlead.SectionCode
		if err := rows.Scan(&code); err != nil {
			return nil, err
		}
		list = append(list, code)
	}
	return list, rows.Err()
}

// ErrConsent says that no consent with the id is on record here.
var ErrConsent = errors.New("client: this agency has no such consent on record")

// Reliance is a share of ours with the sections that went with a consent.
type Reliance struct {
	Share    fairlead.ShareID       `json:"share"`
	To       fairlead.AgencyID      `json:"to"`
	At       string                 `json:"at"` // when it was made
	Sections []fairlead.SectionCode `json:"sections"`
}

// Consent finds a consent of this agency, everything recorded of that child since, oldest first, and the shares
// that relied on it.
func (c *Client) Consent(id string) (consent.Held, []consent.Held, []Reliance, error) {
	snap := c.Snapshot()
	r, ok := snap.Consent(c.cfg.Agency, id)
	if !ok {
		return r, nil, nil, ErrConsent
	}
	all := snap.Consents(c.cfg.Agency, r.Subject)
	sent, err := c.Outbox()
	if err != nil {
		return r, nil, nil, err
	}
	var list []Reliance
	for _, s := range sent {
		if codes := c.reliedOn(r, all, s); codes != nil {
			list = append(list, Reliance{Share: s.ID, To: s.To, At: s.Created, Sections: codes})
		}
	}
	since := slices.DeleteFunc(slices.Clone(all), func(h consent.Held) bool { return h.Entry <= r.Entry })
	return r, since, list, nil
}

// reliedOn lists the delivered sections of a share of ours that went while r stood for them.
func (c *Client) reliedOn(r consent.Held, all []consent.Held, s *SentShare) (codes []fairlead.SectionCode) {
	share, err := envelope.ParseShare(s.frame)
	if err != nil || s.Verdict == nil {
		return nil
	}
	b, err := share.Bind()
	to := c.Snapshot().Agency(s.To)
	if err != nil || to == nil || !slices.ContainsFunc(b.Descriptors, func(d *envelope.Descriptor) bool { return d.Subject == r.Subject }) {
		return nil
	}
	before := slices.DeleteFunc(slices.Clone(all), func(h consent.Held) bool { return h.Entry > s.Index })
	leaf, err := entry.ParseLeaf(s.leaf)
	if err != nil {
		return nil
	}
	for _, sec := range s.Verdict.Sections {
		use := consent.Use{Section: sec.Code, Purpose: b.H.Purpose, Recipient: to.ID, Type: to.Type, Jurisdiction: to.Jurisdiction}
		state, by := consent.Evaluate(before, use, leaf.At)
		if sec.Delivered && state == consent.Given && slices.ContainsFunc(by, func(h consent.Held) bool { return h.ID == r.ID }) {
			codes = append(codes, sec.Code)
		}
	}
	return codes
}

// WithdrawalDraft is the draft by which a consent is taken back; sections and recipients narrow it.
func (c *Client) WithdrawalDraft(w consent.Withdrawal) (*Draft, error) {
	w.At, w.Scope = fairlead.At(c.cfg.Now()), "all"
	if len(w.Sections)+len(w.Recipients) > 0 {
		w.Scope = "listed"
	}
	return recordDraft("consent.withdraw", fairlead.Hub, w)
}
