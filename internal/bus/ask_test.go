package bus

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestLostAnswer: what nobody answered is asked again, while there is time.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	asked := 0
	if _, err := nc.Subscribe("rewind", func(m *nats.Msg) {
		if asked++; asked > 1 { // the answer to the first is lost
			_ = m.Respond([]byte("{}"))
		}
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := &Agency{nc: nc, rewind: "rewind"}
	if err := a.reset(ctx, 0); err != nil || !a.inStep {
		t.Errorf("%v, in step %v", err, a.inStep)
	}
}
