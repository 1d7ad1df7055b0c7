package bus_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"fairlead/internal/bus"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

// attack is what somebody with credentials of agency A tries; an error is a defence that does not hold.
// What it oversteps, the hub counts on A.
type attack struct {
	name string
	try  func(w *world, a, b member) error
	over natsd.Overstep // "" where nothing is refused by the server, or nobody is named
}

// TestAttacks tries everything with valid, old and forged credentials of one agency, at a server in the
// same program and at one of its own. After each, B still receives what is its own and its alert gets through.
func TestAttacks(t *testing.T) { everywhere(t, attacks) }

func attacks(t *testing.T, w *world) {
	for _, c := range []attack{
		{"publish as B", publishAs(func(_, b member) string { return b.in(t, "RO", "ack") }), natsd.OverPublish},
		{"publish an alert as B", publishAs(func(_, b member) string { return "fl.alert.RO." + string(b.account) + ".ack" }), natsd.OverPublish},
		{"publish into B's inbox", publishAs(func(_, b member) string { return b.out(t) }), natsd.OverPublish},
		{"publish a log entry", publishAs(func(_, _ member) string { return subject.Entry }), natsd.OverPublish},
		{"publish to the register", publishAs(func(_, _ member) string { return subject.RegistryAll }), natsd.OverPublish},
		{"publish a checkpoint", publishAs(func(_, _ member) string { return subject.Head }), natsd.OverPublish},
		{"delete the ledger", publishAs(func(_, _ member) string { return "$JS.API.STREAM.DELETE.LEDGER" }), natsd.OverPublish},
		{"pull from B's inbox", publishAs(func(_, b member) string { return subject.APIPrefix + ".CONSUMER.MSG.NEXT.LEDGER." + string(b.account) }), natsd.OverPublish},
		{"acknowledge for B", publishAs(func(_, b member) string { return "$JS.ACK.LEDGER." + string(b.account) + ".1.1.1.1.0" }), natsd.OverPublish},
		{"delete B's inbox", publishAs(func(_, b member) string { return "$JS.API.CONSUMER.DELETE.LEDGER." + string(b.account) }), natsd.OverPublish},
		{"change B's account", publishAs(func(_, _ member) string { return "$SYS.REQ.CLAIMS.UPDATE" }), natsd.OverPublish},
		{"answer into B's inbox", replyInto(func(b member) string { return "$JS.ACK.LEDGER." + string(b.account) + ".1.1.1.1.0" }), natsd.OverReply},
		{"listen to B's inbox", subscribeTo(func(b member) string { return b.out(t) }), natsd.OverSubscribe},
		{"listen to everything", subscribeTo(func(member) string { return ">" }), natsd.OverSubscribe},
		{"a message too large", tooLarge, natsd.OverPayload},
		{"more connections than allowed", tooManyConnections, natsd.OverConnections},
		{"more subscriptions than allowed", tooManySubscriptions, natsd.OverSubscriptions},
		{"flood", flood, ""},
		{"replay", replay, ""},
		{"connections that say nothing", silentConnections, ""},
		{"a revoked user", revokedUser, natsd.OverCredentials},
		{"an expired user", expiredUser, natsd.OverCredentials},
		{"a removed agency's user", removedUser, natsd.OverCredentials},
		{"a clone of the credentials", cloned, ""},
		{"a JWT signed by its own holder", forged(nkeys.CreateAccount), natsd.OverCredentials},
		{"a JWT of another agency's account", foreignJWT, natsd.OverCredentials},
		{"somebody else's JWT", stolenJWT, natsd.OverCredentials},
	} {
		t.Run(c.name, func(t *testing.T) {
			sub := *w
			sub.TB = t
			a, b := sub.enrol("RO"), sub.enrol("RO")
			if err := c.try(&sub, a, b); err != nil {
				t.Error(err)
			}
			sub.unharmed(b)
			if c.over != "" {
				sub.counted(a, c.over)
			}
		})
	}
}

