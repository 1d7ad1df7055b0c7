package monitor_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
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

// field is what attacks work on: a mirror of 600 entries, and the same log with the hub's own key at hand.
type field struct {
	*testing.T
	made
	pairs []pair
	dir   string // a copy of the mirror, to be altered
	hub   *site  // serves the mirror; its own folder is a copy, too
}

// attack is one thing that somebody does to the log, by whom it is noticed, and what they then say.
type attack struct {
	who, says string
	do        func(f *field) error
}

// verify, replay and mirror are what an auditor runs; each returns what it says.
func (f *field) verify() error {
	_, err := monitor.Verify(f.Context(), f.dir, f.vkey)
	return err
}

func (f *field) replay(dir string) error {
	if _, err := monitor.Verify(f.Context(), dir, f.vkey); err != nil {
		return fmt.Errorf("the log is not even sound: %w", err)
	}
	_, err := monitor.Replay(f.Context(), dir, f.vkey)
	return err
}

// mirror brings a copy of the mirror up to what the hub serves.
func (f *field) mirror() error {
	_, err := monitor.Mirror(f.Context(), f.hub.config(f.dir, f.vkey))
	return err
}

// lie has the hub change one share and sign the log with it.
func (f *field) lie(at int, change func(p *pair), after func(l *entry.Leaf)) error {
	pairs := slices.Clone(f.pairs)
	pairs[at].detail, pairs[at].raw = clonedDetail(f.T, pairs[at].raw), nil
	if change != nil {
		change(&pairs[at])
	}
	return f.replay(forge(f.T, f.skey, f.vkey, pairs, func(i int, l *entry.Leaf) {
		if i == at && after != nil {
			after(l)
		}
	}))
}

func (f *field) share(n int, result fairlead.Result) int {
	return the(f.T, f.pairs, n, share("assessment.share", result))
}

// file changes one file of the copy and verifies.
func file(name string, alter func([]byte) []byte) func(*field) error {
	return func(f *field) error {
		change(f.T, f.dir, name, alter)
		return f.verify()
	}
}

func bit(at int) func([]byte) []byte { return flipped(at) }

func cutBy(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }

// exchange swaps two leaves of a bundle, of one length each.
func exchange(i, j int) func([]byte) []byte {
	const size = 2 + entry.LeafSize
	return func(b []byte) []byte {
		a := bytes.Clone(b[i*size : (i+1)*size])
		copy(b[i*size:], b[j*size:(j+1)*size])
		copy(b[j*size:], a)
		return b
	}
}

// replaced puts files of another folder into the copy, or all of them.
func (f *field) replaced(from string, names ...string) {
	if len(names) == 0 {
		must(f.T, os.RemoveAll(f.dir))
		must(f.T, os.CopyFS(f.dir, os.DirFS(from)))
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(from, name))
		must(f.T, err)
		must(f.T, os.MkdirAll(filepath.Dir(filepath.Join(f.dir, name)), 0o700))
		must(f.T, os.WriteFile(filepath.Join(f.dir, name), b, 0o600))
	}
}

// other is the log with another past, which the hub's key signs too.
func (f *field) other(skey string) string {
	pairs := slices.Clone(f.pairs)
	pairs[12].detail, pairs[12].raw = clonedDetail(f.T, pairs[12].raw), nil
	pairs[12].detail.Salt[3] ^= 1
	return forge(f.T, skey, f.vkey, pairs, nil)
}

const auditor, mirroring, replaying = "auditor, verify", "auditor, mirror or watch", "auditor, replay"

