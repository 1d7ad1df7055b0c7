package monitor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/staff"
	"fairlead/internal/strictjson"
)

// indexVersion numbers the tables and what their columns mean. An index of another number is made anew.
const indexVersion = 1

// tables of the index. Each has the column entry before those named; times are text of one length, in
// UTC with milliseconds, so that they compare as instants.
var tables = []struct {
	name    string
	columns []string
}{
	{"entries", strings.Fields(`at class outcome share sender recipient counter kind status purpose threshold role user case_token reply_to
		told detriment art6 annex1 gateways cite mechanism danger danger_role urgency tlp level sent_at seen_size seen_root
		ground agreement result releases`)},
	{"facts", strings.Fields(`name value`)},
	{"reasons", strings.Fields(`reason rule place advice private part`)}, // part: of the section, -1 for the whole share
	{"sections", strings.Fields(`part code delivered clause art9 consent override essential`)},
	{"dues", strings.Fields(`code at calendar ends`)}, // ends: the last instant
	{"used", strings.Fields(`stands_on`)},
	{"agencies", strings.Fields(`agency type jurisdiction state public`)},
	{"acts", strings.Fields(`action agency reason`)},                         // of the operator
	{"agreements", strings.Fields(`ref parties begins ends review_by dpia`)}, // as proposed
	{"steps", strings.Fields(`ref agency action`)},                           // signatures, suspensions …
	{"consents", strings.Fields(`id agency subject giver record`)},
	{"subjects", strings.Fields(`subject`)}, // the sender's handles of the children
	{"approvals", strings.Fields(`share agency user reasons`)},
}

// keys are the columns by which questions find rows.
var keys = map[string]string{
	"entries": "share sender recipient kind case_token reply_to agreement result at", "reasons": "entry reason", "sections": "entry code override",
	"dues": "entry", "subjects": "entry", "used": "entry stands_on", "facts": "entry", "agencies": "agency", "consents": "id entry", "approvals": "share", "steps": "ref",
}

// rows are what one entry puts into the index, by table. The first value of each is the entry.
type rows struct {
	index int64
	of    map[string][][]any
}

func (r *rows) add(table string, values ...any) {
	r.of[table] = append(r.of[table], append([]any{r.index}, values...))
}

// derive makes the rows of an entry from its leaf and detail, and from nothing else. What cannot be read
// leaves its columns empty: replay names such entries.
func (of *record) derive() {
	if of.rows != nil {
		return
	}
	l, d := of.leaf, of.detail
	if d == nil {
		d = &entry.Detail{}
	}
	r := &rows{of.index, map[string][][]any{}}
	h, dec, releases := &envelope.Header{}, policy.Decision{}, int64(-1)
	switch {
	case d.Share != nil:
		dec = d.Share.Decision
		if d.Share.Releases != nil {
			releases = *d.Share.Releases
		}
		if parsed, err := d.Share.Parsed(); err == nil {
			h = parsed
		}
		r.share(h, d.Share)
	case d.Notice != nil:
		if parsed, err := envelope.ParseHeader(d.Notice.Header); err == nil {
			h = parsed
		}
		dec.Result, dec.Ground = fairlead.Delivered, fairlead.GroundControl
	case d.Register != nil:
		r.act(d.Register)
	case d.Unparsed != nil:
		dec.Result, dec.Ground, dec.Causes = fairlead.Refused, fairlead.GroundNone, []policy.Cause{d.Unparsed.Cause}
	}
	r.entry(l, h, dec, releases)
	r.decision(dec)
	of.rows = r.of
}

func (r *rows) entry(l entry.Leaf, h *envelope.Header, d policy.Decision, releases int64) {
	basis, transfer, danger, s16, level := envelope.Basis{}, envelope.Transfer{}, envelope.Danger{}, envelope.S16LA{}, ""
	if h.Basis != nil {
		basis = *h.Basis
	}
	if h.Transfer != nil {
		transfer = *h.Transfer
	}
	if h.Danger != nil {
		danger = *h.Danger
	}
	if h.S16LA != nil {
		s16 = *h.S16LA
	}
	if h.Kind == "ack" {
		level = h.Facts["level"]
	}
	r.add("entries", stamp(l.At), className(l.Class), outcomeName(l.Outcome), l.Share.String(), string(l.From), string(l.To), int64(l.Counter),
		h.Kind, string(h.Status), string(h.Purpose), string(h.Threshold), string(h.From.Role), h.From.User, h.Case, id(h.ReplyTo), string(h.Told), s16.Detriment,
		string(basis.Art6), string(basis.Annex1), strings.Join(asStrings(basis.Gateways), " "), basis.Cite, string(transfer.Mechanism),
		string(danger.Result), string(danger.Role), string(h.Urgency), string(h.TLP), level, instant(h.SentAt), h.Seen.Size, h.Seen.Root.String(),
		string(d.Ground), d.Agreement, string(d.Result), releases)
	for _, name := range slices.Sorted(maps.Keys(h.Facts)) {
		r.add("facts", name, h.Facts[name])
	}
}