// unharmed shows that B gets its own messages and no others, and that its alert reaches the hub.
func (w *world) unharmed(b member) {
	w.Helper()
	victim := w.dial(b)
	last, err := w.hub.LastSeq(within(w))
	if err != nil {
		w.Fatal(err)
	}
	word := fmt.Sprint("for B after ", last)
	if _, err := w.hub.Commit(within(w), last, []bus.OutMsg{{Subject: b.out(w), Data: []byte(word)}}); err != nil {
		w.Fatal(err)
	}
	got, err := victim.Receive(within(w), 10, 5*time.Second)
	if err != nil || len(got) != 1 || string(got[0].Data) != word {
		w.Errorf("B received %d messages, %v", len(got), err)
	}
	submit(w, victim, "fl.alert.RO."+string(b.account)+".alert_missing", word)
	for _, s := range w.drain() {
		if s.Account == b.account && string(s.Data) != word {
			w.Errorf("in B's name the hub was handed %q", s.Data)
		}
		if s.Account == b.account {
			return
		}
	}
	w.Error("B's alert did not reach the hub")
}

// drain takes and settles all that waits at the hub.
func (w *world) drain() (all []bus.Submission) {
	w.Helper()
	for {
		list, err := w.hub.Submissions(within(w), 100, 50*time.Millisecond)
		if err != nil {
			w.Fatal(err)
		}
		if len(list) == 0 {
			return all
		}
		for _, s := range list {
			if err := s.Ack(); err != nil {
				w.Fatal(err)
			}
		}
		all = append(all, list...)
	}
}

// counted shows that the hub knows who it was: by its count, or by the words of a server of its own.
func (w *world) counted(a member, what natsd.Overstep) {
	w.Helper()
	if !w.remote {
		if unnamed := what == natsd.OverConnections || what == natsd.OverCredentials; unnamed {
			a.account = "" // refused before the server says whose it is
		}
		if w.count.of(a.account, what) == 0 {
			w.Errorf("%s of A was not counted: %v", what, w.count.seen)
		}
		return
	}
	words := map[natsd.Overstep]string{
		natsd.OverPublish: "Publish Violation - Subject", natsd.OverReply: "Publish Violation - Reply", natsd.OverSubscribe: "Subscription Violation",
		natsd.OverPayload: "maximum payload exceeded", natsd.OverConnections: "maximum account active connections exceeded",
		natsd.OverCredentials:   "authentication error",
		natsd.OverSubscriptions: "maximum subscriptions exceeded",
	}[what]
	for line := range strings.Lines(w.process.log(w)) {
		named := strings.Contains(line, `"`+string(a.account)+`/`) || what == natsd.OverConnections || what == natsd.OverCredentials
		if named && strings.Contains(line, words) {
			return
		}
	}
	w.Errorf("the server does not say that A overstepped %s", what)
}

// said collects what the server tells a client that it refuses.
func said(w *world, m member, do func(nc *nats.Conn) error, want string) error {
	heard := make(chan error, 16)
	nc := raw(w, m.cfg, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { heard <- err }), nats.NoReconnect())
	if err := do(nc); err != nil {
		return err
	}
	_ = nc.Flush() // the server may have closed the connection
	ctx := within(w)
	for {
		select {
		case err := <-heard:
			if strings.Contains(strings.ToLower(err.Error()), want) {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("the server never said %q", want)
		}
	}
}

func publishAs(on func(a, b member) string) func(*world, member, member) error {
	return func(w *world, a, b member) error {
		return said(w, a, func(nc *nats.Conn) error { return nc.Publish(on(a, b), []byte("x")) }, "permissions violation for publish")
	}
}

func replyInto(on func(b member) string) func(*world, member, member) error {
	return func(w *world, a, b member) error {
		return said(w, a, func(nc *nats.Conn) error { return nc.PublishRequest(a.in(w, "RO", "ack"), on(b), []byte("x")) }, "publish with reply")
	}
}

func subscribeTo(on func(b member) string) func(*world, member, member) error {
	return func(w *world, a, b member) error {
		return said(w, a, func(nc *nats.Conn) error {
			_, err := nc.SubscribeSync(on(b))
			return err
		}, "permissions violation for subscription")
	}
}

