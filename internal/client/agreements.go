package client

import (
	"encoding/json"
	"fmt"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
)

// StatusDraft is the draft by which this agency suspends, resumes or ends an agreement version, at once.
func (c *Client) StatusDraft(ref string, action agreement.Action, reason string) (*Draft, error) {
	for _, s := range c.Snapshot().Agreements() {
		if s.Ref() == ref {
			record, err := json.Marshal(agreement.Status{ID: s.ID, Version: s.Version, Action: action, Reason: reason})
			return &Draft{Kind: "agreement.status", To: []string{string(fairlead.Hub)}, Record: record}, err
		}
	}
	return nil, fmt.Errorf("client: agreement %s is not on record here; see: fairlead agreement list", ref)
}

// SignatureDraft is the draft of this agency's signature under an agreement version ("A2/1") that was
// proved to it: over the digest of the very bytes on record.
func (c *Client) SignatureDraft(ref string) (*Draft, error) {
	for _, s := range c.Snapshot().Agreements() {
		if s.Ref() != ref {
			continue
		}
		record, err := json.Marshal(agreement.Signature{ID: s.ID, Version: s.Version, Digest: s.Digest})
		if err != nil {
			return nil, err
		}
		return &Draft{Kind: "agreement.signature", To: []string{string(fairlead.Hub)}, Record: record}, nil
	}
	return nil, fmt.Errorf("client: agreement %s is not on record here; see: fairlead agreement list", ref)
}
