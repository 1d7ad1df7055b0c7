package hubtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/monitor"
	"fairlead/internal/registry"
)

// accept is the word of a person at an agency on a message.
func (w *World) accept(t testing.TB, by fairlead.AgencyID, id fairlead.ShareID, level fairlead.AckLevel) {
	t.Helper()
	if _, err := w.Agency(by).Acknowledge(id, level, "PRACTITIONER", "is1"); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
}

// emptyings are the orders to delete payloads, by entry.
func (w *World) emptyings(t testing.TB) (list []registry.Emptying, at []int64) {
	t.Helper()
	for i, l := range w.lines(t) {
		if l.Detail.Register == nil || l.Detail.Register.Action != registry.EmptyPayloads {
			continue
		}
		e, err := registry.ParseEmptying(l.Detail.Register.Record)
		if err != nil {
			t.Fatal(err)
		}
		list, at = append(list, *e), append(at, int64(i))
	}
	return list, at
}

// days later it is, and so much more.
func (w *World) days(from time.Time, n int, more time.Duration) {
	w.Clock.Set(from.AddDate(0, 0, n).Add(more))
}

// restored puts an agency's folder back from a copy, and has everything taken again.
func (w *World) restored(t *testing.T, id fairlead.AgencyID, saved string) *Agency {
	t.Helper()
	w.disconnect(id)
	if err := os.RemoveAll(w.home(id)); err != nil {
		t.Fatal(err)
	}
	backup(t, saved, w.home(id))
	a, err := w.Connect(within(t), id)
	if err != nil {
		t.Fatal(err)
	}
	w.again(t, id)
	return a
}

func (w *World) again(t *testing.T, id fairlead.AgencyID) {
	t.Helper()
	if err := w.Agency(id).Conn.Rewind(within(t), 0); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
}

// strange are the alarms of an agency but for those on what its restored folder no longer knows that it sent.
func (w *World) strange(t testing.TB, id fairlead.AgencyID) (list []string) {
	t.Helper()
	alarms, err := w.Agency(id).Alarms()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alarms {
		if !strings.HasSuffix(a.What, "never made") {
			list = append(list, a.What)
		}
	}
	return list
}

// save copies the folder of an agency that is connected again.
func (w *World) save(t *testing.T, id fairlead.AgencyID) string {
	t.Helper()
	w.disconnect(id)
	saved := filepath.Join(t.TempDir(), "backup")
	backup(t, w.home(id), saved)
	if _, err := w.Connect(within(t), id); err != nil {
		t.Fatal(err)
	}
	return saved
}