// tooLarge is refused by the agency's own program, and ends the connection of one that sends it nevertheless.
func tooLarge(w *world, a, _ member) error {
	if err := w.dial(a).Publish(within(w), a.in(w, "RO", "ack"), make([]byte, subject.MaxMessage+1)); !errors.Is(err, bus.ErrFull) {
		return fmt.Errorf("the agency's own program: %w", err)
	}
	if said := speak(w, a, "PUB fl.small 99000000\r\n"); !strings.Contains(said, "Maximum Payload Violation") || strings.Contains(said, "PONG") {
		return fmt.Errorf("the server said %q", said)
	}
	return nil
}

func tooManyConnections(w *world, a, _ member) error {
	for n := range 100 {
		c, err := bus.Dial(within(w), a.cfg)
		if errors.Is(err, bus.ErrLimit) && n == 16 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("connection %d: %w", n, err)
		}
		w.Cleanup(c.Close)
	}
	return errors.New("a hundred connections are open")
}

func tooManySubscriptions(w *world, a, _ member) error {
	return said(w, a, func(nc *nats.Conn) error {
		for range 100 {
			if _, err := nc.SubscribeSync(nc.NewInbox()); err != nil {
				return err
			}
		}
		return nil
	}, "maximum subscriptions exceeded")
}

// flood fills what A may fill; A is told so, and unharmed shows that B is not held up by it.
func flood(w *world, a, _ member) error {
	w.hub = w.openHub(8 * subject.MaxMessage)
	w.Cleanup(func() { w.openHub(0) })
	flooder := w.dial(a)
	for n := range 20 {
		err := flooder.Publish(within(w), a.in(w, "RO", "ack"), []byte("x"))
		if errors.Is(err, bus.ErrFull) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
	}
	return errors.New("nothing bounds what one agency may leave at the hub")
}

// replay sends the very same bytes again: each is booked on A, and the broker knows the id.
func replay(w *world, a, _ member) error {
	for range 3 {
		submit(w, w.dial(a), a.in(w, "RO", "ack"), "the same")
	}
	for _, s := range w.drain() {
		if s.Account != a.account {
			return fmt.Errorf("booked on %s", s.Account)
		}
	}
	return nil
}

// silentConnections holds connections open without a word; the server ends them.
func silentConnections(w *world, _, _ member) error {
	if w.server.ClientURL() == "" {
		return nil // nobody can connect from outside
	}
	var held []net.Conn
	for range 200 {
		c, err := net.Dial("tcp", strings.TrimPrefix(w.server.ClientURL(), "tls://"))
		if err != nil {
			return err
		}
		w.Cleanup(func() { c.Close() })
		held = append(held, c)
	}
	for _, c := range held {
		if err := c.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
			return err
		}
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, nats.ErrTimeout) || err == nil {
			return errors.New("a connection that says nothing is kept")
		} else if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return errors.New("a connection that says nothing is kept")
		}
	}
	return nil
}