func id(share fairlead.ShareID) string {
	if share.IsZero() {
		return ""
	}
	return share.String()
}

func instant(t fairlead.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t.Time)
}

// decision lists reasons and deadlines, and what the decision stands on.
func (r *rows) decision(d policy.Decision) {
	reasons := func(part int, causes []policy.Cause) {
		for _, c := range causes {
			r.add("reasons", string(c.Reason), c.Check, c.Where, c.Advice, truth(c.Private), int64(part))
		}
	}
	reasons(-1, slices.Concat(d.Causes, d.Holds))
	for _, s := range d.Sections {
		reasons(s.Part, s.Causes)
	}
	for _, due := range d.Due {
		r.add("dues", due.Code, due.At, due.Calendar, ends(due))
	}
	for _, i := range d.Used {
		r.add("used", i)
	}
}

// ends is the last instant of a deadline: a date lasts to its end, in UTC as the policy counts days.
func ends(d policy.Due) string {
	if day, err := time.Parse(time.DateOnly, d.At); err == nil {
		return stamp(day.AddDate(0, 0, 1).Add(-time.Millisecond))
	}
	if at, err := time.Parse(time.RFC3339, d.At); err == nil {
		return stamp(at)
	}
	return ""
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// share lists the sections of a share as they were sent, with what was decided on each, and what its record
// says. Of a share that is refused as a whole there is no decision on its sections.
func (r *rows) share(h *envelope.Header, sh *entry.Share) {
	for i, raw := range sh.Descriptors {
		d, err := envelope.ParseDescriptor(raw)
		if err != nil {
			d = &envelope.Descriptor{}
		}
		if d.Subject != "" {
			r.add("subjects", d.Subject)
		}
		if d.Audience != envelope.ForRecipient {
			continue
		}
		s := policy.Section{Part: i, Code: d.Code}
		if j := slices.IndexFunc(sh.Decision.Sections, func(s policy.Section) bool { return s.Part == i }); j >= 0 {
			s = sh.Decision.Sections[j]
		}
		override := ""
		if d.Override != nil {
			override = string(d.Override.Reason)
		}
		r.add("sections", int64(i), string(s.Code), truth(s.Delivered), s.Clause, string(d.Art9), d.Consent, override, truth(d.Essential))
	}
	if sh.Decision.Delivers() {
		r.record(h, sh.Record)
	}
}

// record lists what the delivered record of a control kind changes.
func (r *rows) record(h *envelope.Header, record []byte) {
	from := string(h.From.Agency)
	switch h.Kind {
	case "agreement.proposal":
		if a, err := agreement.Parse(record); err == nil {
			r.add("agreements", a.Ref(), strings.Join(asStrings(a.Parties), " "), instant(a.From), instant(a.Until), a.ReviewBy, a.DPIA)
		}
	case "agreement.signature":
		if s, err := agreement.ParseSignature(record); err == nil {
			r.add("steps", ref(s.ID, s.Version), from, "sign")
		}
	case "agreement.status":
		if s, err := agreement.ParseStatus(record); err == nil {
			r.add("steps", ref(s.ID, s.Version), from, string(s.Action))
		}
	case "consent.record":
		if c, err := consent.Parse(record); err == nil {
			r.add("consents", c.ID, from, c.Subject, string(c.Giver), string(record))
		}
	case "approval":
		if a, err := staff.ParseApproval(record); err == nil {
			r.add("approvals", a.Share.String(), from, a.User, strings.Join(a.Reasons, " "))
		}
	}
}

// act lists an act of the operator.
func (r *rows) act(a *entry.Register) {
	var s registry.Suspension
	switch a.Action {
	case "enrol":
		if ag, err := registry.ParseAgency(a.Record); err == nil {
			r.add("agencies", string(ag.ID), string(ag.Type), string(ag.Jurisdiction), ag.Jurisdiction.State(), truth(ag.Type.PublicAuthority()))
			s.Agency = ag.ID
		}
	case registry.Reenrol:
		if ag, err := registry.ParseAgency(a.Record); err == nil {
			s.Agency = ag.ID
		}
	case "suspend", "resume", "remove":
		if strictjson.Unmarshal(a.Record, &s) != nil {
			s = registry.Suspension{}
		}
	case registry.EmptyPayloads:
		if e, err := registry.ParseEmptying(a.Record); err == nil {
			s.Agency, s.Reason = e.To, e.Class
		}
	case registry.Erase:
		if e, err := registry.ParseErasing(a.Record); err == nil {
			s.Reason = e.Reason
		}
	}
	r.add("acts", a.Action, string(s.Agency), s.Reason)
}

func ref(id string, version int) string { return fmt.Sprintf("%s/%d", id, version) }
