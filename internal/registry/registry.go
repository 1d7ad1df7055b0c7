// Package registry is the fold of the log: entries become an immutable Snapshot of who and what is in
// force (XACML policy information point). The broker folds every entry before it decides the next; an
// agency folds what concerns it; an auditor folds all of it again and must reach the same state.
package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unique"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/law"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// ErrFold is wrapped by every entry that does not follow from those before it.
var ErrFold = errors.New("registry: entry does not follow from the log")

// Agency is an enrolled agency as the register holds it.
type Agency struct {
	policy.Agency
	Name            string           `json:"name"`
	Account         fairlead.Account `json:"account"`
	User            string           `json:"user"`                     // public NATS user key
	Certificate     []byte           `json:"certificate"`              // OpenPGP, public
	Witness         string           `json:"witness,omitempty"`        // public key of its cosignatures, "" if it is no witness
	Root            string           `json:"root,omitempty"`           // public key of its root, "" if it has none
	Request         []byte           `json:"request"`                  // exact bytes of the agency's request
	Signature       []byte           `json:"signature"`                // over the request, by the certificate's own key
	RootSignature   []byte           `json:"root_signature,omitempty"` // over the request, by the root
	Vouched                          // by others, over the same request
	Removed         bool             `json:"removed,omitempty"`
	FormerUsers     []string         `json:"former_users,omitempty"`     // user keys that a re-enrolment replaced
	FormerWitnesses []string         `json:"former_witnesses,omitempty"` // witness keys that a re-enrolment replaced
}

// Rules are what the operator sets for all: groups that senders expand, country rules, what nobody sends,
// which can only narrow, and the tables of law.
type Rules struct {
	Groups       []Group          `json:"groups,omitempty"`
	Countries    []Country        `json:"countries,omitempty"`
	Prohibitions []agreement.Term `json:"prohibitions,omitempty"`
	Law          *law.Tables      `json:"law,omitempty"` // absent: law.Default of engine 1

	// HeaderDays is after how many days details are erased (RT-HUB-HEADER of domain §2.3); 0: HeaderDays.
	HeaderDays int `json:"header_days,omitempty"`

	// PayloadDays is how many days after the last required acknowledgement payloads are deleted (RT-HUB-PAYLOAD of domain
	// §2.3); 0: PayloadDays.
	PayloadDays int `json:"payload_days,omitempty"`

	// Exercises are the agencies that take part in exercises and tests.
	Exercises []fairlead.AgencyID `json:"exercises,omitempty"`
}

// Group is a named list of agencies; the sender's program expands it into shares, and a sender that is
// itself a member is left out.
type Group struct {
	Name    string              `json:"name"`
	Members []fairlead.AgencyID `json:"members"`
}

// Country is what a State declared on how it may be reached.
type Country struct {
	State  string `json:"state"`
	CAOnly bool   `json:"art34_ca_only"` // Hague 1996 Art 34(2)
}

// word is a text that a hundred thousand shares repeat: they share one copy of it.
func word[T ~string](text T) T { return T(unique.Make(string(text)).Value()) }

// Snapshot is the register after so many entries. It never changes: Fold and Learn return a new one.
type Snapshot struct {
	size       int64
	last       time.Time
	agencies   map[fairlead.AgencyID]*Agency
	accounts   map[fairlead.Account]fairlead.AgencyID
	ring       *keyring.Ring
	rules      Rules
	house      *agreement.House // the prohibitions of rules; nil: none
	houses     map[fairlead.AgencyID]*agreement.House
	agreements agreements
	operators  []Operator
	consents   trie[[]consent.Held] // by agency and subject
	shares     shares
	former     map[fairlead.AgencyID][]former
	staff      trie[vouchedFor]       // by agency and user
	approvals  trie[[]staff.Approved] // by share
	training   trie[[]staff.Course]   // by agency and user
	held       map[fairlead.ShareID]*heldShare
	counters   trie[uint64]                 // last delivered counter, by recipient
	heard      trie[uint64]                 // last acknowledged counter, by recipient
	heardBy    trie[int64]                  // entry of that acknowledgement, by recipient
	emptied    trie[uint64]                 // a bit for each entry whose payload was ordered deleted, by its index over 64
	consentOf  trie[string]                 // subject of a consent, by agency and the consent's id
	relied     trie[*reliance]              // what was delivered with a consent, by agency and subject
	permits    trie[*policy.Permission]     // by the share that gave it
	marked     trie[[]fairlead.SectionCode] // sections that an agency was given under their originators' control
	stops      []Stop                       // notices that the end of a consent owes
	senders    trie[fairlead.AgencyID]      // of what was delivered and not yet acknowledged as stored, by recipient and counter
	reads      map[string]time.Time         // when an auditor was last put on record as reading
	unread     []int64                      // entries of agreements and consents that could not be read
	blanks     trie[blank]                  // entries whose detail is erased, by entry
	waiting    int                          // those of them whose order is still to come
}

