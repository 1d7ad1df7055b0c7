package monitor_test

import (
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
	"fairlead/internal/registry"
)

func clonedDetail(t testing.TB, raw []byte) *entry.Detail {
	t.Helper()
	again, err := entry.ParseDetail(raw)
	must(t, err)
	return again
}

// TestReplayFindsLies has a hub sign, with its own key, a log that is consistent in itself but breaks its rules.
// Verify cannot see it; Replay names the entry and what differs.
func TestReplayFindsLies(t *testing.T) {
	l := real(t)
	honest := readLog(t, l.dir, l.vkey)
	permitted := the(t, honest, 1, share("assessment.share", fairlead.Delivered))
	redacted := the(t, honest, 1, share("assessment.share", fairlead.DeliveredRedacted))
	refused := the(t, honest, 1, share("assessment.share", fairlead.Refused))
	proposal := the(t, honest, 1, share("agreement.proposal", fairlead.Delivered))
	acked := the(t, honest, 1, func(p pair) bool { return share("ack", fairlead.Delivered)(p) && p.leaf.To == "ALDER" })
	notice := the(t, honest, 1, func(p pair) bool { return p.detail.Notice != nil })
	second := the(t, honest, 2, func(p pair) bool { return p.detail.Notice != nil })
	enrolled := the(t, honest, 2, func(p pair) bool { return p.detail.Register != nil && p.detail.Register.Action == "enrol" })
	unread := the(t, honest, 1, func(p pair) bool { return p.detail.Unparsed != nil })
	last := the(t, honest, 2, share("assessment.share", fairlead.Delivered))
	tests := map[string]struct {
		at    int
		lie   func(p *pair)
		after func(l *entry.Leaf)
		more  func(pairs []pair) []pair
		want  []string
	}{
		"delivers against the agreement": {at: refused, lie: func(p *pair) {
			d := &p.detail.Share.Decision
			d.Result, d.Ground, d.Agreement, d.Causes = fairlead.Delivered, fairlead.GroundAgreement, "A1/1", nil
			p.leaf.Outcome, p.leaf.Counter = entry.OutcomeDelivered, 1
		}, want: []string{"decision: the log says delivered, on agreement A1/1; by its own rules: refused, on ground none", "E_AGREEMENT_NONE"}},
		"refuses what is permitted": {at: last, lie: func(p *pair) {
			d := &p.detail.Share.Decision
			d.Result = fairlead.Refused
			p.leaf.Outcome, p.leaf.Counter = entry.OutcomeNotDelivered, 0
		}, want: []string{"decision: the log says refused"}},
		"drops a permitted section": {at: permitted, lie: func(p *pair) {
			d := &p.detail.Share.Decision
			d.Result, d.Sections[1].Delivered = fairlead.DeliveredRedacted, false
		}, want: []string{"section 2, ASSESS: the log says withheld", "by its own rules: delivered under A1/1#t1"}},
		"drops it without saying so": {at: permitted, after: func(l *entry.Leaf) {
			l.Delivered = envelope.SetDigest(honest[permitted].detail.SetSalt(), honest[permitted].detail.Share.Descriptors[:1])
		}, want: []string{"commitment to the delivered sections"}},
		"delivers a withheld section": {at: redacted, lie: func(p *pair) { p.detail.Share.Decision.Sections[1].Delivered = true }, want: []string{"section 2, HEALTH-PHYS: the log says delivered"}},
		"reuses a counter":            {at: redacted, after: func(l *entry.Leaf) { l.Counter-- }, want: []string{"counter of BIRCH: the log says 3; by its own rules: 4"}},
		"skips a counter":             {at: redacted, after: func(l *entry.Leaf) { l.Counter++ }, want: []string{"counter of BIRCH: the log says 5; by its own rules: 4"}},
		"states another reason": {
			at: refused, lie: func(p *pair) { p.detail.Share.Decision.Causes[0].Reason = "E_TRAINING" },
			want: []string{"reasons: the log says E_TRAINING"},
		},
		"hides a reason":                  {at: redacted, lie: func(p *pair) { p.detail.Share.Decision.Sections[1].Causes[0].Private = true }, want: []string{"not told to the sender"}},
		"moves a deadline":                {at: proposal, lie: func(p *pair) { p.detail.Share.Decision.Due[0].At = "2027-12-24" }, want: []string{"deadlines: the log says DL-ACK-CASE 2027-12-24"}},
		"cites another entry":             {at: permitted, lie: func(p *pair) { p.detail.Share.Decision.Used[0]++ }, want: []string{"entries used: the log says ["}},
		"another engine":                  {at: permitted, lie: func(p *pair) { p.detail.Share.Decision.Engine = 9 }, want: []string{"engine: the log says 9"}},
		"tells the sender something else": {at: permitted, after: func(l *entry.Leaf) { l.Verdict[0] ^= 1 }, want: []string{"commitment to the verdict"}},
		"names another sender":            {at: permitted, after: func(l *entry.Leaf) { l.From = "CEDAR" }, want: []string{"sender: the log says CEDAR; by its own rules: ALDER"}},
		"names another recipient":         {at: acked, after: func(l *entry.Leaf) { l.To, l.Counter = "CEDAR", 1 }, want: []string{"recipient: the log says CEDAR; by its own rules: ALDER"}},
		"calls a refusal held":            {at: refused, after: func(l *entry.Leaf) { l.Outcome = entry.OutcomeHeld }, want: []string{"outcome: the log says held; by its own rules: not delivered"}},
		"names another share":             {at: permitted, after: func(l *entry.Leaf) { l.Share[15] ^= 1 }, want: []string{"share id"}},
		"calls a share a notice":          {at: refused, after: func(l *entry.Leaf) { l.Class = entry.ClassNotice }, want: []string{"class: the log says notice; by its own rules: share"}},
		"decides a share twice": {at: len(honest), more: func(pairs []pair) []pair {
			p := honest[last]
			p.leaf.Counter++
			return append(pairs, p)
		}, want: []string{"share: the log says another decision on share "}},
		"alters a descriptor": {at: redacted, lie: func(p *pair) {
			sh := p.detail.Share
			sh.Descriptors[1] = []byte(strings.Replace(string(sh.Descriptors[1]), "HEALTH-PHYS", "ASSESS", 1))
		}, want: []string{"descriptor 2: the log says one that the signed header does not list"}},
		"doubles a descriptor": {at: permitted, lie: func(p *pair) { p.detail.Share.Descriptors[1] = p.detail.Share.Descriptors[0] }, want: []string{"descriptor 2: the log says one that the signed header does not list"}},
		"leaves out a key":     {at: permitted, lie: func(p *pair) { p.detail.Share.Keys = p.detail.Share.Keys[1:] }, want: []string{"section keys: the log says 2"}},
		"blanks a key":         {at: permitted, lie: func(p *pair) { p.detail.Share.Keys[0] = "" }, want: []string{"key of section 1"}},
		"alters a header": {at: permitted, lie: func(p *pair) {
			p.detail.Share.Header = []byte(strings.Replace(string(p.detail.Share.Header), "TH3", "TH4", 1))
		}, want: []string{"digest of the header", "E_SIGNATURE"}},
		"forges a signature": {at: permitted, lie: func(p *pair) {
			sh := p.detail.Share
			sh.Header = []byte(strings.Replace(string(sh.Header), "TH3", "TH4", 1))
			sh.Digest = envelope.HeaderDigest(sh.Header)
		}, want: []string{"by its own rules: E_SIGNATURE"}},
		"garbles a header": {at: permitted, lie: func(p *pair) { p.detail.Share.Header = []byte("{}") }, want: []string{"header: the log says"}},
		"alters a proposal": {at: proposal, lie: func(p *pair) {
			p.detail.Share.Record = []byte(strings.Replace(string(p.detail.Share.Record), "words", "words!", 1))
		}, want: []string{"record: the log says one that the signed header does not name"}},
		"part out of range": {at: permitted, lie: func(p *pair) { p.detail.Share.Decision.Sections[0].Part = -1 }, want: []string{"section 1, EDU: the log says section 0, EDU"}},
		"enrols another type": {at: enrolled, lie: func(p *pair) {
			p.detail.Register.Record = []byte(strings.Replace(string(p.detail.Register.Record), "STATUTORY_OVERSEAS", "POLICE_OVERSEAS", 1))
		}, want: []string{"effect on the register", "does not repeat the request"}},
		"an unknown act":     {at: enrolled, lie: func(p *pair) { p.detail.Register.Action = "expel" }, want: []string{`unknown act "expel"`}},
		"acts for an agency": {at: enrolled, after: func(l *entry.Leaf) { l.From = "ALDER" }, want: []string{"sender: the log says ALDER; by its own rules: HUB"}},
		"a notice not owed": {at: notice, lie: func(p *pair) {
			p.detail.Notice.Record = []byte(strings.Replace(string(p.detail.Notice.Record), `"A1"`, `"A9"`, 1))
		}, want: []string{"notice: the log says a notice to ALDER that was not owed", "record of the notice"}},
		"tells another agency": {at: notice, lie: func(p *pair) {
			p.detail.Notice.Header = []byte(strings.Replace(string(p.detail.Notice.Header), `"to":{"agency":"ALDER"}`, `"to":{"agency":"CEDAR"}`, 1))
		}, after: func(l *entry.Leaf) { l.To, l.Counter = "CEDAR", 1 }, want: []string{"notice: the log says a notice to CEDAR that was not owed"}},
		"a notice told twice": {at: len(honest), more: func(pairs []pair) []pair {
			p := honest[second]
			p.leaf.At, p.leaf.Counter = honest[len(honest)-1].leaf.At, 6
			return append(pairs, p)
		}, want: []string{"that was not owed"}},
		"tells nobody": {at: second, more: func(pairs []pair) []pair { // an idle entry in place of the notice
			at := pairs[second].leaf.At
			pairs[second] = pair{
				leaf:   entry.Leaf{Class: entry.ClassUnparsed, Outcome: entry.OutcomeNotDelivered, At: at, Share: fairlead.ShareID{1}},
				detail: &entry.Detail{Salt: make([]byte, 16), Unparsed: &entry.Unparsed{Minute: fairlead.At(at), Count: 1}},
			}
			return pairs
		}, want: nil},
		"blames another agency": {at: unread, after: func(l *entry.Leaf) { l.From = "CEDAR" }, want: []string{"sender: the log says CEDAR; by its own rules: ALDER"}},
		"counts nothing":        {at: unread, lie: func(p *pair) { p.detail.Unparsed.Count = 0 }, want: []string{"count: the log says 0"}},
		"a detail in a later form": {
			at: refused, lie: func(p *pair) { p.raw = []byte(strings.Replace(string(p.detail.Marshal()), `{"v":1`, `{"v":2`, 1)) },
			want: []string{"detail: the log says"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pairs := append([]pair{}, honest...)
			if tt.lie != nil {
				pairs[tt.at].detail, pairs[tt.at].raw = clonedDetail(t, pairs[tt.at].raw), nil
				tt.lie(&pairs[tt.at])
			}
			if tt.more != nil {
				pairs = tt.more(pairs)
			}
			dir := forge(t, l.skey, l.vkey, pairs, func(i int, l *entry.Leaf) {
				if i == tt.at && tt.after != nil {
					tt.after(l)
				}
			})
			if r, err := monitor.Verify(t.Context(), dir, l.vkey); err != nil {
				t.Fatalf("the log is sound, and yet: %+v %v", r.Faults, err)
			}
			r, err := monitor.Replay(t.Context(), dir, l.vkey)
			if !errors.Is(err, monitor.ErrReplay) {
				t.Fatalf("not noticed: %v", err)
			}
			t.Log(r.Words())
			for _, want := range tt.want {
				if !said(r, int64(tt.at), want) {
					t.Errorf("nothing says of entry %d: %q", tt.at, want)
				}
			}
			if first := r.Replay.Differences[0]; tt.want != nil && first.Entry != int64(tt.at) {
				t.Errorf("the first difference is of entry %d, want %d", first.Entry, tt.at)
			}
			if tt.want == nil && !strings.Contains(r.Words(), "missing entry: the log says nothing by") {
				t.Error("nobody misses the notice")
			}
		})
	}
}

