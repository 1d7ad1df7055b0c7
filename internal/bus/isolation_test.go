package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

// hubState is all of the hub that an attack could touch.
func hubState(t testing.TB, js jetstream.JetStream, victim member) string {
	t.Helper()
	var state strings.Builder
	for _, name := range []string{subject.StreamIntake, subject.StreamAlerts, subject.StreamLedger, subject.StreamHead} {
		stream, err := js.Stream(within(t), name)
		if err != nil {
			t.Fatalf("stream %s: %v", name, err)
		}
		s := stream.CachedInfo().State
		fmt.Fprintf(&state, "%s: %d messages to %d, %d consumers\n", name, s.Msgs, s.LastSeq, s.Consumers)
		if name == subject.StreamLedger {
			c, err := stream.Consumer(within(t), string(victim.account))
			if err != nil {
				t.Fatalf("inbox of B: %v", err)
			}
			i := c.CachedInfo()
			fmt.Fprintf(&state, "B: waiting %d, delivered %d, acknowledged %d, open %d\n", i.NumPending, i.Delivered.Stream, i.AckFloor.Stream, i.NumAckPending)
		}
	}
	return state.String()
}

// An agency with valid credentials, and a client of its own making, does not reach past its account:
// not by subjects, not by the reply subject of a request it may make, not by headers.
func TestIsolation(t *testing.T) { everywhere(t, testIsolation) }