// onFiles are attacks on a copy of the log: by a thief of the disk, or an auditor who is not honest.
var onFiles = map[string]attack{
	"flip a bit of an entry":            {auditor, "entry 300 does not match its hash", file("tile/entries/001", bit(198*44+60))},
	"flip a bit of the last entry":      {auditor, "entry 599 does not match its hash", file("tile/entries/002.p/88", bit(198*87+2))},
	"flip a bit of a hash":              {auditor, "entry 266: hash 10 of tile/0/001", file("tile/0/001", bit(32*10+1))},
	"flip a bit of an upper hash":       {auditor, "tile/1/000.p/2", file("tile/1/000.p/2", bit(33))},
	"flip a bit of a detail":            {auditor, "its detail was altered", file("details/000", bit(3000))},
	"flip a bit of the checkpoint":      {auditor, "checkpoint", file("checkpoint", bit(30))},
	"flip a bit of the log's signature": {auditor, "checkpoint", file("checkpoint", bit(-9))},
	"flip a bit of the key":             {auditor, "log.vkey", file("log.vkey", bit(-5))},
	"cut off entries":                   {auditor, "ends inside entry 511", file("tile/entries/001", cutBy(70))},
	"cut off hashes":                    {auditor, "tile/0/001 has 8191 bytes", file("tile/0/001", cutBy(1))},
	"cut off details":                   {auditor, "ends inside detail 599", file("details/002", cutBy(5))},
	"reorder two entries":               {auditor, "entry 4 (and 1 more there) does not match", file("tile/entries/000", exchange(4, 9))},
	"swap two details":                  {auditor, "entry 4: its detail was altered", func(f *field) error { swap(f.T, f.dir, "details/000", 4, 9); return f.verify() }},
	"add a file":                        {auditor, "notes.txt is unknown", func(f *field) error { add(f.T, f.dir, "notes.txt"); return f.verify() }},
	"remove all details of 256 entries": {auditor, "details/001 is missing", func(f *field) error { must(f.T, os.Remove(filepath.Join(f.dir, "details/001"))); return f.verify() }},
	"drop the last entry":               {auditor, "tile/0/002.p/87 is unknown", func(f *field) error { return f.dropTail() }},
	"roll the copy's checkpoint back":   {auditor, "larger than the checkpoint's 599 entries", func(f *field) error { f.replaced(f.short(), "checkpoint"); return f.verify() }},
	"splice in entries of another log": {auditor, "do not match", func(f *field) error {
		f.replaced(f.other(f.skey), "details/000", "tile/entries/000", "tile/0/000")
		return f.verify()
	}},
	"rewrite it and sign with another key":   {auditor, "not signed by the key", func(f *field) error { f.replaced(f.other(otherKey(f.T))); return f.verify() }},
	"rewrite it and put another key into it": {auditor, "another key than the one given", func(f *field) error { return f.rekeyed() }},
	"backdate an entry and sign":             {auditor, "earlier than the entry before it", func(f *field) error { return f.backdated() }},
}

// ofTheHub are attacks by who serves the log.
var ofTheHub = map[string]attack{
	"roll the whole site back": {mirroring, "older log: 599 entries, the mirror has 600", func(f *field) error {
		f.hub.dir = f.short()
		return f.mirror()
	}},
	"rewrite the past and sign": {mirroring, "forked or rewritten", func(f *field) error { f.hub.dir = f.other(f.skey); return f.mirror() }},
	"rewrite the past, grow and sign": {mirroring, "forked or rewritten", func(f *field) error {
		f.pairs = longer(f.pairs, 700)
		f.hub.dir = f.other(f.skey)
		return f.mirror()
	}},
	"sign with another key": {mirroring, "a checkpoint that is not this log's", func(f *field) error { f.hub.dir = f.other(otherKey(f.T)); return f.mirror() }},
	"serve an altered entry": {mirroring, "serves what its own checkpoint does not sign: entry 650", func(f *field) error {
		return f.grown("tile/entries/002.p/188", bit(198*138+9))
	}},
	"serve an altered hash":   {mirroring, "serves what its own checkpoint does not sign", func(f *field) error { return f.grown("tile/0/002.p/188", bit(32*150)) }},
	"serve an altered detail": {mirroring, "details that its log does not commit to: entry 699", func(f *field) error { return f.grown("details/002", bit(-3)) }},
	"withhold entries": {mirroring, "it does not have that file", func(f *field) error {
		f.hub.replace = func(name string, b []byte) ([]byte, int) {
			if strings.HasPrefix(name, "tile/entries/") {
				return nil, 404
			}
			return nil, 0
		}
		return f.grown("log.vkey", bit(0))
	}},
	"show one agency another log": {"auditor, ask AQ26", "are not states of this log", func(f *field) error {
		at := f.share(1, fairlead.Delivered)
		f.pairs[at].detail, f.pairs[at].raw = clonedDetail(f.T, f.pairs[at].raw), nil
		header(f.T, &f.pairs[at], func(h *envelope.Header) { h.Seen.Root[0] ^= 1 })
		x := openIndex(f.T, forge(f.T, f.skey, f.vkey, f.pairs, nil), f.vkey)
		a, err := x.Ask(f.Context(), "AQ26", monitor.Query{})
		must(f.T, err)
		return breach(a)
	}},
}

