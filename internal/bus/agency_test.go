package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"fairlead/internal/bus"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

// commit puts n numbered messages for m into the ledger, each followed by one that is not for m.
func (w *world) commit(m member, n int) {
	w.Helper()
	ctx := within(w)
	last, err := w.hub.LastSeq(ctx)
	if err != nil {
		w.Fatal(err)
	}
	var batch []bus.OutMsg
	for i := range n {
		batch = append(batch, bus.OutMsg{Subject: m.out(w), Data: fmt.Appendf(nil, "%d", int(last)+2*i+1)}, bus.OutMsg{Subject: subject.Entry, Data: []byte("entry")})
	}
	if _, err := w.hub.Commit(ctx, last, batch); err != nil {
		w.Fatal(err)
	}
}

// receive gets exactly n messages, and checks that each carries its own sequence.
func receive(t testing.TB, a *bus.Agency, n int) []uint64 {
	t.Helper()
	var got []uint64
	for len(got) < n {
		list, err := a.Receive(within(t), n-len(got), 5*time.Second)
		if err != nil || len(list) == 0 {
			t.Fatalf("after %v: %d messages, %v", got, len(list), err)
		}
		for _, m := range list {
			if string(m.Data) != fmt.Sprint(m.Sequence) {
				t.Fatalf("message %d says %q", m.Sequence, m.Data)
			}
			got = append(got, m.Sequence)
		}
	}
	return got
}

func expect(t testing.TB, got []uint64, want ...uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("received %v, want %v", got, want)
	}
}

func TestInboxHasOnlyItsSubjects(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	a, b := w.enrol("RO"), w.enrol("RO")
	regA, errA := subject.Registry(a.account)
	regB, errB := subject.Registry(b.account)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	var batch []bus.OutMsg
	for _, on := range []string{subject.Entry, b.out(t), regB, a.out(t), subject.RegistryAll, regA} {
		batch = append(batch, bus.OutMsg{Subject: on, Data: []byte("x")})
	}
	if _, err := w.hub.Commit(within(t), 0, batch); err != nil {
		t.Fatal(err)
	}
	list, err := w.dial(a).Receive(within(t), 10, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, fmt.Sprintf("%d %s", m.Sequence, m.Subject))
	}
	if want := []string{"4 " + a.out(t), "5 " + subject.RegistryAll, "6 " + regA}; !slices.Equal(got, want) {
		t.Errorf("inbox has %q, want %q", got, want)
	}
}

func TestReceiveFromLastAck(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	w.commit(m, 6) // 1 3 5 7 9 11
	first := w.dial(m)
	expect(t, receive(t, first, 4), 1, 3, 5, 7)
	if err := first.Ack(within(t), 3); err != nil {
		t.Fatal(err)
	}
	if err := first.Ack(within(t), 9); !errors.Is(err, bus.ErrSequence) {
		t.Errorf("acknowledged what was not received: %v", err)
	}
	first.Close()

	second := w.dial(m)
	expect(t, receive(t, second, 4), 5, 7, 9, 11)
}

