package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// maxPullBytes bounds what one request brings into memory; it must hold the largest message.
	maxPullBytes = 32 << 20
	// heartbeat is how often the server says that a request of more than twice that is alive.
	heartbeat = 5 * time.Second
	// silence is after how long without a word a request is given up: its connection is lost.
	silence = 2*heartbeat + time.Second
)

// pullRequest asks a pull consumer for messages (NATS ADR-13).
type pullRequest struct {
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes"`
	NoWait    bool          `json:"no_wait,omitempty"`
	Expires   time.Duration `json:"expires,omitempty"`
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
}

// pull gets up to limit messages of a consumer. With wait 0 it takes what is there; else it waits
// that long for the first message, which then comes alone: nothing is held back to fill a batch.
func pull(ctx context.Context, nc *nats.Conn, api string, limit int, wait time.Duration) ([]*nats.Msg, error) {
	request := pullRequest{Batch: limit, MaxBytes: maxPullBytes, NoWait: true}
	if wait > 0 {
		request = pullRequest{Batch: 1, MaxBytes: maxPullBytes, Expires: wait}
	}
	if wait > 2*heartbeat {
		request.Heartbeat = heartbeat
	}
	return gather(ctx, nc, api, request, request.Batch)
}

// gather sends one request and collects answers until limit or the server's word that there is no
// more.
func gather(ctx context.Context, nc *nats.Conn, to string, request any, limit int) ([]*nats.Msg, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	// An inbox of its own: below the prefix of requests, a late message could pass for an answer.
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := nc.PublishRequest(to, inbox, body); err != nil {
		return nil, err
	}
	var list []*nats.Msg
	for len(list) < limit {
		m, err := nextMsg(ctx, sub)
		if err != nil {
			return list, fmt.Errorf("%s: %w", to, err)
		}
		switch kind, err := classify(m); {
		case err != nil || kind == end:
			return list, err
		case kind == message:
			list = append(list, m)
		}
	}
	return list, nil
}

func nextMsg(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// What an answer may be.
type answer int

const (
	message answer = iota
	alive
	end
)

const bytesReached = "Message Size Exceeds MaxBytes"

// classify tells messages from the server's own words among the answers.
func classify(m *nats.Msg) (answer, error) {
	code, text := m.Header.Get("Status"), m.Header.Get("Description")
	if len(m.Data) > 0 || code == "" {
		return message, nil
	}
	switch {
	case code == "100":
		return alive, nil
	case code == "204", code == "404", code == "408", code == "409" && text == bytesReached:
		return end, nil
	case code == "503":
		return end, ErrAbsent
	}
	return end, fmt.Errorf("bus: server says %s %s", code, text)
}

// absent names the error of a request that nobody answered.
func absent(err error) error {
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	return err
}