// lies are what a hub decides against its own rules, logs and signs.
var lies = map[string]attack{
	"decide against the agreement": {replaying, "decision: the log says delivered, on agreement A1/1; by its own rules: refused", func(f *field) error {
		return f.lie(f.share(1, fairlead.Refused), func(p *pair) {
			d := &p.detail.Share.Decision
			d.Result, d.Ground, d.Agreement, d.Causes = fairlead.Delivered, fairlead.GroundAgreement, "A1/1", nil
			p.leaf.Outcome, p.leaf.Counter = entry.OutcomeDelivered, 1
		}, nil)
	}},
	"refuse what is permitted": {replaying, "decision: the log says refused", func(f *field) error {
		return f.lie(f.share(2, fairlead.Delivered), func(p *pair) {
			p.detail.Share.Decision.Result = fairlead.Refused
			p.leaf.Outcome, p.leaf.Counter = entry.OutcomeNotDelivered, 0
		}, nil)
	}},
	"deliver a section that is withheld": {replaying, "section 2, HEALTH-PHYS: the log says delivered", func(f *field) error {
		return f.lie(f.share(1, fairlead.DeliveredRedacted), func(p *pair) { p.detail.Share.Decision.Sections[1].Delivered = true }, nil)
	}},
	"drop a section that is permitted": {replaying, "ASSESS: the log says withheld", func(f *field) error {
		return f.lie(f.share(1, fairlead.Delivered), func(p *pair) { p.detail.Share.Decision.Sections[1].Delivered = false }, nil)
	}},
	"drop it and say nothing": {replaying, "commitment to the delivered sections", func(f *field) error {
		at := f.share(1, fairlead.Delivered)
		return f.lie(at, nil, func(l *entry.Leaf) {
			l.Delivered = envelope.SetDigest(f.pairs[at].detail.SetSalt(), f.pairs[at].detail.Share.Descriptors[:1])
		})
	}},
	"give another reason": {replaying, "reasons: the log says E_TRAINING", func(f *field) error {
		return f.lie(f.share(1, fairlead.Refused), func(p *pair) { p.detail.Share.Decision.Causes[0].Reason = fairlead.ReasonTraining }, nil)
	}},
	"log another verdict than is told": {replaying, "commitment to the verdict", func(f *field) error {
		return f.lie(f.share(1, fairlead.Delivered), nil, func(l *entry.Leaf) { l.Verdict[0] ^= 1 })
	}},
	"reuse a number of a recipient": {replaying, "counter of BIRCH: the log says 3; by its own rules: 4", func(f *field) error {
		return f.lie(f.share(1, fairlead.DeliveredRedacted), nil, func(l *entry.Leaf) { l.Counter-- })
	}},
	"skip a number of a recipient": {replaying, "counter of BIRCH: the log says 5; by its own rules: 4", func(f *field) error {
		return f.lie(f.share(1, fairlead.DeliveredRedacted), nil, func(l *entry.Leaf) { l.Counter++ })
	}},
	"alter what the sender signed": {replaying, "digest of the header", func(f *field) error {
		return f.lie(f.share(1, fairlead.Delivered), func(p *pair) {
			p.detail.Share.Header = bytes.Replace(p.detail.Share.Header, []byte("TH3"), []byte("TH4"), 1)
		}, nil)
	}},
	"make up a share": {replaying, "by its own rules: refused", func(f *field) error {
		return f.lie(f.share(1, fairlead.Delivered), func(p *pair) { header(f.T, p, func(h *envelope.Header) { h.Threshold = "TH4" }) }, nil)
	}},
	"call a section something else": {replaying, "one that the signed header does not list", func(f *field) error {
		return f.lie(f.share(1, fairlead.Delivered), func(p *pair) {
			sh := p.detail.Share
			sh.Descriptors[1] = bytes.Replace(sh.Descriptors[1], []byte("ASSESS"), []byte("LEGAL"), 1)
		}, nil)
	}},
	"decide a share twice": {replaying, "another decision on share", func(f *field) error {
		again := f.pairs[f.share(2, fairlead.Delivered)]
		again.leaf.At, again.leaf.Counter = f.pairs[len(f.pairs)-1].leaf.At, 6
		return f.replay(forge(f.T, f.skey, f.vkey, append(slices.Clone(f.pairs), again), nil))
	}},
	"swap a certificate": {replaying, "effect on the register: the log says a change of it; by its own rules: none", func(f *field) error { return f.swappedCertificate() }},
	"forge a signature under an agreement": {replaying, "by its own rules: refused", func(f *field) error {
		at := the(f.T, f.pairs, 1, share("agreement.signature", fairlead.Delivered))
		return f.lie(at, func(p *pair) { header(f.T, p, func(h *envelope.Header) { h.From.Agency = "CEDAR" }) }, nil)
	}},
	"erase before its time is over": {replaying, "retention of entry 500: the log says its time is over", func(f *field) error {
		return f.erased(registry.Erasing{Class: registry.RetentionHeader, Reason: "retention"}, time.Hour)
	}},
	"delete a payload before its time is over": {replaying, "retention of the payload of entry 17: the log says its time is over; by its own rules: it stays: the last acknowledgement", func(f *field) error {
		return f.emptied(f.share(1, fairlead.DeliveredRedacted), 89)
	}},
	"delete a payload that nobody has acknowledged": {replaying, "it stays: it has not got the acknowledgements that it requires (and 1 more)", func(f *field) error {
		return f.emptied(f.share(1, fairlead.Delivered), 1000)
	}},
	"show a sender another log": {replaying, "split view: ALDER signed that it was shown a log", func(f *field) error {
		at := f.share(1, fairlead.Delivered)
		f.pairs[at].detail, f.pairs[at].raw = clonedDetail(f.T, f.pairs[at].raw), nil
		header(f.T, &f.pairs[at], func(h *envelope.Header) { h.Seen.Root[0] ^= 1 })
		r, _ := monitor.Replay(f.Context(), forge(f.T, f.skey, f.vkey, f.pairs, nil), f.vkey)
		for _, s := range r.Replay.Splits {
			return fmt.Errorf("%v", s)
		}
		return nil
	}},
	"keep from a party that an agreement is in force": {replaying, "missing entry", func(f *field) error {
		at := the(f.T, f.pairs, 2, func(p pair) bool { return p.detail.Notice != nil })
		pairs := slices.Clone(f.pairs)
		idle := longer(pairs[:at:at], at+1)[at]
		idle.leaf.At = pairs[at].leaf.At
		idle.detail.Unparsed.Minute = fairlead.At(idle.leaf.At)
		pairs[at] = idle
		r, _ := monitor.Replay(f.Context(), forge(f.T, f.skey, f.vkey, pairs, nil), f.vkey)
		for _, d := range r.Replay.Differences {
			if d.What == "missing entry" {
				return fmt.Errorf("%v", d)
			}
		}
		return nil
	}},
}

