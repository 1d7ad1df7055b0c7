package client

import (
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// Agency is whose client it is.
func (c *Client) Agency() fairlead.AgencyID { return c.cfg.Agency }

// Asked is what the hub had before it: the header, and the descriptors in the order of the verdict.
func (s *SentShare) Asked() (*envelope.Header, []*envelope.Descriptor, error) {
	share, err := envelope.ParseShare(s.frame)
	if err != nil {
		return nil, nil, err
	}
	h, err := envelope.ParseHeader(share.Header)
	if err != nil {
		return nil, nil, err
	}
	var ds []*envelope.Descriptor
	for _, p := range share.Parts {
		d, err := envelope.ParseDescriptor(p.Descriptor)
		if err != nil {
			return nil, nil, err
		}
		ds = append(ds, d)
	}
	return h, ds, nil
}

// Duties are what agreements lay on this agency for a message that was delivered to it; nil for nothing.
// They come from its own register, as it was proved.
func (c *Client) Duties(m *Message) *agreement.Oblige {
	at, err := time.Parse(time.RFC3339, m.At)
	if err != nil {
		at = m.Header.SentAt.Time
	}
	b := c.Snapshot().Book(at)
	return b.Duties(m.Header, m.Codes(), m.Index)
}