// gone waits until the server has closed a connection.
func gone(w *world, m member, do func() error) error {
	closed := make(chan struct{})
	nc := raw(w, m.cfg, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err := nc.Flush(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	select {
	case <-closed:
	case <-within(w).Done():
		return errors.New("the live connection stayed open")
	}
	return stranger(w, m)
}

// stranger shows that credentials let nobody in.
func stranger(w *world, m member) error {
	c, err := bus.Dial(within(w), m.cfg)
	if err == nil {
		c.Close()
		return errors.New("the credentials are good")
	}
	if !strings.Contains(err.Error(), "Authorization") && !strings.Contains(err.Error(), "Expired") && !strings.Contains(err.Error(), "revoked") {
		return fmt.Errorf("refused for another reason: %w", err)
	}
	return nil
}

func publicKey(w *world, m member) string {
	w.Helper()
	pair, err := nkeys.FromSeed(m.cfg.Seed)
	if err != nil {
		w.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		w.Fatal(err)
	}
	return public
}

func revokedUser(w *world, a, _ member) error {
	other := w.another(a)
	if err := gone(w, a, func() error { return w.server.Revoke(a.account, publicKey(w, a)) }); err != nil {
		return err
	}
	if err := w.server.Activate(a.account); err != nil { // as every start of the hub does
		return err
	}
	if err := stranger(w, a); err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	submit(w, w.dial(other), a.in(w, "RO", "ack"), "the agency's other user stays")
	return nil
}

func removedUser(w *world, a, _ member) error {
	if err := gone(w, a, func() error { return w.server.Remove(a.account) }); err != nil {
		return err
	}
	if err := w.server.Activate(a.account); err != nil {
		return err
	}
	return stranger(w, a)
}

func expiredUser(w *world, a, _ member) error {
	var err error
	if a.cfg.UserJWT, err = w.server.UserJWT(a.account, publicKey(w, a), time.Now().Add(2*time.Second)); err != nil {
		return err
	}
	if err := gone(w, a, func() error { return nil }); err == nil || err.Error() != "the credentials are good" {
		return err
	}
	for within(w).Err() == nil { // JWTs count whole seconds: the one in which it ends still counts
		if err := stranger(w, a); err == nil {
			return nil
		}
	}
	return errors.New("the credentials are good after their time")
}

// another is a further user of the same agency.
func (w *world) another(a member) member {
	w.Helper()
	seed, public, err := bus.NewUser()
	if err != nil {
		w.Fatal(err)
	}
	if a.cfg.UserJWT, err = w.server.UserJWT(a.account, public, time.Time{}); err != nil {
		w.Fatal(err)
	}
	a.cfg.Seed = seed
	return a
}

// cloned uses A's own credentials a second time. The thief may take A's messages, sealed as they are, and
// acknowledge them; A finds the gap by the counter, goes back and has them all.
func cloned(w *world, a, _ member) error {
	last, err := w.hub.LastSeq(within(w))
	if err != nil {
		return err
	}
	if _, err := w.hub.Commit(within(w), last, []bus.OutMsg{{Subject: a.out(w), Data: []byte("1")}, {Subject: a.out(w), Data: []byte("2")}}); err != nil {
		return err
	}
	owner, thief := w.dial(a), w.dial(a)
	got, err := thief.Receive(within(w), 2, 5*time.Second)
	if err != nil || len(got) != 2 {
		return fmt.Errorf("the clone received %d, %w", len(got), err)
	}
	if err := thief.Ack(within(w), got[1].Sequence); err != nil {
		return err
	}
	if err := owner.Rewind(within(w), last); err != nil {
		return err
	}
	back, err := owner.Receive(within(w), 2, 5*time.Second)
	if err != nil || len(back) != 2 || string(back[0].Data) != "1" {
		return fmt.Errorf("the owner got %d back, %w", len(back), err)
	}
	return nil
}

// forged signs a user's JWT with a key that no account has.
func forged(create func() (nkeys.KeyPair, error)) func(*world, member, member) error {
	return func(w *world, a, _ member) error {
		signer, err := create()
		if err != nil {
			return err
		}
		public, err := signer.PublicKey()
		if err != nil {
			return err
		}
		a.cfg.UserJWT = resign(w, a.cfg.UserJWT, signer, public)
		return stranger(w, a)
	}
}

// foreignJWT has A's signer vouch for a user of B's account.
func foreignJWT(w *world, a, b member) error {
	token, err := w.server.UserJWT(a.account, publicKey(w, b), time.Time{})
	if err != nil {
		return err
	}
	b.cfg.UserJWT = strings.Join([]string{strings.Split(token, ".")[0], strings.Split(b.cfg.UserJWT, ".")[1], strings.Split(token, ".")[2]}, ".")
	return stranger(w, b)
}

// stolenJWT shows B's JWT, which is no secret, without B's key.
func stolenJWT(w *world, a, b member) error {
	a.cfg.UserJWT = b.cfg.UserJWT
	return stranger(w, a)
}
