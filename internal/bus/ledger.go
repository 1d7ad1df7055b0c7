package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"fairlead/internal/subject"
)

const (
	// MaxBatch is the most messages of one Commit (the server's limit for an atomic batch).
	MaxBatch = 1000
	// MaxBatchBytes is the most bytes of one Commit. The server buffers up to 128 MiB for a stream and
	// drops what is over, which would undo a larger batch every time.
	MaxBatchBytes = 64 << 20
)

// OutMsg is one message of a Commit, on a subject of LEDGER.
type OutMsg struct {
	Subject string
	Data    []byte
}

// LastSeq is the sequence of the last message of LEDGER; 0 if there is none.
func (h *Hub) LastSeq(ctx context.Context) (uint64, error) {
	info, err := h.ledger.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return info.State.LastSeq, nil
}

// Missing lists the sequences of LEDGER before its last that hold no message, rising.
func (h *Hub) Missing(ctx context.Context) ([]uint64, error) {
	info, err := h.ledger.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return info.State.Deleted, nil
}

// Commit writes messages to LEDGER, all or none, if last is still its last sequence, and returns the
// new last sequence once they are on disk. ErrFenced: another broker wrote first. ErrUncertain: no
// answer came; the batch may be there now, later or never, and only a reload and the next fenced
// Commit tell. ErrBatchSize, ErrFull and other errors: nothing was written.
func (h *Hub) Commit(ctx context.Context, last uint64, batch []OutMsg) (uint64, error) {
	size := 0
	messages := make([]*nats.Msg, len(batch))
	for i, m := range batch {
		size += len(m.Data)
		messages[i] = &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{}}
	}
	if len(batch) == 0 || len(batch) > MaxBatch || size > MaxBatchBytes {
		return 0, fmt.Errorf("%w: %d messages, %d bytes; at most %d and %d", ErrBatchSize, len(batch), size, MaxBatch, MaxBatchBytes)
	}
	messages[0].Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(last, 10))
	ctx, cancel := within(ctx)
	defer cancel()
	// All is decided at the last message, so only its answer is waited for.
	ack, err := jetstreamext.PublishMsgBatch(ctx, h.js, messages, jetstreamext.BatchFlowControl{AckFirst: false})
	if err != nil {
		return 0, verdict("commit", err)
	}
	if ack.Stream != subject.StreamLedger || ack.Sequence != last+uint64(len(batch)) {
		return 0, fmt.Errorf("%w: commit: answer for %s %d, want %d", ErrUncertain, ack.Stream, ack.Sequence, last+uint64(len(batch)))
	}
	return ack.Sequence, nil
}

// Batches of a read.
const (
	readMessages = 512
	readBytes    = 16 << 20
)

// readRequest asks a stream for messages directly (NATS ADR-31).
type readRequest struct {
	Seq      uint64 `json:"seq"`
	Batch    int    `json:"batch"`
	MaxBytes int    `json:"max_bytes"`
	Subject  string `json:"next_by_subj,omitempty"`
}

// Erase deletes one message of LEDGER, and overwrites where it lay. What is not there is as good as erased.
func (h *Hub) Erase(ctx context.Context, sequence uint64) error {
	ctx, cancel := within(ctx)
	defer cancel()
	err := h.ledger.SecureDeleteMsg(ctx, sequence)
	if err == nil {
		return nil
	}
	if _, gone := h.ledger.GetMsg(ctx, sequence); errors.Is(gone, jetstream.ErrMsgNotFound) {
		return nil
	}
	return fmt.Errorf("erase %d of the ledger: %w", sequence, err)
}

// ReadLedger calls each for the messages of LEDGER from a sequence (1 is the first) to the last at
// the time of the call, in order; with a subject, only for those on it (the wildcards of NATS are
// allowed). A message that is missing is told with no subject and no data: the caller knows which were
// erased. It ends with the first error of each. ErrGap says that LEDGER lacks more than single messages.
func (h *Hub) ReadLedger(ctx context.Context, from uint64, on string, each func(sequence uint64, on string, data []byte) error) error {
	info, err := h.ledger.Info(ctx)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	state := info.State
	if state.Msgs > 0 && state.FirstSeq != 1 {
		return fmt.Errorf("%w: first is %d, %d missing after it", ErrGap, state.FirstSeq, state.NumDeleted)
	}
	for next := max(from, 1); next <= state.LastSeq; {
		batch, err := h.read(ctx, readRequest{Seq: next, Batch: readMessages, MaxBytes: readBytes, Subject: on})
		if err != nil {
			return fmt.Errorf("ledger from %d: %w", next, err)
		}
		for _, m := range batch {
			if m.sequence > state.LastSeq {
				return nil
			}
			for ; on == "" && next < m.sequence; next++ {
				if err := each(next, "", nil); err != nil {
					return err
				}
			}
			if err := each(m.sequence, m.subject, m.data); err != nil {
				return err
			}
			next = m.sequence + 1
		}
		if len(batch) == 0 {
			return endOfRead(on, next, state.LastSeq)
		}
	}
	return nil
}

// endOfRead judges a read that found nothing more: right for some subjects, a gap for all.
func endOfRead(on string, next, last uint64) error {
	if on == "" {
		return fmt.Errorf("%w: %d to %d", ErrGap, next, last)
	}
	return nil
}

// stored is a message as a direct read returns it.
type stored struct {
	sequence uint64
	subject  string
	data     []byte
}

func (h *Hub) read(ctx context.Context, request readRequest) ([]stored, error) {
	// One more than asked for: the word that there is no more.
	batch, err := gather(ctx, h.nc, "$JS.API.DIRECT.GET."+subject.StreamLedger, request, request.Batch+1)
	if err != nil {
		return nil, err
	}
	list := make([]stored, 0, len(batch))
	for _, m := range batch {
		sequence, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("answer without a sequence: %w", err)
		}
		list = append(list, stored{sequence, m.Header.Get(jetstream.SubjectHeader), m.Data})
	}
	return list, nil
}

// Head returns the committed checkpoint and its revision; nil and 0 if there is none yet.
func (h *Hub) Head(ctx context.Context) (checkpoint []byte, revision uint64, err error) {
	m, err := h.head.GetLastMsgForSubject(ctx, subject.Head)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("head: %w", err)
	}
	return m.Data, m.Sequence, nil
}

// SetHead replaces the checkpoint if its revision is still the given one, and returns the new
// revision once it is on disk. ErrFenced: another broker replaced it. ErrUncertain: no answer came.
func (h *Hub) SetHead(ctx context.Context, checkpoint []byte, revision uint64) (uint64, error) {
	m := &nats.Msg{Subject: subject.Head, Data: checkpoint, Header: nats.Header{}}
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(revision, 10))
	ctx, cancel := within(ctx)
	defer cancel()
	answer, err := h.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return 0, verdict("head", err)
	}
	var ack struct {
		Sequence uint64              `json:"seq"`
		Error    *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, verdict("head", err)
	}
	if ack.Error != nil {
		return 0, verdict("head", ack.Error)
	}
	return ack.Sequence, nil
}

// Next is the first message of LEDGER at a sequence or after it, with a subject the first on it; 0 if there is none.
func (h *Hub) Next(ctx context.Context, from uint64, on string) (sequence uint64, at string, data []byte, err error) {
	list, err := h.read(ctx, readRequest{Seq: from, Batch: 1, MaxBytes: readBytes, Subject: on})
	if err != nil || len(list) == 0 {
		return 0, "", nil, err
	}
	return list[0].sequence, list[0].subject, list[0].data, nil
}