func said(r monitor.Report, at int64, want string) bool {
	for _, d := range r.Replay.Differences {
		if d.Entry == at && strings.Contains(d.String(), want) {
			return true
		}
	}
	return false
}

// TestReplayGoesOn: after a lie, the entries that do follow from what is recorded are not blamed.
func TestReplayGoesOn(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	at := the(t, pairs, 1, share("assessment.share", fairlead.Refused))
	pairs[at].detail.Share.Decision.Causes[0].Advice, pairs[at].raw = "no", nil
	r, err := monitor.Replay(t.Context(), forge(t, l.skey, l.vkey, pairs, nil), l.vkey)
	if !errors.Is(err, monitor.ErrReplay) || len(r.Replay.Differences) != 1 {
		t.Errorf("%v: %+v", err, r.Replay.Differences)
	}
	if want := int64(len(pairs)); r.Size != want {
		t.Errorf("replayed %d of %d", r.Size, want)
	}
}

// TestReplaySpeed says how long a large log takes; it asserts nothing.
func BenchmarkReplay(b *testing.B) {
	l := real(b)
	dir := forge(b, l.skey, l.vkey, readLog(b, l.dir, l.vkey), nil)
	began, n := time.Now(), int64(0)
	for b.Loop() {
		r, err := monitor.Replay(b.Context(), dir, l.vkey)
		must(b, err)
		n += r.Size
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "entries/s")
}

