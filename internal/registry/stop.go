package registry

import (
	"cmp"
	"fmt"
	"slices"
	"time"
	"unique"

	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Stop is the record of a notice of the hub that a consent has ended: to those who were sent sections that
// relied on it, please stop using them; and to the agency whose consent it was, which shares those are.
type Stop struct {
	To      fairlead.AgencyID `json:"to"`
	Cause   int64             `json:"cause"`             // entry that ended the consent
	Consent string            `json:"consent,omitempty"` // its id, for the agency that recorded it
	Shares  []Stopped         `json:"shares"`
}

// Stopped is one share that relied on it.
type Stopped struct {
	Share    fairlead.ShareID       `json:"share"`
	To       fairlead.AgencyID      `json:"to,omitempty"` // its recipient, for the agency that sent it
	Sections []fairlead.SectionCode `json:"sections"`
	Deleted  bool                   `json:"deleted"` // the payload had not been stored yet and is deleted whole
}

// maxStopped is how many shares one notice names; more make more notices.
const maxStopped = 64

// ParseStop reads the record of such a notice.
func ParseStop(record []byte) (*Stop, error) {
	var s Stop
	if err := strictjson.Unmarshal(record, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// reliance is a section that was delivered while a consent to it stood; a list that snapshots share.
type reliance struct {
	before *reliance
	share  fairlead.ShareID
	use    unique.Handle[consent.Use]
	by     string // id of the record that stood
}

// listOf makes a list of its own of these, newest first.
func listOf(all []*reliance) (list *reliance) {
	for _, r := range slices.Backward(all) {
		next := *r
		next.before, list = list, &next
	}
	return list
}

// rely notes which sections of a delivered share went with a consent, whatever basis was declared: where it
// ends, their recipient is asked to stop. It returns the keys of the lists that the share is now in.
func (s *Snapshot) rely(at time.Time, h *envelope.Header, sh *entry.Share) (keys [][16]byte) {
	to := s.agencies[h.To.Agency]
	if !sh.Decision.Delivers() || to == nil {
		return nil
	}
	for _, raw := range sh.Descriptors {
		d, err := envelope.ParseDescriptor(raw)
		if err != nil || d.Subject == "" {
			continue
		}
		key := keyOf(string(h.From.Agency), d.Subject)
		held, _ := s.consents.get(key)
		for _, sec := range sh.Decision.Sections {
			use := consent.Use{Section: sec.Code, Purpose: h.Purpose, Recipient: to.ID, Type: to.Type, Jurisdiction: to.Jurisdiction}
			state, by := consent.Evaluate(held, use, at)
			if !sec.Delivered || state != consent.Given {
				continue
			}
			before, _ := s.relied.get(key)
			s.relied = s.relied.with(key, &reliance{before: before, share: h.ID, use: unique.Make(use), by: by[0].ID})
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// withdraw ends a consent from this entry on. One that is not known here is not this Snapshot's to know.
func (s *Snapshot) withdraw(index int64, by fairlead.AgencyID, record []byte) error {
	w, err := consent.ParseWithdrawal(record)
	if err != nil {
		return err
	}
	owner := cmp.Or(w.Of, by)
	r, ok := s.Consent(owner, w.Consent)
	if !ok {
		return nil
	}
	ended := w.Ends(r.Record)
	key := keyOf(string(owner), r.Subject)
	old, _ := s.consents.get(key)
	s.consents = s.consents.with(key, append(slices.Clone(old), consent.Held{Record: ended, Agency: owner, Entry: index}))
	s.owe(index, owner, ended)
	return nil
}

// Consent finds a consent by the agency that recorded it and its id.
func (s *Snapshot) Consent(of fairlead.AgencyID, id string) (consent.Held, bool) {
	subject, ok := s.consentOf.get(keyOf(string(of), "consent", id))
	if !ok {
		return consent.Held{}, false
	}
	for _, h := range s.Consents(of, subject) {
		if h.ID == id {
			return h, true
		}
	}
	return consent.Held{}, false
}

// Consents lists what an agency recorded of a child, by its handle, oldest first; a withdrawal has no id.
func (s *Snapshot) Consents(of fairlead.AgencyID, subject string) []consent.Held {
	held, _ := s.consents.get(keyOf(string(of), subject))
	return held
}

// withdrawalFault is what the register holds against a withdrawal. Whether a consent exists is told to nobody
// who may not end it.
func (s *Snapshot) withdrawalFault(by fairlead.AgencyID, record []byte) string {
	w, err := consent.ParseWithdrawal(record)
	if err != nil {
		return err.Error()
	}
	owner := cmp.Or(w.Of, by)
	r, ok := s.Consent(owner, w.Consent)
	switch {
	case !ok || owner != by && !slices.Contains(r.MayWithdraw, by):
		return "there is no such consent that this agency may withdraw"
	case len(w.Ends(r.Record).Items) == 0:
		return "nothing that is listed was given by that consent"
	}
	return ""
}

// chain is a consent and those it supersedes, by their ids.
func (s *Snapshot) chain(of fairlead.AgencyID, id string) (list []string) {
	for id != "" && !slices.Contains(list, id) {
		list = append(list, id)
		r, _ := s.Consent(of, id)
		id = r.Supersedes
	}
	return list
}

// owe puts the notices on the list that the end of a consent owes: to each recipient of what relied on it, or
// on one that it superseded, and last to the agency whose consent it was. What they tell is told once: a consent may be
// taken back again and again, also by another agency.
func (s *Snapshot) owe(cause int64, owner fairlead.AgencyID, ended consent.Record) {
	chain := s.chain(owner, ended.Supersedes)
	key := keyOf(string(owner), ended.Subject)
	list, _ := s.relied.get(key)
	var all []Stopped
	var left []*reliance
	place := map[fairlead.ShareID]int{} // in all
	for ; list != nil; list = list.before {
		use := list.use.Value()
		if !ended.Ended(use) || !slices.Contains(chain, list.by) {
			left = append(left, list)
			continue
		}
		i, known := place[list.share]
		if !known {
			i, all = len(all), append(all, Stopped{Share: list.share, To: use.Recipient})
			place[list.share] = i
		}
		if !slices.Contains(all[i].Sections, use.Section) {
			all[i].Sections = append(all[i].Sections, use.Section)
		}
	}
	if len(all) == 0 {
		return
	}
	s.relied = s.relied.with(key, listOf(left))
	slices.Reverse(all) // oldest first
	stops := slices.Clone(s.stops)
	byRecipient := map[fairlead.AgencyID][]Stopped{}
	var order []fairlead.AgencyID
	for _, o := range all {
		if byRecipient[o.To] == nil {
			order = append(order, o.To)
		}
		byRecipient[o.To] = append(byRecipient[o.To], Stopped{Share: o.Share, Sections: o.Sections})
	}
	for _, to := range order {
		for chunk := range slices.Chunk(byRecipient[to], maxStopped) {
			stops = append(stops, Stop{To: to, Cause: cause, Shares: chunk})
		}
	}
	for chunk := range slices.Chunk(all, maxStopped) {
		stops = append(stops, Stop{To: owner, Cause: cause, Consent: ended.Supersedes, Shares: chunk})
	}
	s.stops = stops
}

// Owed is the next notice that the end of a consent owes, as it must be worded now; false: none is owed.
func (s *Snapshot) Owed() (Stop, bool) {
	if len(s.stops) == 0 {
		return Stop{}, false
	}
	next := s.stops[0]
	next.Shares = slices.Clone(next.Shares)
	for i := range next.Shares {
		next.Shares[i].Deleted = s.deletable(next.Shares[i].Share)
	}
	return next, true
}

// deletable reports whether the payload of a share is, or is to be, deleted for want of a consent: its recipient
// has not said to have stored it. What speaks of a danger now goes all the same: only its use is stopped.
func (s *Snapshot) deletable(id fairlead.ShareID) bool {
	r, ok := s.shares.get(id)
	return ok && (r.erased > 0 || !r.urgent && r.counter > s.Heard(r.to))
}

// stopped takes a notice off the list, and orders deleted what it says is.
func (s *Snapshot) stopped(index int64, stop *Stop) error {
	owed, ok := s.Owed()
	if !ok || owed.To != stop.To || owed.Cause != stop.Cause {
		return nil // an agency's own view knows of no list
	}
	for _, o := range stop.Shares {
		old, ok := s.known(o.Share)
		if !ok || !o.Deleted {
			continue
		}
		next := *old
		if s.erase(index, &next) {
			s.shares = s.shares.with(o.Share, &next)
		}
	}
	s.stops = s.stops[1:]
	if len(s.stops) == 0 {
		s.stops = nil
	}
	return nil
}

// Owing says to whom the notices are owed, in their order, for those who watch that they are made.
func (s *Snapshot) Owing() []string {
	var list []string
	for _, o := range s.stops {
		list = append(list, fmt.Sprintf("%s that the consent ended by entry %d is no longer to be relied on", o.To, o.Cause))
	}
	return list
}