// erased has the hub erase the detail of entry 500, by an order so long after the last entry, and replays.
func (f *field) erased(order registry.Erasing, after time.Duration) error {
	order.Details = []registry.Detail{{Entry: 500}}
	record, err := json.Marshal(order)
	must(f.T, err)
	pairs := slices.Clone(f.pairs)
	gone := entry.DetailDigest(pairs[500].detail.Marshal())
	pairs[500].raw = make([]byte, len(pairs[500].detail.Marshal()))
	act := pair{leaf: entry.Leaf{
		Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: pairs[len(pairs)-1].leaf.At.Add(after), Share: fairlead.NewShareID(), From: fairlead.Hub, To: fairlead.Hub,
	}, detail: &entry.Detail{Register: &entry.Register{Action: registry.Erase, Record: record}}}
	return f.replay(forge(f.T, f.skey, f.vkey, append(pairs, act), func(i int, l *entry.Leaf) {
		if i == 500 {
			l.Detail = gone
		}
	}))
}

// emptied has the hub delete the payload of an entry, by an order so many days after the last entry, and replays.
func (f *field) emptied(at, days int) error {
	record, err := json.Marshal(registry.Emptying{
		Class: registry.RetentionPayload, Days: registry.PayloadDays, To: "BIRCH", Payloads: []registry.Payload{{Entry: int64(at), Share: f.pairs[at].leaf.Share}},
	})
	must(f.T, err)
	act := pair{leaf: entry.Leaf{
		Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: f.pairs[len(f.pairs)-1].leaf.At.AddDate(0, 0, days), Share: fairlead.NewShareID(), From: fairlead.Hub, To: fairlead.Hub,
	}, detail: &entry.Detail{Register: &entry.Register{Action: registry.EmptyPayloads, Record: record}}}
	return f.replay(forge(f.T, f.skey, f.vkey, append(slices.Clone(f.pairs), act), nil))
}

