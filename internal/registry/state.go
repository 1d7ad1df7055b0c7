package registry

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/dump"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// Dump writes the register, so that a program that starts need not fold again what it has folded. It is a cache of
// the fold and nothing else: equal registers write equal bytes, whichever way they came to be.
func (s *Snapshot) Dump(c *dump.Coder) {
	own := *s
	own.relied = s.relied.where(func(r *reliance) bool { return r != nil }) // an emptied list is as good as none
	own.code(c)
	own.codeHeld(c, nil)
}

// Restore reads what Dump wrote. detail gives the detail of an entry: of shares that wait it is not repeated.
func Restore(c *dump.Coder, detail func(index int64) (*entry.Detail, error)) *Snapshot {
	s := New()
	s.code(c)
	s.codeHeld(c, detail)
	return s
}

// code describes a Snapshot, but for what waits. What follows from other fields is not written.
func (s *Snapshot) code(c *dump.Coder) {
	dump.Int(c, &s.size)
	c.Time(&s.last)
	dump.Map(c, &s.agencies, cmp.Compare, func(id *fairlead.AgencyID, a **Agency) {
		dump.Maybe(c, a, func(a *Agency) { a.code(c) })
		if c.Reads() && *a != nil {
			*id = (*a).ID
			s.accounts[(*a).Account] = *id
		}
	})
	s.codeRing(c)
	dump.Map(c, &s.former, cmp.Compare, func(id *fairlead.AgencyID, list *[]former) {
		dump.Word(c, id)
		dump.List(c, list, func(f *former) { f.code(c) })
	})
	c.JSON(&s.rules)
	codeHouse(c, &s.house)
	dump.Map(c, &s.houses, cmp.Compare, func(id *fairlead.AgencyID, h **agreement.House) {
		dump.Word(c, id)
		codeHouse(c, h)
	})
	s.agreements.code(c)
	c.JSON(&s.operators)
	s.consents.code(c, func(v *[]consent.Held) { dump.List(c, v, func(h *consent.Held) { codeConsent(c, h) }) })
	s.shares.code(c)
	s.staff.code(c, func(v *vouchedFor) {
		c.JSON(&v.Member)
		dump.Int(c, &v.entry)
	})
	s.approvals.code(c, func(v *[]staff.Approved) { c.JSON(v) })
	s.training.code(c, func(v *[]staff.Course) { c.JSON(v) })
	s.counters.code(c, func(v *uint64) { dump.Int(c, v) })
	s.heard.code(c, func(v *uint64) { dump.Int(c, v) })
	s.heardBy.code(c, func(v *int64) { dump.Int(c, v) })
	s.emptied.code(c, func(v *uint64) { dump.Int(c, v) })
	s.consentOf.code(c, func(v *string) { dump.Word(c, v) })
	s.relied.code(c, func(v **reliance) { codeReliance(c, v) })
	s.permits.code(c, func(v **policy.Permission) { c.JSON(v) })
	s.marked.code(c, func(v *[]fairlead.SectionCode) { dump.Words(c, v) })
	c.JSON(&s.stops)
	dump.Map(c, &s.reads, cmp.Compare, func(auditor *string, at *time.Time) {
		dump.Word(c, auditor)
		c.Time(at)
	})
	s.senders.code(c, func(v *fairlead.AgencyID) { dump.Word(c, v) })
	dump.List(c, &s.unread, func(v *int64) { dump.Int(c, v) })
	s.blanks.code(c, func(b *blank) {
		c.Fixed(b.share[:])
		c.Bool(&b.ordered)
	})
	dump.Int(c, &s.waiting)
}

func (a *Agency) code(c *dump.Coder) {
	c.JSON(a)
	dump.Int(c, &a.Entry)
}

// codeRing writes certificates as they came, with the instant at which they were judged.
func (s *Snapshot) codeRing(c *dump.Coder) {
	kept := s.ring.Keep()
	dump.List(c, &kept, func(k *keyring.Kept) {
		dump.Word(c, &k.Agency)
		c.Bytes(&k.Certificate)
		c.Time(&k.At)
		dump.List(c, &k.Keys, func(h *keyring.KeptKey) {
			c.Fixed(h.Fingerprint[:])
			c.Bool(&h.Superseded)
		})
	})
	if c.Reads() {
		ring, err := keyring.NewRing(kept)
		if err != nil {
			c.Fail(err)
			return
		}
		s.ring = ring
	}
}