// New is the register of an empty log.
func New() *Snapshot {
	return &Snapshot{
		agencies: map[fairlead.AgencyID]*Agency{}, accounts: map[fairlead.Account]fairlead.AgencyID{},
		ring: &keyring.Ring{}, held: map[fairlead.ShareID]*heldShare{}, reads: map[string]time.Time{},
	}
}

// Size is the number of entries folded.
func (s *Snapshot) Size() int64 { return s.size }

// Last is the time of the last entry; the next one is not earlier.
func (s *Snapshot) Last() time.Time { return s.last }

// Agency finds an enrolled agency, or nil.
func (s *Snapshot) Agency(id fairlead.AgencyID) *Agency { return s.agencies[id] }

// Agencies lists the enrolled agencies by id.
func (s *Snapshot) Agencies() []*Agency {
	list := slices.Collect(maps.Values(s.agencies))
	slices.SortFunc(list, func(a, b *Agency) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

// ByAccount finds the agency that owns a NATS account, or nil.
func (s *Snapshot) ByAccount(a fairlead.Account) *Agency { return s.agencies[s.accounts[a]] }

// Certificate is the current certificate of an agency, or nil.
func (s *Snapshot) Certificate(id fairlead.AgencyID) *keyring.Certificate {
	c, _ := s.ring.Certificate(id)
	return c
}

// Group expands a group of the register; nil if there is none.
func (s *Snapshot) Group(name string) []fairlead.AgencyID {
	for _, g := range s.rules.Groups {
		if g.Name == name {
			return g.Members
		}
	}
	return nil
}

// Counter is the number of entries delivered to id.
func (s *Snapshot) Counter(id fairlead.AgencyID) uint64 {
	n, _ := s.counters.get(keyOf(string(id)))
	return n
}

// Lookup finds a share on record by id: the digest of its header, its account and its log entry.
func (s *Snapshot) Lookup(id fairlead.ShareID) (digest fairlead.Digest, account fairlead.Account, index int64, ok bool) {
	r, ok := s.shares.get(id)
	if !ok {
		return digest, "", 0, false
	}
	return r.digest, r.account, r.entry, true
}

// Fold adds the next entry of the whole log: index, time and counters must follow.
func (s *Snapshot) Fold(l entry.Leaf, d *entry.Detail) (*Snapshot, error) {
	next := *s
	if l.At.Before(s.last) {
		return nil, fmt.Errorf("%w: entry %d is earlier than the one before", ErrFold, s.size)
	}
	if l.Outcome == entry.OutcomeDelivered {
		if want := s.Counter(l.To) + 1; l.Counter != want {
			return nil, fmt.Errorf("%w: entry %d has counter %d for %s, want %d", ErrFold, s.size, l.Counter, l.To, want)
		}
		next.counters = s.counters.with(keyOf(string(l.To)), l.Counter)
		next.senders = s.senders.with(deliveryKey(l.To, l.Counter), word(l.From))
	} else if l.Counter != 0 {
		return nil, fmt.Errorf("%w: entry %d has a counter and delivers nothing", ErrFold, s.size)
	}
	err := s.erasureFault(d.Register)
	if err == nil {
		err = next.effect(s.size, l, d)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: entry %d: %w", ErrFold, s.size, err)
	}
	next.size, next.last = s.size+1, l.At
	return &next, nil
}

// Learn adds an entry of the register to an agency's own view, which has gaps between indexes.
func (s *Snapshot) Learn(index int64, l entry.Leaf, d *entry.Detail) (*Snapshot, error) {
	next := *s
	if err := next.effect(index, l, d); err != nil {
		return nil, fmt.Errorf("%w: entry %d: %w", ErrFold, index, err)
	}
	next.size, next.last = max(s.size, index+1), l.At
	return &next, nil
}

func deliveryKey(to fairlead.AgencyID, counter uint64) [16]byte {
	return keyOf(string(to), strconv.FormatUint(counter, 10))
}

// Senders lists those whose shares were delivered to an agency with counters in (after, upTo], of what it has not
// acknowledged as stored.
func (s *Snapshot) Senders(to fairlead.AgencyID, after, upTo uint64) []fairlead.AgencyID {
	var list []fairlead.AgencyID
	for n := after + 1; n <= upTo; n++ {
		if id, ok := s.senders.get(deliveryKey(to, n)); ok && id != fairlead.Hub {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