func testIsolation(t *testing.T, w *world) {
	js := operatorOf(w)
	if err := w.hub.Renewals(func(fairlead.Account) ([]byte, error) { return []byte("+NXT"), nil }); err != nil {
		t.Fatal(err)
	}
	a, b := w.enrol("RO"), w.enrol("RO")
	victim := w.dial(b)
	w.commit(b, 3)
	receive(t, victim, 1) // one message of B is open, two wait
	if _, err := w.hub.SetHead(within(t), []byte("head"), 0); err != nil {
		t.Fatal(err)
	}
	attacker := raw(t, a.cfg)
	before := hubState(t, js, b)
	heard := eavesdrop(t, attacker, b)

	for _, on := range forbidden(w, b) {
		for _, body := range []string{"", "{}", `{"batch":1,"no_wait":true}`, `{"seq":1}`, "+ACK", "+NXT", "-NAK"} {
			if err := attacker.PublishRequest(on, attacker.NewInbox(), []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, own := range allowed(a) {
		for _, reply := range append(forbidden(w, b), subject.ReplyPrefix("UXYZ")+".x") {
			if strings.HasPrefix(own, "fl.in.") || strings.HasPrefix(own, "fl.alert.") {
				continue // a submission is stored whatever its reply subject; see below
			}
			for _, body := range []string{"", `{"batch":1,"no_wait":true}`, `{"seq":1}`, "+NXT"} {
				if err := attacker.PublishRequest(own, reply, []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	settle(t, w, attacker, a)
	if after := hubState(t, js, b); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}

	// A submission may be made; its acknowledgement must not act as a command.
	stored := 0
	for _, reply := range forbidden(w, b) {
		if err := attacker.PublishRequest(a.in(t, "RO", "ack"), reply, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(reply, "$JS.ACK.") { // these the server refuses as replies
			stored++
		}
	}
	settle(t, w, attacker, a)
	for _, s := range take(t, w.hub, stored) {
		if s.Account != a.account {
			t.Errorf("a submission of A is booked on %s", s.Account)
		}
		if err := s.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	none(t, w.hub)

	w.commit(b, 1)
	expect(t, receive(t, victim, 3), 3, 5, 7)
	if err := attacker.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, sub := range heard {
		if m, err := sub.NextMsg(time.Millisecond); err == nil {
			t.Errorf("A heard %q on %s", m.Data, m.Subject)
		}
	}
	if got := ledger(t, w.hub, 1, subject.Entry); len(got) != 4 {
		t.Errorf("the ledger has entries %q", got)
	}
}

// eavesdrop subscribes to all that A should not hear.
func eavesdrop(t testing.TB, attacker *nats.Conn, victim member) (subs []*nats.Subscription) {
	t.Helper()
	prefix := strings.TrimSuffix(attacker.Opts.InboxPrefix, ".")
	for _, on := range []string{">", "fl.>", "fl.out.>", "fl.reg.>", "fl.wake.>", victim.out(t), "_INBOX.>", "_INBOX_*.>", "$JS.>", "$JS.ACK.>", "$SYS.>", "_R_.>", prefix[:len(prefix)-1] + ">"} {
		sub, err := attacker.SubscribeSync(on)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	return subs
}

// forbidden lists subjects that would harm the hub or B.
func forbidden(w *world, b member) []string {
	account, ledger := string(b.account), subject.StreamLedger
	list := []string{
		b.in(w, "RO", "ack"), b.out(w), subject.Entry, subject.RegistryAll, subject.Head, subject.Queued(b.account),
		"fl.reg." + account, subject.Cosign(b.account), "fl.alert.RO." + account + ".ack",
		"$JS.ACK." + ledger + "." + account + ".1.1.1.1.0",
		"$JS.ACK._.x." + ledger + "." + account + ".1.1.1.1.0", "$JS.ACK." + ledger + ".*.1.1.1.1.0",
		"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.DELETE", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT." + account + ".INFO",
	}
	for _, prefix := range []string{"$JS.API", subject.APIPrefix} {
		for _, call := range []string{
			"STREAM.DELETE.LEDGER", "STREAM.PURGE.INTAKE", "STREAM.UPDATE.LEDGER", "STREAM.INFO.LEDGER", "STREAM.NAMES", "STREAM.CREATE.EVIL", "STREAM.MSG.GET.LEDGER",
			"DIRECT.GET.LEDGER", "CONSUMER.DELETE.LEDGER." + account, "CONSUMER.INFO.LEDGER." + account, "CONSUMER.MSG.NEXT.LEDGER." + account,
			"CONSUMER.RESET.LEDGER." + account, "CONSUMER.CREATE.LEDGER.evil", "CONSUMER.MSG.NEXT.INTAKE.broker", "CONSUMER.PAUSE.LEDGER." + account,
		} {
			list = append(list, prefix+"."+call)
		}
	}
	return list
}

// allowed lists what A may publish on, without wildcards.
func allowed(a member) (list []string) {
	for _, p := range subject.AllowPublish(a.account) {
		list = append(list, strings.ReplaceAll(strings.Replace(p, ".*.", ".RO.", 1), "*", "1"))
	}
	return list
}

// settle returns when the hub has dealt with all that A has sent: A's last request is answered, and
// after it one of the hub's own.
func settle(t testing.TB, w *world, attacker *nats.Conn, a member) {
	t.Helper()
	if _, err := attacker.RequestWithContext(within(t), subject.APIPrefix+".CONSUMER.RESET.LEDGER."+string(a.account), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.hub.LastSeq(within(t)); err != nil {
		t.Fatal(err)
	}
}

// A cosignature is the agency's own word: the hub hears it with the account that said it, and no other can say it.
func TestCosignatures(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	a, b := w.enrol("RO"), w.enrol("RO")
	heard := make(chan string, 10)
	if err := w.hub.Cosignatures(func(from fairlead.Account, signed []byte) { heard <- string(from) + " " + string(signed) }); err != nil {
		t.Fatal(err)
	}
	attacker := raw(t, a.cfg)
	if err := attacker.Publish(subject.Cosign(b.account), []byte("of A")); err != nil {
		t.Fatal(err)
	}
	settle(t, w, attacker, a)
	if err := w.dial(b).Cosign([]byte("of B")); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-heard:
		if got != string(b.account)+" of B" {
			t.Errorf("heard %q", got)
		}
	case <-within(t).Done():
		t.Error("heard nothing")
	}
}

// Headers that JetStream acts on cannot be used from an agency's account to change a stream.
func TestHeadersOfAnAgency(t *testing.T) { everywhere(t, testHeadersOfAnAgency) }

func testHeadersOfAnAgency(t *testing.T, w *world) {
	a, b := w.enrol("RO"), w.enrol("RO")
	submit(t, w.dial(b), b.in(t, "RO", "ack"), "of B")
	attacker := raw(t, a.cfg)
	for name, header := range map[string]nats.Header{
		"roll up":  {"Nats-Rollup": {"all"}},
		"batch":    {"Nats-Batch-Id": {"x"}, "Nats-Batch-Sequence": {"1"}, "Nats-Batch-Commit": {"1"}},
		"ttl":      {"Nats-TTL": {"1s"}},
		"schedule": {"Nats-Schedule": {"@at 2020-01-01T00:00:00Z"}, "Nats-Schedule-Target": {subject.Queued(b.account)}},
		"counter":  {"Nats-Incr": {"1"}},
	} {
		m := &nats.Msg{Subject: a.in(t, "RO", "ack"), Header: header, Data: []byte("of A")}
		answer, err := attacker.RequestMsgWithContext(within(t), m)
		if err != nil || !strings.Contains(string(answer.Data), `"error"`) {
			t.Errorf("%s: %s, %v", name, answer.Data, err)
		}
	}
	list := take(t, w.hub, 1)
	if list[0].Account != b.account || string(list[0].Data) != "of B" {
		t.Errorf("first is %q of %s", list[0].Data, list[0].Account)
	}
	none(t, w.hub)
}

// Credentials work only for their account and only where they are meant to.
func TestCredentialsOfTheHub(t *testing.T) {
	w := newWorld(t, natsd.Config{Listen: "127.0.0.1:0"})
	who, err := w.server.HubUser()
	if err != nil {
		t.Fatal(err)
	}
	m := w.enrol("RO")
	cfg := w.overNetwork(m)
	cfg.Seed, cfg.UserJWT = who.Seed, who.JWT
	if a, err := bus.Dial(within(t), cfg); err == nil {
		a.Close()
		t.Error("the broker's credentials are good over the network")
	}
}

func TestRemovedAgency(t *testing.T) { everywhere(t, testRemovedAgency) }

func testRemovedAgency(t *testing.T, w *world) {
	m := w.enrol("RO")
	a := w.dial(m)
	submit(t, a, m.in(t, "RO", "ack"), "x")
	if err := w.server.Remove(m.account); err != nil {
		t.Fatal(err)
	}
	if err := w.hub.RemoveInbox(within(t), m.account); err != nil {
		t.Fatal(err)
	}
	if err := w.hub.RemoveInbox(within(t), m.account); err != nil {
		t.Errorf("removed twice: %v", err)
	}
	if err := a.Publish(within(t), m.in(t, "RO", "ack"), []byte("x")); err == nil {
		t.Error("a removed agency can submit")
	}
}

func TestAbsentInbox(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	if err := w.hub.RemoveInbox(within(t), m.account); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(within(t), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Receive(ctx, 1, time.Second); !errors.Is(err, bus.ErrAbsent) {
		t.Errorf("no inbox: %v", err)
	}
}