func (f *former) code(c *dump.Coder) {
	var raw []byte
	var at time.Time
	if !c.Reads() {
		raw, at = f.cert.Bytes(), f.cert.ReadAt()
	}
	c.Bytes(&raw)
	c.Time(&at)
	if dump.Int(c, &f.until); c.Reads() {
		var err error
		f.cert, err = keyring.ReadCertificate(raw, at)
		c.Fail(err)
	}
}

func codeHouse(c *dump.Coder, h **agreement.House) {
	dump.Maybe(c, h, func(h *agreement.House) {
		c.JSON(h)
		dump.Word(c, &h.Owner)
		dump.Int(c, &h.Entry)
	})
}

func (a *agreements) code(c *dump.Coder) {
	list := a.list
	dump.List(c, &list, func(st **standing) {
		dump.Maybe(c, st, func(st *standing) {
			c.JSON(&st.Standing)
			dump.Words(c, &st.told)
		})
		if c.Reads() && *st != nil {
			*a = a.with(*st)
		}
	})
}

func codeConsent(c *dump.Coder, h *consent.Held) {
	dump.Word(c, &h.ID)
	dump.Word(c, &h.Subject)
	dump.Word(c, &h.Giver)
	dump.Word(c, &h.Assessor)
	c.Time(&h.At.Time)
	dump.List(c, &h.Items, func(i *consent.Item) {
		dump.Word(c, &i.Status)
		dump.Words(c, &i.Sections)
		dump.Words(c, &i.Purposes)
		dump.Words(c, &i.Recipients)
		dump.Words(c, &i.Types)
		dump.Words(c, &i.Jurisdictions)
		c.Time(&i.Until.Time)
	})
	dump.Word(c, &h.Withhold)
	dump.Word(c, &h.Supersedes)
	dump.Words(c, &h.MayWithdraw)
	dump.Word(c, &h.Agency)
	dump.Int(c, &h.Entry)
}

// codeReliance writes a list newest first.
func codeReliance(c *dump.Coder, v **reliance) {
	var list []*reliance
	for r := *v; r != nil; r = r.before {
		list = append(list, r)
	}
	dump.List(c, &list, func(r **reliance) {
		dump.Maybe(c, r, func(r *reliance) {
			c.Fixed(r.share[:])
			once(c, &r.use, func(u *consent.Use) {
				dump.Word(c, &u.Section)
				dump.Word(c, &u.Purpose)
				dump.Word(c, &u.Recipient)
				dump.Word(c, &u.Type)
				dump.Word(c, &u.Jurisdiction)
			})
			dump.Word(c, &r.by)
		})
	})
	if !c.Reads() {
		return
	}
	*v = nil
	for _, r := range slices.Backward(list) {
		if r == nil {
			c.Fail(fmt.Errorf("%w: reliance on nothing", dump.ErrMalformed))
			return
		}
		r.before, *v = *v, r
	}
}

// codeHeld writes of a share that waits its entry alone: the detail of that says the rest.
func (s *Snapshot) codeHeld(c *dump.Coder, detail func(index int64) (*entry.Detail, error)) {
	compare := func(a, b fairlead.ShareID) int { return bytes.Compare(a[:], b[:]) }
	dump.Map(c, &s.held, compare, func(id *fairlead.ShareID, h **heldShare) {
		if c.Reads() {
			*h = &heldShare{}
		}
		c.Fixed(id[:])
		if dump.Int(c, &(*h).index); c.Reads() {
			c.Fail((*h).fill(detail))
		}
	})
}

func (h *heldShare) fill(detail func(index int64) (*entry.Detail, error)) error {
	d, err := detail(h.index)
	if err != nil {
		return err
	}
	if d.Share == nil {
		return fmt.Errorf("%w: entry %d, which is of no share, waits", dump.ErrMalformed, h.index)
	}
	h.share = d.Share
	h.header, err = d.Share.Parsed()
	return err
}
