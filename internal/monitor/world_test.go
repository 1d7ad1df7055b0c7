package monitor_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/monitor"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

var start = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)

// made is a log made once by a real hub and real agencies, as the mirror an auditor took of it, with the
// hub's secret log key: tests forge with it what a lying hub would sign.
type made struct {
	dir, skey, vkey string
	half            monitor.Report // of the mirror taken half-way
	err             error
}

var scratch string // folder of all that is made once

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "monitor-test-")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var once = sync.OnceValue(makeLog)

// real is the log of the real hub.
func real(t testing.TB) made {
	t.Helper()
	l := once()
	must(t, l.err)
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// story is what happens in the hub; each step panics with what went wrong.
type story struct {
	ctx context.Context
	w   *hubtest.World
}

func (s *story) check(err error) {
	if err != nil {
		panic(err)
	}
}

func (s *story) settle() {
	s.check(s.w.Settle(s.ctx))
	s.w.Clock.Set(s.w.Clock.Now().Add(2 * time.Minute))
}

func (s *story) enrol(id fairlead.AgencyID, kind fairlead.AgencyType, j fairlead.Jurisdiction) {
	_, err := s.w.Enrol(s.ctx, registry.Request{Agency: id, Name: string(id) + " office", Type: kind, Jurisdiction: j, Emergency: true})
	s.check(err)
}

func (s *story) send(from fairlead.AgencyID, d *client.Draft) fairlead.ShareID {
	d.User = "u1"
	if d.Role == "" {
		d.Role = "PRACTITIONER"
	}
	ids, err := s.w.Agency(from).Send(d)
	s.check(err)
	s.settle()
	return ids[0]
}

func (s *story) agree() {
	a := agreement.Agreement{
		ID: "A1", Version: 1, Title: "Assessments", Form: "dsa", Parties: []fairlead.AgencyID{"ALDER", "BIRCH"},
		From: fairlead.At(start), Until: fairlead.At(start.AddDate(1, 0, 0)), ReviewBy: "2027-12-01", DPIA: "DPIA-1", Objective: "x", Summary: "y",
		Governance: agreement.Governance{Rights: "x", Transparency: "x", Accuracy: "x", Security: "x", Retention: "x", Breach: "x", Disputes: "x", Sanctions: "x"},
		Terms: []agreement.Term{{ID: "t1", Text: "words", Permit: &agreement.Scope{
			From: []fairlead.AgencyID{"ALDER"}, To: []fairlead.AgencyID{"BIRCH"}, Purposes: []fairlead.Purpose{"PRT-ASSESS"}, Kinds: []string{"assessment.share"},
			Bases: []fairlead.Art6{"A6-1-c"}, Sections: []fairlead.SectionCode{"EDU", "ASSESS"}, Transfer: "A45",
		}}},
	}
	for _, id := range a.Parties {
		a.Signatories, a.Contacts = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A", Role: "B"}), append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo"})
	}
	record, err := a.Marshal()
	s.check(err)
	s.send("ALDER", &client.Draft{Kind: "agreement.proposal", Role: "AGREEMENT_SIGNATORY", To: []string{"BIRCH"}, Record: record})
	for _, id := range a.Parties {
		sig := fmt.Appendf(nil, `{"id":"A1","version":1,"digest":%q}`, agreement.Digest(record))
		s.send(id, &client.Draft{Kind: "agreement.signature", Role: "AGREEMENT_SIGNATORY", To: []string{"HUB"}, Record: sig})
	}
}

func assessment(to string, codes ...fairlead.SectionCode) *client.Draft {
	d := &client.Draft{
		Kind: "assessment.share", To: []string{to}, Purpose: "PRT-ASSESS", Threshold: "TH3", TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE", S16LA: &envelope.S16LA{Considered: true}, Told: "yes",
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}}, Danger: "clear", Child: "kid",
	}
	for _, c := range codes {
		sec := client.DraftSection{Code: c, Type: "json", Content: []byte(`{"x":"y"}`)}
		if c == "HEALTH-PHYS" {
			sec.Art9, sec.Sch1 = "A9-2-h", "HSC-2"
		}
		d.Sections = append(d.Sections, sec)
	}
	return d
}