// TestRetentionInTime: an order of retention that was due follows, and so does any that gives another reason.
func TestRetentionInTime(t *testing.T) {
	l := real(t)
	f := &field{T: t, made: l, pairs: longer(readLog(t, l.dir, l.vkey), 600)}
	for name, test := range map[string]struct {
		order registry.Erasing
		after time.Duration
	}{
		"its time is over":     {registry.Erasing{Class: registry.RetentionHeader, Reason: "retention"}, (registry.HeaderDays + 1) * 24 * time.Hour},
		"a mistake, at once":   {registry.Erasing{Reason: "mistake"}, time.Hour},
		"the order of a court": {registry.Erasing{Reason: "order", Reference: "X-1"}, time.Hour},
	} {
		if err := f.erased(test.order, test.after); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.emptied(f.share(1, fairlead.DeliveredRedacted), registry.PayloadDays); err != nil {
		t.Errorf("the payload: %v", err)
	}
}

// onProofs are attacks on what auditors and parties take away.
var onProofs = map[string]attack{
	"forge a proof: another index": {"anybody with the key", "the receipt does not hold", receiptWith("index 1", "index 2")},
	"forge a proof: another leaf":  {"anybody with the key", "the receipt does not hold", receiptWith("extra AQE", "extra AQI")},
	"forge a proof: a tree of one's own": {"anybody with the key", "not signed by the key", func(f *field) error {
		vkey := f.vkey
		f.skey, f.vkey = keyPair(f.T)
		r, err := openIndex(f.T, f.other(f.skey), f.vkey).Prove(f.Context(), "12")
		must(f.T, err)
		_, err = monitor.VerifyReceipt([]byte(r.Text), vkey)
		return err
	}},
	"leave an entry out of a pack": {"auditor, verify PACK", "entries were left out", func(f *field) error {
		at := the(f.T, f.pairs, 2, func(p pair) bool { return p.leaf.To == "BIRCH" && p.leaf.Counter > 0 })
		openIndex(f.T, f.dir, f.vkey).Close()
		tamper(f.T, f.dir, fmt.Sprintf(`DELETE FROM entries WHERE entry = %d`, at))
		_, err := monitor.VerifyPack(f.Context(), packed(f.T, openIndex(f.T, f.dir, f.vkey), monitor.Query{Agency: "BIRCH"}), f.vkey)
		return err
	}},
	"alter the report in a pack": {"auditor, verify PACK", "report.csv says something else", func(f *field) error {
		file := packed(f.T, openIndex(f.T, f.dir, f.vkey), monitor.Query{})
		_, err := monitor.VerifyPack(f.Context(), repack(f.T, file, in("report.csv", bit(-9))), f.vkey)
		return err
	}},
	"write a false result into the index": {"auditor, search", "0 entries found", func(f *field) error {
		openIndex(f.T, f.dir, f.vkey).Close()
		tamper(f.T, f.dir, `UPDATE entries SET result = 'held' WHERE kind = 'assessment.share'`)
		a, err := openIndex(f.T, f.dir, f.vkey).Search(f.Context(), monitor.Query{Result: "held"})
		must(f.T, err)
		return fmt.Errorf("%s once each hit was read again from the mirror", a.Means)
	}},
}

func breach(a *monitor.Answer) error {
	if !a.Breach {
		return nil
	}
	return fmt.Errorf("%s", a.Means)
}

// receiptWith verifies the receipt of entry 12 with a part changed.
func receiptWith(part, by string) func(f *field) error {
	return func(f *field) error {
		r, err := openIndex(f.T, f.dir, f.vkey).Prove(f.Context(), "12")
		must(f.T, err)
		_, err = monitor.VerifyReceipt([]byte(strings.Replace(r.Text, part, by, 1)), f.vkey)
		return err
	}
}

// short is the log without its last entry, signed.
func (f *field) short() string { return forge(f.T, f.skey, f.vkey, f.pairs[:599], nil) }

func (f *field) dropTail() error {
	must(f.T, os.RemoveAll(filepath.Join(f.dir, "tile/0/002.p")))
	must(f.T, os.RemoveAll(filepath.Join(f.dir, "tile/entries/002.p")))
	f.replaced(f.short(), "tile/0/002.p/87", "tile/entries/002.p/87", "details/002")
	return f.verify()
}

func (f *field) backdated() error {
	pairs := slices.Clone(f.pairs)
	pairs[301].leaf.At = pairs[301].leaf.At.Add(-time.Hour)
	f.replaced(forge(f.T, f.skey, f.vkey, pairs, nil))
	return f.verify()
}

// rekeyed is another log whole, with its own key in the folder: sound in itself.
func (f *field) rekeyed() error {
	vkey := f.vkey
	f.skey, f.vkey = keyPair(f.T)
	f.replaced(f.other(f.skey))
	must(f.T, f.verify())
	f.vkey = vkey
	return f.verify()
}

// grown has the hub serve 700 entries with one file altered.
func (f *field) grown(name string, alter func([]byte) []byte) error {
	f.hub.dir = forge(f.T, f.skey, f.vkey, longer(f.pairs, 700), nil)
	change(f.T, f.hub.dir, name, alter)
	return f.mirror()
}

// swappedCertificate enrols an agency with the certificate of another.
func (f *field) swappedCertificate() error {
	enrol := func(n int) int {
		return the(f.T, f.pairs, n, func(p pair) bool { return p.detail.Register != nil && p.detail.Register.Action == "enrol" })
	}
	first, err := registry.ParseAgency(f.pairs[enrol(1)].detail.Register.Record)
	must(f.T, err)
	return f.lie(enrol(2), func(p *pair) {
		var record map[string]any
		must(f.T, json.Unmarshal(p.detail.Register.Record, &record))
		record["certificate"] = base64.StdEncoding.EncodeToString(first.Certificate)
		p.detail.Register.Record, err = json.Marshal(record)
		must(f.T, err)
	}, nil)
}

// brief is what is said, without folders and the name of the kind of error, in a line of a table.
func brief(err error, dir string) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	for _, kind := range []error{monitor.ErrAltered, monitor.ErrReplay, monitor.ErrMirror} {
		line = strings.TrimPrefix(line, kind.Error()+": ")
	}
	line = strings.ReplaceAll(strings.TrimPrefix(line, "monitor: "), dir+"/", "")
	if r := []rune(line); len(r) > 120 {
		line = string(r[:119]) + "…"
	}
	return line
}

// TestTamper runs every attack and prints the table: attack, who notices, and how. make tamper shows it.
func TestTamper(t *testing.T) {
	l := real(t)
	pairs := longer(readLog(t, l.dir, l.vkey), 600)
	whole := forge(t, l.skey, l.vkey, pairs, nil)
	var table strings.Builder
	n := 0
	for _, attacks := range []map[string]attack{onFiles, ofTheHub, lies, onProofs} {
		for _, name := range slices.Sorted(maps.Keys(attacks)) {
			a := attacks[name]
			t.Run(name, func(t *testing.T) {
				f := &field{T: t, made: l, pairs: slices.Clone(pairs), dir: clone(t, whole), hub: serve(t, whole)}
				err := a.do(f)
				if err == nil || !strings.Contains(err.Error(), a.says) {
					t.Fatalf("not noticed as %q: %v", a.says, err)
				}
				fmt.Fprintf(&table, "tamper: %-48s %-25s %s\n", name, a.who, brief(err, f.dir))
				n++
			})
		}
	}
	t.Logf("%d attacks, each noticed\n%s", n, table.String())
	if n < 25 && !t.Failed() {
		t.Errorf("only %d attacks", n)
	}
}