// TestPayloadRetention: ninety days after the last acknowledgement that a share requires, and not before, its payload is
// gone from the hub's disk, by an entry that names it; what nobody has stored or acknowledged, and what is asked back,
// stays. Its recipient goes on, also from an older copy of its folder, which is told what it lacks for good.
func TestPayloadRetention(t *testing.T) {
	t.Parallel()
	w := New(t, Config{HTTP: "127.0.0.1:0", NoCipher: true})
	saved := w.save(t, Birch)
	section := func(n int) client.DraftSection { return Section("EDU", fmt.Sprintf(`{"n":%d}`, n)) }
	acked := w.send(t, Alder, DraftAssessment(Birch, section(1)))
	question := w.send(t, Alder, DraftRequest(Birch, section(2)))
	unseen := w.send(t, Alder, DraftAssessment(Birch, section(3)))
	asked := w.send(t, Alder, DraftAssessment(Birch, section(4)))
	delay := DraftAnswer(Alder, question.ID, section(5))
	delay.Kind = "info.delay" // wants no person
	plain := w.send(t, Birch, delay)
	if plain.Verdict.Result != fairlead.Delivered {
		t.Fatalf("%+v", plain.Verdict)
	}
	first := w.Clock.Now()
	w.days(first, 10, 0)
	w.accept(t, Birch, acked.ID, fairlead.AckOpened)
	w.accept(t, Birch, asked.ID, "cannot_read")
	w.send(t, Alder, w.recall(t, asked.ID))
	w.disconnect(Birch)
	unread := w.alone(t, Alder, DraftAssessment(Birch, section(6)))
	of := map[string][]byte{
		"acked": w.sealed(t, Alder, acked.ID), "question": w.sealed(t, Alder, question.ID), "unseen": w.sealed(t, Alder, unseen.ID),
		"asked": w.sealed(t, Alder, asked.ID), "plain": w.sealed(t, Birch, plain.ID), "unread": w.sealed(t, Alder, unread),
	}
	left := func() (names []string) {
		for name, part := range of {
			if w.holds(t, part) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	all := []string{"acked", "asked", "plain", "question", "unread", "unseen"}

	// 1 Not a day too early, whatever the day.
	w.days(first, 90, -time.Minute)
	w.settle(t)
	w.settle(t)
	if got := left(); !slices.Equal(got, all) {
		t.Fatalf("left %v, too early", got)
	}
	w.days(first, 91, 0)
	w.until(t, func() bool { return !w.holds(t, of["plain"]) })
	if got := left(); !slices.Equal(got, []string{"acked", "asked", "question", "unread", "unseen"}) {
		t.Fatalf("left %v: only what wants no person goes 90 days after it was stored", got)
	}
	w.days(first, 101, 0)
	w.until(t, func() bool { return !w.holds(t, of["acked"]) })
	if got := left(); !slices.Equal(got, []string{"asked", "question", "unread", "unseen"}) {
		t.Fatalf("left %v", got)
	}
	if inFiles(t, filepath.Join(w.Dir, "hub", "nats"), string(of["acked"][:64])) || !inFiles(t, filepath.Join(w.Dir, "hub", "nats"), string(of["unseen"][:64])) {
		t.Error("the hub's disk holds what is deleted, or the test looks for the wrong thing")
	}

	// 2 Each is an entry, which the auditor replays.
	orders, at := w.emptyings(t)
	want := [][]registry.Payload{{{Entry: plain.Index, Share: plain.ID}}, {{Entry: acked.Index, Share: acked.ID}}}
	for i, to := range []fairlead.AgencyID{Alder, Birch} {
		if len(orders) != 2 || orders[i].Class != registry.RetentionPayload || orders[i].Days != 90 || orders[i].To != to || !slices.Equal(orders[i].Payloads, want[i]) {
			t.Fatalf("%+v", orders)
		}
	}
	dir := t.TempDir()
	if _, err := w.auditor(t, dir); err != nil {
		t.Fatal(err)
	}
	if list, _ := gone(t, dir); len(list) > 0 {
		t.Errorf("not replayable: %v", list)
	}
	shown, err := monitor.Show(dir, "", at[1])
	if err != nil || shown.Title != "deletion of 1 payload to BIRCH, stored and acknowledged 90 days before (RT-HUB-PAYLOAD)" {
		t.Errorf("%q %v", shown.Title, err)
	}
	if words := shown.Words(); !strings.Contains(words, fmt.Sprintf("of entry %d, share %s", acked.Index, acked.ID)) {
		t.Errorf("shown as\n%s", words)
	}

	// 3 Its recipient comes back, takes what is new, and all of it again; then from the copy of before.
	birch, err := w.Connect(within(t), Birch)
	if err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	w.again(t, Birch)
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}
	if r, err := birch.Retained(); err != nil || r.Days != 90 || !slices.Equal(r.Entries, []int64{acked.Index}) || len(r.Lost) > 0 || !slices.Equal(r.Orders, at[1:]) {
		t.Errorf("%+v %v", r, err)
	}
	if got := w.open(t, Birch, acked.ID); got["EDU"] != `{"n":1}` {
		t.Errorf("its own copy: %v", got)
	}
	birch = w.restored(t, Birch, saved)
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}
	if r, err := birch.Retained(); err != nil || !slices.Equal(r.Lost, []int64{acked.Index}) {
		t.Errorf("%+v %v", r, err)
	}
	if got := w.open(t, Birch, unseen.ID); got["EDU"] != `{"n":3}` {
		t.Errorf("what came after it: %v", got)
	}
	w.again(t, Birch) // its tombstone a second time
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}

	// 4 What waited for an answer or a person goes when it came, and its time is over; also by a hub that began anew, and
	// where the time was made longer meanwhile.
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	if err := w.Hub.SetRules(within(t), registry.Rules{PayloadDays: 120}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Agency(Birch).AnswerRecall(asked.ID, "quarantined", &client.Draft{Role: "PRACTITIONER", User: "is1"}); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	w.accept(t, Birch, unseen.ID, fairlead.AckAccepted)
	w.days(first, 102, 0)
	w.settle(t)
	w.settle(t)
	w.days(first, 131, 0)
	w.until(t, func() bool { return !w.holds(t, of["asked"]) })
	w.days(first, 222, 0)
	w.until(t, func() bool { return !w.holds(t, of["unseen"]) })
	if got := left(); !slices.Equal(got, []string{"question", "unread"}) {
		t.Errorf("left %v", got)
	}
	_, at = w.emptyings(t)
	if when := w.lines(t)[at[2]].Leaf.At; len(at) != 4 || when.Before(first.AddDate(0, 0, 130)) {
		t.Errorf("%d orders, and the third one is of %s", len(at), when)
	}
	w.Close() // the restored folder has alarms on what it does not know that it sent
}