func (s *story) record(child string) []byte {
	handle, err := s.w.Agency("ALDER").SubjectHandle(child)
	s.check(err)
	return fmt.Appendf(nil, `{"id":"C-1","subject":%q,"giver":"CHILD_GILLICK","assessor":"u1","at":%q,"items":[{"status":%q}]}`,
		handle, fairlead.At(s.w.Clock.Now()).Format("2006-01-02T15:04:05Z"), fairlead.ConsentStatuses[0])
}

// play has every class of entry and every result.
func (s *story) play(halfway func()) {
	s.check(s.w.Hub.SetRules(s.ctx, registry.Rules{Groups: []registry.Group{{Name: "ALL", Members: []fairlead.AgencyID{"ALDER", "BIRCH"}}}}))
	s.enrol("ALDER", "LA_CSC", "GB-ENG")
	s.enrol("BIRCH", "STATUTORY_OVERSEAS", "RO")
	s.enrol("CEDAR", "POLICE", "GB-ENG")
	s.settle()
	s.agree()
	halfway()
	s.send("ALDER", assessment("BIRCH", "EDU", "ASSESS"))
	s.send("ALDER", assessment("CEDAR", "EDU"))
	got := s.send("ALDER", assessment("BIRCH", "EDU", "HEALTH-PHYS"))
	_, err := s.w.Agency("BIRCH").Acknowledge(got, fairlead.AckAccepted, "PRACTITIONER", "x1")
	s.check(err)
	s.settle()
	s.send("ALDER", &client.Draft{Kind: "consent.record", To: []string{"HUB"}, Record: s.record("kid")})
	alder := s.w.Agency("ALDER")
	on := registry.SubmissionSubject("GB-ENG", alder.Home.Admission.Account, "liaison.note")
	s.check(alder.Conn.Publish(s.ctx, on, []byte("not a share")))
	s.settle()
	s.send("ALDER", assessment("BIRCH", "EDU"))
}

