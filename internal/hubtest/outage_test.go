package hubtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/broker"
	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
)

// said is a log that tests read while programs write.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) has(words string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), words)
}

// spoil changes one letter of the record, or where there is none of the act, in the first detail on the hub's
// disk of which is returns true. The detail stays JSON, and no longer matches its entry.
func (w *World) spoil(t *testing.T, is func(*entry.Detail) bool) {
	t.Helper()
	path := filepath.Join(w.Dir, "hub", broker.DetailsDir, "000")
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for rest := all; len(rest) > 4; {
		raw := rest[4 : 4+binary.BigEndian.Uint32(rest)]
		rest = rest[4+len(raw):]
		d, err := entry.ParseDetail(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !is(d) {
			continue
		}
		at := bytes.LastIndex(raw, []byte(`"record":`)) + 40 // within the base64 of the record, or a value of the act
		raw[at] = map[bool]byte{true: 'B', false: 'A'}[raw[at] == 'A']
		if err := os.WriteFile(path, all, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no such detail")
}

func ofKind(kind string) func(*entry.Detail) bool {
	return func(d *entry.Detail) bool {
		if d.Share == nil {
			return false
		}
		h, err := d.Share.Parsed()
		return err == nil && h.Kind == kind
	}
}

// TestOutage: a hub that cannot read the detail of an agreement or a consent starts and says so; then only
// alerts of immediate danger go, to statutory bodies with a duty inbox, and what was delivered is still
// acknowledged. Everything else is refused by name.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"agreement.proposal", "agreement.signature", "consent.record"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var log said
			w := New(t, Config{Log: zerolog.New(&log)})
			w.consent(t)
			w.Close()
			w.spoil(t, ofKind(kind))
			ctx := within(t)
			if err := w.Reopen(ctx); err != nil {
				t.Fatal(err)
			}
			defer w.Close() // its log is altered: nothing to check at the end
			if !log.has("an agreement or a consent cannot be read") {
				t.Error("the hub does not say what it cannot read")
			}
			if s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{}`))); s.Verdict.Result != fairlead.Refused || s.Verdict.Causes[0].Reason != fairlead.ReasonUnavailable {
				t.Errorf("an assessment: %+v", s.Verdict)
			}
			alert := DraftAlert(Section("RISK", `{}`))
			alert.To = []string{string(Birch)}
			if s := w.send(t, Alder, alert); s.Verdict.Result != fairlead.Delivered || s.Verdict.Ground != fairlead.GroundEmergency || s.State != client.Delivered {
				t.Errorf("an alert: %s %+v", s.State, s.Verdict)
			}
			alert.To = []string{string(Cedar)} // no duty inbox
			if s := w.send(t, Alder, alert); s.Verdict.Result != fairlead.Refused || s.Verdict.Causes[0].Reason != fairlead.ReasonUnavailable {
				t.Errorf("an alert to a body without a duty inbox: %+v", s.Verdict)
			}
		})
	}
}

// TestNoKeysNoHub: agencies and keys load apart from agreements and consents. Without one of those nothing
// may go at all.
func TestNoKeysNoHub(t *testing.T) {
	t.Parallel()
	for name, is := range map[string]func(*entry.Detail) bool{
		"an enrolment": func(d *entry.Detail) bool { return d.Register != nil && d.Register.Action == "enrol" },
		"a key":        ofKind("agency.certificate"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := New(t, Config{})
			birch := w.Agency(Birch)
			w.Clock.Set(w.Clock.Now().Add(time.Hour))
			if _, err := birch.Home.RotateKey(birch.Client, "DPO", "dpo1"); err != nil {
				t.Fatal(err)
			}
			w.settle(t)
			w.Close()
			w.spoil(t, is)
			if err := w.Reopen(within(t)); err == nil {
				t.Error("it starts")
				w.Close()
			}
		})
	}
}

func (w *World) consent(t *testing.T) {
	t.Helper()
	handle, err := w.Agency(Alder).SubjectHandle("kid")
	if err != nil {
		t.Fatal(err)
	}
	at := fairlead.At(w.Clock.Now())
	text, err := at.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	record := fmt.Sprintf(`{"id":"c-1","subject":%q,"giver":"CHILD_16","at":%q,"items":[{"status":"given","sections":["EDU"]}]}`, handle, text)
	w.send(t, Alder, DraftConsent("kid", []byte(record)))
}