// TestAgainAfterErasure: what an order to erase details takes out of the hub's message store is missing to nobody who
// takes everything again: its recipient is told, by an entry of its own.
func TestAgainAfterErasure(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	saved := w.save(t, Birch)
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`)))
	if err := w.Hub.EraseDetails(within(t), erasing(s.Index)); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	orders, at := w.emptyings(t)
	if len(orders) != 1 || orders[0].With != at[0]-1 || orders[0].Class != "" || orders[0].To != Birch || !slices.Equal(orders[0].Payloads, []registry.Payload{{Entry: s.Index, Share: s.ID}}) {
		t.Fatalf("%+v at %v", orders, at)
	}
	w.again(t, Birch)
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}
	birch := w.restored(t, Birch, saved)
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}
	if r, err := birch.Retained(); err != nil || !slices.Equal(r.Lost, []int64{s.Index}) {
		t.Errorf("%+v %v", r, err)
	}
	w.Close()
}

// TestRetainedUnderOldKeys: an agency that has lost folder and keys knows by the keys it had that it had stored what the
// hub then deletes.
func TestRetainedUnderOldKeys(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	w.accept(t, Birch, s.ID, fairlead.AckOpened)
	first := w.Clock.Now()
	w.disconnect(Birch)
	if err := os.RemoveAll(w.home(Birch)); err != nil {
		t.Fatal(err)
	}
	w.days(first, 1, 0)
	r := registry.Request{Agency: Birch, Name: "Birch Directorate", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO", Emergency: true, Again: true}
	signed, err := client.Enrol(w.home(Birch), keystore.Unsealed, w.invitation(t), r, w.roots[Birch], w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.admit(within(t), Birch, signed); err != nil {
		t.Fatal(err)
	}
	w.again(t, Birch)
	w.days(first, 91, 0)
	section := w.sealed(t, Alder, s.ID)
	w.until(t, func() bool { return !w.holds(t, section) })
	w.again(t, Birch)
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}
	if r, err := w.Agency(Birch).Retained(); err != nil || !slices.Equal(r.Entries, []int64{s.Index}) {
		t.Errorf("%+v %v", r, err)
	}
	w.Close()
}

// TestRetainedHold: with a share that waited for a second person goes the copy that waited; one that was refused at last
// goes as well.
func TestRetainedHold(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	held, late, approve := w.waiting(t)
	approve("boss1")
	w.settle(t)
	if _, err := w.Agency(Aspen).Acknowledge(held.ID, fairlead.AckOpened, "PRACTITIONER", "is1"); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	w.Clock.Set(w.Clock.Now().Add(73 * time.Hour))
	w.until(t, func() bool { return w.sent(t, Alder, late.ID).State != client.HeldBy })
	parts := [][]byte{w.sealed(t, Alder, held.ID), w.sealed(t, Alder, late.ID)}
	count := func() (n int) {
		for _, m := range w.ledger(t) {
			for _, part := range parts {
				if strings.Contains(string(m.data), string(part)) {
					n++
				}
			}
		}
		return n
	}
	if n := count(); n != 3 { // two copies of one, one of the other
		t.Fatalf("%d copies", n)
	}
	w.days(w.Clock.Now(), 91, 0)
	w.until(t, func() bool { return count() == 0 })
	orders, _ := w.emptyings(t)
	if len(orders) != 2 || orders[0].To != "" || orders[1].To != Aspen {
		t.Errorf("%+v", orders)
	}
	w.again(t, Aspen)
}

// TestDeletedAfterItWasStored: a hub that deletes what its recipient has stored, and logs no order for it, is found out
// when the recipient takes everything again, and by a broker that starts.
func TestDeletedAfterItWasStored(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	saved := w.save(t, Birch)
	id := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`))).ID
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`)))
	w.lose(t, w.sealed(t, Alder, id))
	w.again(t, Birch)
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("it is stored here: %v", alarms)
	}
	w.restored(t, Birch, saved)
	alarms := w.strange(t, Birch)
	if len(alarms) != 1 || !strings.Contains(alarms[0], "something was withheld, hidden or delivered twice") {
		t.Errorf("%v", alarms)
	}
	w.Close()
	if err := w.startHub(within(t)); err == nil || !strings.Contains(err.Error(), bus.ErrGap.Error()) {
		t.Errorf("started: %v", err)
	}
}

// lose deletes the delivery of a section from LEDGER, off the record.
func (w *World) lose(t testing.TB, section []byte) {
	t.Helper()
	for i, m := range w.ledger(t) {
		if kind, _, err := envelope.ParseFrame(m.data); err == nil && kind == envelope.TypeDelivery && strings.Contains(string(m.data), string(section)) {
			if err := openBus(t, w.Hub.NATS()).Erase(within(t), uint64(i+1)); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no such delivery")
}

// TestRetainedManyAtOnce: many payloads that fall due on one day go by few orders, while shares are decided.
func TestRetainedManyAtOnce(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	saved := w.save(t, Birch)
	const n = 230
	ids := map[fairlead.ShareID]bool{}
	for range n {
		list, err := w.Agency(Alder).Send(DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
		if err != nil {
			t.Fatal(err)
		}
		ids[list[0]] = true
	}
	w.settle(t)
	for id := range ids {
		if _, err := w.Agency(Birch).Acknowledge(id, fairlead.AckOpened, "PRACTITIONER", "is1"); err != nil {
			t.Fatal(err)
		}
	}
	w.settle(t)
	w.days(w.Clock.Now(), 91, 0)
	w.until(t, func() bool {
		w.send(t, Alder, DraftAssessment(Aspen, Section("EDU", `{"n":2}`))) // shares do not wait
		orders, _ := w.emptyings(t)
		named := 0
		for _, o := range orders {
			named += len(o.Payloads)
		}
		return named == n
	})
	if orders, _ := w.emptyings(t); len(orders) != 3 {
		t.Errorf("%d orders for %d payloads", len(orders), n)
	}
	w.until(t, func() bool {
		left := 0
		for _, m := range w.ledger(t) {
			if d, err := envelope.ParseDelivery(m.data); err == nil && len(d.Share.Parts) > 0 && ids[header(t, d.Share.Header).ID] {
				left++
			}
		}
		return left == 0
	})
	birch := w.restored(t, Birch, saved)
	if alarms := w.strange(t, Birch); len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}
	if r, err := birch.Retained(); err != nil || len(r.Lost) != n {
		t.Errorf("%d lost, %v", len(r.Lost), err)
	}
	if err := w.Reopen(within(t)); err != nil { // with its state
		t.Fatal(err)
	}
	if err := w.folds(within(t)); err != nil {
		t.Error(err)
	}
	w.Close()
}

func header(t testing.TB, raw []byte) *envelope.Header {
	t.Helper()
	h, err := envelope.ParseHeader(raw)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