func TestReceiveWaits(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	if list, err := a.Receive(within(t), 1, 10*time.Millisecond); err != nil || len(list) != 0 {
		t.Fatalf("empty inbox: %v, %v", list, err)
	}
	done := make(chan []uint64)
	go func() {
		list, _ := a.Receive(within(t), 1, 8*time.Second)
		var got []uint64
		for _, m := range list {
			got = append(got, m.Sequence)
		}
		done <- got
	}()
	w.commit(m, 1)
	expect(t, <-done, 1)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Receive(ctx, 1, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	w.commit(m, 1)
	expect(t, receive(t, a, 1), 3)
}

// Another program with the same credentials takes messages and never acknowledges: the agency still
// gets every message in order, once.
func TestReceiveDespiteThief(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	w.commit(m, 2)
	expect(t, receive(t, a, 2), 1, 3)

	nc := raw(t, m.cfg)
	stolen, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(map[string]any{"batch": 3, "expires": 20 * time.Second})
	next := subject.APIPrefix + ".CONSUMER.MSG.NEXT." + subject.StreamLedger + "." + string(m.account)
	if err := nc.PublishRequest(next, stolen.Subject, body); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	w.commit(m, 4)
	if _, err := stolen.NextMsg(5 * time.Second); err != nil {
		t.Fatal("the thief got nothing:", err)
	}
	expect(t, receive(t, a, 4), 5, 7, 9, 11)
	if err := a.Ack(within(t), 11); err != nil {
		t.Fatal(err)
	}
	w.commit(m, 1)
	expect(t, receive(t, w.dial(m), 1), 13)
}

// An acknowledgement of messages that the server counts afresh reaches it when they come by again.
func TestAckAcrossRewind(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	w.commit(m, 3)
	expect(t, receive(t, a, 3), 1, 3, 5)
	a.FallOutOfStep()
	if err := a.Ack(within(t), 3); err != nil {
		t.Fatal(err)
	}
	if list, err := a.Receive(within(t), 10, 50*time.Millisecond); err != nil || len(list) > 0 {
		t.Fatalf("returned twice: %v, %v", list, err)
	}
	expect(t, receive(t, w.dial(m), 1), 5)

	if err := a.Rewind(within(t), 1); err != nil {
		t.Fatal(err)
	}
	expect(t, receive(t, a, 2), 3, 5)
}

func TestPublishRefusals(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m, other := w.enrol("RO"), w.enrol("RO")
	a := w.dial(m)
	for _, on := range []string{"", "x", other.in(t, "RO", "ack"), m.out(t), subject.Entry, subject.Head} {
		if err := a.Publish(within(t), on, []byte("x")); !errors.Is(err, bus.ErrSubject) {
			t.Errorf("published on %q: %v", on, err)
		}
	}
	if err := a.Publish(within(t), m.in(t, "RO", "ack"), make([]byte, subject.MaxMessage+1)); !errors.Is(err, bus.ErrFull) {
		t.Errorf("published too much: %v", err)
	}
}

func TestDialRefusals(t *testing.T) {
	w := newWorld(t, natsd.Config{Listen: "127.0.0.1:0"})
	good, other := w.overNetwork(w.enrol("RO")), w.overNetwork(w.enrol("RO"))
	for name, spoil := range map[string]func(*bus.AgencyConfig){
		"no account":        func(c *bus.AgencyConfig) { c.Account = "" },
		"no seed":           func(c *bus.AgencyConfig) { c.Seed = nil },
		"another's seed":    func(c *bus.AgencyConfig) { c.Seed = other.Seed },
		"another's JWT":     func(c *bus.AgencyConfig) { c.UserJWT = other.UserJWT },
		"no JWT":            func(c *bus.AgencyConfig) { c.UserJWT = "" },
		"a JWT changed":     func(c *bus.AgencyConfig) { c.UserJWT = c.UserJWT[:len(c.UserJWT)-3] + "AAA" },
		"an account's seed": func(c *bus.AgencyConfig) { p, _ := nkeys.CreateAccount(); c.Seed, _ = p.Seed() },
		"no pin":            func(c *bus.AgencyConfig) { c.CertPEM = nil },
		"no hub there":      func(c *bus.AgencyConfig) { c.URL = "tls://127.0.0.1:1" },
	} {
		cfg := good
		spoil(&cfg)
		if a, err := bus.Dial(within(t), cfg); err == nil {
			a.Close()
			t.Errorf("%s: connected", name)
		}
	}
	a, err := bus.Dial(within(t), good)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
}

// raw connects with an agency's credentials and no manners.
func raw(t testing.TB, cfg bus.AgencyConfig, more ...nats.Option) *nats.Conn {
	t.Helper()
	pair, err := nkeys.FromSeed(cfg.Seed)
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	opts := append([]nats.Option{
		nats.UserJWT(func() (string, error) { return cfg.UserJWT, nil }, pair.Sign),
		nats.CustomInboxPrefix(subject.ReplyPrefix(public)),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, more...)
	if cfg.InProcess != nil {
		opts = append(opts, nats.InProcessServer(cfg.InProcess))
	} else {
		opts = append(opts, pinned(t, cfg.CertPEM))
	}
	nc, err := nats.Connect(cfg.URL, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// The hub's restart costs an agency nothing but time, and its place in the inbox is kept.
func TestAgencyOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, natsd.Config{Dir: dir, Listen: "127.0.0.1:0"})
	m := w.enrol("RO")
	cfg := w.overNetwork(m)
	a, err := bus.Dial(within(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	w.commit(m, 4)
	expect(t, receive(t, a, 2), 1, 3)
	if err := a.Ack(within(t), 1); err != nil {
		t.Fatal(err)
	}
	w.server.Shutdown()

	newWorld(t, natsd.Config{Dir: dir, Listen: strings.TrimPrefix(cfg.URL, "tls://")})
	var got []uint64
	for ctx := within(t); len(got) < 2; {
		list, err := a.Receive(ctx, 10, time.Second)
		if ctx.Err() != nil {
			t.Fatal("does not come back:", err)
		}
		for _, m := range list {
			got = append(got, m.Sequence)
		}
	}
	expect(t, got, 5, 7)
}