func makeLog() (l made) {
	defer func() {
		if r := recover(); r != nil {
			l.err = fmt.Errorf("make the log: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s := &story{ctx: ctx}
	var err error
	s.w, err = hubtest.Open(ctx, hubtest.Config{Dir: filepath.Join(scratch, "world"), Start: start, HTTP: "127.0.0.1:0"})
	s.check(err)
	defer s.w.Close()
	l.dir = filepath.Join(scratch, "mirror")
	l.vkey = s.w.Hub.LogKey()
	l.skey, err = s.w.LogKey()
	s.check(err)
	credential, err := s.w.Hub.AddAuditor(ctx, "tester")
	s.check(err)
	cfg := monitor.MirrorConfig{URL: s.w.Hub.HTTPURL(), Credential: credential, Dir: l.dir, VKey: l.vkey}
	s.play(func() {
		l.half, err = monitor.Mirror(ctx, cfg)
		s.check(err)
	})
	_, l.err = monitor.Mirror(ctx, cfg)
	return l
}

// pair is one entry of a log to forge.
type pair struct {
	leaf   entry.Leaf
	detail *entry.Detail
	raw    []byte // bytes of the detail; nil where detail was changed
}

// readLog reads the entries of a mirror.
func readLog(t testing.TB, dir, vkey string) (pairs []pair) {
	t.Helper()
	v, err := tlog.NewVerifier(vkey)
	must(t, err)
	_, tree, err := tlog.ReadCheckpoint(dir, v)
	must(t, err)
	r, err := tlog.OpenReader(dir, tree)
	must(t, err)
	d, err := tlog.OpenDetails(filepath.Join(dir, "details"), tree.N)
	must(t, err)
	defer d.Close()
	must(t, r.Entries(t.Context(), 0, tree.N, func(i int64, b []byte) error {
		l, err := entry.ParseLeaf(b)
		must(t, err)
		raw, err := d.Get(i)
		must(t, err)
		detail, err := entry.ParseDetail(raw)
		must(t, err)
		pairs = append(pairs, pair{leaf: l, detail: detail, raw: raw})
		return nil
	}))
	return pairs
}

// forge makes a mirror of a log of these entries, signed with skey. The leaves commit to the details;
// after may change them once more.
func forge(t testing.TB, skey, vkey string, pairs []pair, after func(i int, l *entry.Leaf)) string {
	t.Helper()
	dir := t.TempDir()
	w, err := tlog.OpenWriter(dir, tlog.Tree{})
	must(t, err)
	d, err := tlog.OpenDetails(filepath.Join(dir, "details"), 0)
	must(t, err)
	for i, p := range pairs {
		raw := p.raw
		if raw == nil {
			raw = p.detail.Marshal()
		}
		l := p.leaf
		p.detail.Commit(&l, raw)
		if after != nil {
			after(i, &l)
		}
		must(t, w.Append(l.Marshal()))
		must(t, d.Append(raw))
	}
	must(t, w.Flush())
	must(t, d.Close())
	signer, err := tlog.NewSigner(skey)
	must(t, err)
	cp, err := tlog.SignCheckpoint(signer, w.Tree())
	must(t, err)
	must(t, w.PutCheckpoint(cp))
	must(t, os.WriteFile(filepath.Join(dir, "log.vkey"), []byte(vkey+"\n"), 0o600))
	return dir
}

// longer adds entries on unreadable submissions to a log, n in all, so that it fills tiles.
func longer(pairs []pair, n int) []pair {
	last := pairs[len(pairs)-1].leaf.At
	for i := len(pairs); i < n; i++ {
		last = last.Add(time.Second)
		l := entry.Leaf{Class: entry.ClassUnparsed, Outcome: entry.OutcomeNotDelivered, At: last}
		l.Share[0] = byte(i)
		salt := sha256.Sum256(fmt.Append(nil, i))
		pairs = append(pairs, pair{leaf: l, detail: &entry.Detail{Salt: salt[:16], Unparsed: &entry.Unparsed{
			Account: "nobody", Minute: fairlead.At(last.Truncate(time.Minute)), Count: 1,
		}}})
	}
	return pairs
}

const credential = "read-me"

// site serves a mirror's folder as a hub does. It can be changed between two requests.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	dir     string
	asked   []string
	replace func(name string, b []byte) ([]byte, int) // nil: serve what is there
}

func serve(t testing.TB, dir string) *site {
	t.Helper()
	s := &site{dir: dir}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *site) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	s.asked = append(s.asked, name)
	secret := strings.HasPrefix(name, "details/") || strings.HasPrefix(name, "tile/entries/")
	if got := r.Header.Get("Authorization"); secret && got != "Bearer "+credential || !secret && got != "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	b, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
	code := http.StatusOK
	if err != nil {
		code = http.StatusNotFound
	}
	if s.replace != nil {
		if again, c := s.replace(name, b); c != 0 {
			b, code = again, c
		}
	}
	w.WriteHeader(code)
	w.Write(b)
}

func (s *site) config(dir, vkey string) monitor.MirrorConfig {
	return monitor.MirrorConfig{URL: s.URL, Credential: credential, Dir: dir, VKey: vkey, HTTP: s.Client()}
}

// content is every file of a folder with its SHA-256.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		must(t, err)
		sum := sha256.Sum256(b)
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = hex.EncodeToString(sum[:])
		return err
	}))
	return files
}

// clone is a copy of a folder.
func clone(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "mirror")
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// the is the index of the n-th entry that f picks.
func the(t testing.TB, pairs []pair, n int, f func(p pair) bool) int {
	t.Helper()
	for i, p := range pairs {
		if !f(p) {
			continue
		}
		if n--; n == 0 {
			return i
		}
	}
	t.Fatal("no such entry")
	return 0
}

// share picks shares of a kind with a result.
func share(kind string, result fairlead.Result) func(pair) bool {
	return func(p pair) bool {
		if p.detail.Share == nil || p.detail.Share.Decision.Result != result {
			return false
		}
		h, err := envelope.ParseHeader(p.detail.Share.Header)
		return err == nil && h.Kind == kind
	}
}
