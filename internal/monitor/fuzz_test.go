package monitor

import (
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
)

// FuzzEntry replays an entry that a hub made up: whatever it holds, it is counted, and named or
// followed, and never stops the replay.
func FuzzEntry(f *testing.F) {
	for _, seed := range []string{
		`{"v":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","register":{"action":"enrol","record":{}}}`,
		`{"v":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","register":{"action":"rules","record":{"groups":[]}}}`,
		`{"v":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","notice":{"header":"e30=","record":"e30="}}`,
		`{"v":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","unparsed":{"account":"A","minute":"2027-01-04T09:00:00Z","count":1,"digest":"0000000000000000000000000000000000000000000000000000000000000000","cause":{"reason":"E_SCHEMA","check":"P00"}}}`,
		`{"v":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","share":{"account":"A","subject":"s","digest":"0000000000000000000000000000000000000000000000000000000000000000","header":"e30=","signature":"","descriptors":[],"keys":[],"decision":{"engine":1,"result":"delivered","ground":"none","sections":[{"part":-1,"code":"EDU","delivered":true}]}}}`,
	} {
		f.Add([]byte(seed), byte(1), byte(1), uint64(1), int64(1))
	}
	golden, err := readSegment("testdata/golden", 0)
	if err != nil || len(golden) == 0 {
		f.Fatal("no golden log to begin from", err)
	}
	for i, raw := range golden {
		f.Add(raw, byte(1+i%4), byte(1+i%3), uint64(i), int64(1800000000000))
	}
	f.Fuzz(func(t *testing.T, raw []byte, class, outcome byte, counter uint64, at int64) {
		p := newReplayer()
		l := entry.Leaf{Class: entry.Class(class), Outcome: entry.Outcome(outcome), Counter: counter, At: time.UnixMilli(at & (1<<50 - 1)), To: "ALDER", Share: fairlead.ShareID{1}}
		l.Detail = entry.DetailDigest(raw)
		for i := range int64(2) {
			r := &record{index: i, leaf: l, raw: raw}
			r.detail, r.why = entry.ParseDetail(raw)
			r.derive()
			p.entry(r)
		}
		if p.snap.Size() != 2 {
			t.Errorf("%d entries after two", p.snap.Size())
		}
		if _, err := entry.ParseDetail(raw); err != nil && len(p.tally.Differences) != 2 {
			t.Errorf("%d differences for two entries that cannot be read", len(p.tally.Differences))
		}
	})
}
