package monitor_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
)

// TestShow shows one entry of each class in words and as JSON.
func TestShow(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	redacted := the(t, pairs, 1, share("assessment.share", fairlead.DeliveredRedacted))
	tests := map[string]struct {
		at   int
		want []string
	}{
		"a redacted share": {redacted, []string{
			"class ", "share", "kind ", "assessment.share", "number 4 of BIRCH", "u1 as PRACTITIONER", "A6-1-c, CA1989-47", "delivered_redacted, on agreement A1/1",
			"section 1, EDU", "delivered under A1/1#t1", "section 2, HEALTH-PHYS", "withheld because of E_SECTION_NOT_ALLOWED (P10", `"code":"HEALTH-PHYS"`,
			"stands on", "enrolment of ALDER, LA_CSC in GB-ENG", "agreement.proposal from ALDER to BIRCH: delivered", "agreement.signature from BIRCH to HUB",
		}},
		"a refused share":  {the(t, pairs, 1, share("assessment.share", fairlead.Refused)), []string{"not delivered", "refused, on ground none", "E_AGREEMENT_NONE (P06"}},
		"a proposal":       {the(t, pairs, 1, share("agreement.proposal", fairlead.Delivered)), []string{"due ", "DL-ACK-CASE 2027-01-13, working days of RO"}},
		"an answer":        {the(t, pairs, 1, func(p pair) bool { return share("ack", fairlead.Delivered)(p) && p.leaf.To == "ALDER" }), []string{"answers ", `{"level":"accepted_for_action"}`}},
		"an enrolment":     {the(t, pairs, 1, func(p pair) bool { return p.detail.Register != nil && p.detail.Register.Action == "enrol" }), []string{"act ", "enrolment of ALDER, LA_CSC in GB-ENG", "control"}},
		"a notice":         {the(t, pairs, 1, func(p pair) bool { return p.detail.Notice != nil }), []string{"agreement.status", "notice to ALDER: agreement A1/1 is active"}},
		"rubbish received": {the(t, pairs, 1, func(p pair) bool { return p.detail.Unparsed != nil }), []string{"unreadable ", "submissions of account A", "E_SCHEMA (P00"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := monitor.Show(l.dir, l.vkey, int64(tt.at))
			must(t, err)
			words := s.Words()
			t.Log("\n" + words)
			for _, want := range tt.want {
				if !strings.Contains(words, want) {
					t.Errorf("the words lack %q", want)
				}
			}
			b, err := json.Marshal(s)
			var again monitor.Shown
			if err != nil || json.Unmarshal(b, &again) != nil || again.Entry != int64(tt.at) || again.Words() != words {
				t.Errorf("JSON says something else: %s %v", b, err)
			}
		})
	}
}

// TestShowRefuses: nothing is shown that is not proved.
func TestShowRefuses(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	last := fmt.Sprintf("000.p/%d", len(pairs))
	garbled := append([]pair{}, pairs...)
	garbled[3].raw = []byte("\x1b[2J")
	for name, tt := range map[string]struct {
		dir   string
		alter func(dir string)
		at    int64
		want  error
		text  string
	}{
		"past the end":     {dir: l.dir, at: int64(len(pairs)), want: monitor.ErrMirror, text: fmt.Sprintf("it has %d, numbered from 0", len(pairs))},
		"before the start": {dir: l.dir, at: -1, want: monitor.ErrMirror, text: "no entry -1"},
		"altered detail":   {dir: l.dir, alter: func(dir string) { flip(t, dir, "details/000", 99) }, want: monitor.ErrAltered, text: "entry 0: its detail was altered"},
		"altered entry":    {dir: l.dir, alter: func(dir string) { flip(t, dir, "tile/entries/"+last, 99) }, want: monitor.ErrAltered, text: "entry 0 does not match"},
		"altered tile":     {dir: l.dir, alter: func(dir string) { flip(t, dir, "tile/0/"+last, 9) }, want: monitor.ErrAltered, text: "tile/0/" + last},
		"unsigned":         {dir: l.dir, alter: func(dir string) { flip(t, dir, "checkpoint", 99) }, want: monitor.ErrAltered, text: "checkpoint"},
		"no detail":        {dir: forge(t, l.skey, l.vkey, garbled, nil), at: 3, want: monitor.ErrAltered, text: "detail"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := clone(t, tt.dir)
			if tt.alter != nil {
				tt.alter(dir)
			}
			_, err := monitor.Show(dir, l.vkey, tt.at)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}
