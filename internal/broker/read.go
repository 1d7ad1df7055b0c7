package broker

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"strings"
	"sync"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

// arrival is a submission taken apart: a share as the register will see it, or the reason why not.
type arrival struct {
	sub      bus.Submission
	account  fairlead.Account
	share    *envelope.Bound // nil: unreadable
	ent      *entry.Share
	cause    policy.Cause
	digest   fairlead.Digest // of the whole submission, where it is unreadable
	verified error           // result of the signature check, made ahead under key
	key      *keyring.VerifyKey
}

// readAhead takes submissions and reads them until ctx ends. It is at most one batch ahead, so that what a busy
// hub does not decide soon is left to another, and an alert never waits behind more.
func (b *Broker) readAhead(ctx context.Context, arriving chan *arrival) {
	for ctx.Err() == nil {
		room := max(cap(arriving)-len(arriving), 1)
		subs, err := b.cfg.Hub.Submissions(ctx, room, time.Second)
		if err != nil && ctx.Err() == nil {
			b.cfg.Log.Warn().Err(err).Msg("intake not reachable; trying again")
		}
		for _, a := range b.read(subs) {
			select {
			case arriving <- a:
			case <-ctx.Done():
				_ = a.sub.Nak() // for another broker, at once
			}
		}
		if err != nil {
			pause(ctx)
		}
	}
	for {
		select {
		case a := <-arriving:
			_ = a.sub.Nak()
		default:
			return
		}
	}
}

// next takes what was read ahead, one batch at most, or waits for the first.
func next(ctx context.Context, arriving <-chan *arrival, wait time.Duration) (list []*arrival) {
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case a := <-arriving:
		list = append(list, a)
	case <-over.C:
	case <-ctx.Done():
	}
	for len(list) > 0 && len(list) < maxShares {
		select {
		case a := <-arriving:
			list = append(list, a)
		default:
			return list
		}
	}
	return list
}

// read takes submissions apart on all cores. Signatures are verified here against the keys in force
// now; deciding uses the result if the key is still the same.
func (b *Broker) read(subs []bus.Submission) []*arrival {
	snap, out := b.shown.Load(), make([]*arrival, len(subs))
	var wg sync.WaitGroup
	work := make(chan int)
	for range min(runtime.GOMAXPROCS(0), len(subs)) {
		wg.Go(func() {
			for i := range work {
				out[i] = readOne(snap, subs[i])
			}
		})
	}
	for i := range subs {
		work <- i
	}
	close(work)
	wg.Wait()
	return out
}

func readOne(snap *registry.Snapshot, sub bus.Submission) *arrival {
	a := &arrival{sub: sub, account: sub.Account}
	share, err := envelope.ParseShare(sub.Data)
	if err == nil {
		a.share, err = share.Bind()
	}
	if err != nil {
		a.share, a.digest = nil, sha256.Sum256(sub.Data)
		a.cause = policy.Cause{Reason: unreadable(err), Check: "P00", Where: "submission", Advice: err.Error()}
		return a
	}
	a.ent = &entry.Share{
		Account: sub.Account, Subject: sub.Subject, Digest: envelope.HeaderDigest(share.Header), Header: share.Header,
		Signature: share.Signature, Record: share.Record, Descriptors: share.Descriptors(), Keys: keys(a.share),
	}
	a.ent.Parse() // on this core; Bind has shown that it can be read
	if cert := snap.Certificate(a.share.H.From.Agency); cert != nil {
		a.key = cert.Signing()
		a.verified = registry.VerifyShare(a.key, share.Header, share.Signature, a.share.H.SentAt.Time)
	}
	return a
}

func unreadable(err error) fairlead.Reason {
	switch {
	case errors.Is(err, envelope.ErrTooLarge):
		return fairlead.ReasonTooLarge
	case errors.Is(err, envelope.ErrCode):
		return fairlead.ReasonCodeUnknown
	}
	return fairlead.ReasonSchema
}

// keys notes to which subkey each section is sealed, beside the descriptors.
func keys(s *envelope.Bound) []string {
	out := make([]string, len(s.Parts))
	for i, p := range s.Parts {
		if s.Descriptors[i].Audience != envelope.ForRecipient {
			continue
		}
		sec, err := keyring.ParseSection(p.Section)
		if err != nil {
			out[i] = "!" + strings.TrimPrefix(err.Error(), "keyring: ")
			continue
		}
		out[i] = sec.Recipient.String()
	}
	return out
}

// verify answers from what read has done, if the key and the bytes are the same.
func (a *arrival) verify(key *keyring.VerifyKey, header, signature []byte, at time.Time) error {
	if a.key != nil && a.key == key {
		return a.verified
	}
	return registry.VerifyShare(key, header, signature, at)
}