// TestReplayVerifies: what Verify finds in the entries, Replay finds too, and replays nothing.
func TestReplayVerifies(t *testing.T) {
	l := real(t)
	f := &field{T: t, made: l, pairs: longer(readLog(t, l.dir, l.vkey), 600)}
	backdated := slices.Clone(f.pairs)
	backdated[500].leaf.At = backdated[498].leaf.At
	record, err := json.Marshal(registry.Erasing{Reason: "mistake", Details: []registry.Detail{{Entry: 500}}})
	must(t, err)
	order := pair{leaf: entry.Leaf{
		Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: f.pairs[599].leaf.At, Share: fairlead.NewShareID(), From: fairlead.Hub, To: fairlead.Hub,
	}, detail: &entry.Detail{Register: &entry.Register{Action: registry.Erase, Record: record}}}
	for says, pairs := range map[string][]pair{
		"earlier than the entry before it":              backdated,
		"ordered erased by entry 600 and is still here": append(slices.Clone(f.pairs), order),
	} {
		dir := forge(t, l.skey, l.vkey, pairs, nil)
		r, err := monitor.Replay(t.Context(), dir, l.vkey)
		v, found := monitor.Verify(t.Context(), dir, l.vkey)
		if !errors.Is(err, monitor.ErrAltered) || !strings.Contains(err.Error(), says) || r.Replay != nil || found == nil || len(r.Faults) != len(v.Faults) {
			t.Errorf("%s: %v, %+v", says, err, r)
		}
	}
}

// TestForgedFarBehind: a signature that is checked ahead of the fold, as all are but those of the first blocks, is
// checked all the same.
func TestForgedFarBehind(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	last := pairs[the(t, pairs, 1, share("assessment.share", fairlead.Delivered))]
	pairs = longer(pairs, 256*(runtime.GOMAXPROCS(0)+5))
	last.detail, last.raw = clonedDetail(t, last.raw), nil
	header(t, &last, func(h *envelope.Header) { h.ID = fairlead.NewShareID() })
	last.leaf.At = pairs[len(pairs)-1].leaf.At
	r, err := monitor.Replay(t.Context(), forge(t, l.skey, l.vkey, append(pairs, last), nil), l.vkey)
	if !errors.Is(err, monitor.ErrReplay) || !strings.Contains(r.Words(), "E_SIGNATURE") {
		t.Errorf("%v\n%s", err, r.Words())
	}
}
