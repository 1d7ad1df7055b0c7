package hubtest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
)

// applicant is an agency with its keys and no folder: what the hub does for it is the same.
type applicant struct {
	signed registry.SignedRequest
	seed   []byte
}

func (w *World) applicant(b *testing.B, n int) applicant {
	b.Helper()
	id := fairlead.AgencyID(fmt.Sprintf("AGENCY-%04d", n))
	key, err := seal.Generate(id, w.Clock.Now())
	if err != nil {
		b.Fatal(err)
	}
	seed, user, err := bus.NewUser()
	if err != nil {
		b.Fatal(err)
	}
	r := registry.Request{
		Agency: id, Name: string(id), Type: fairlead.TypeLA, Jurisdiction: "GB-ENG", Emergency: true, User: user, Certificate: key.Certificate(), At: fairlead.At(w.Clock.Now()),
	}
	s := registry.SignedRequest{}
	if s.Request, err = json.Marshal(r); err != nil {
		b.Fatal(err)
	}
	if s.Signature, err = key.Sign(s.Request, keyring.ContextEnrolment, w.Clock.Now()); err != nil {
		b.Fatal(err)
	}
	if s, err = w.sponsor(s); err != nil {
		b.Fatal(err)
	}
	return applicant{s, seed}
}

// BenchmarkThousand is a hub with a thousand agencies: to enrol them, sixteen at a time, one more, a revocation until a live connection is
// served no more, a stop, and a start.
func BenchmarkThousand(b *testing.B) {
	const agencies = 1000
	for b.Loop() {
		w := New(b, Config{Listen: FreeAddress(b)})
		for _, a := range w.Agencies() {
			if a.ID != Alder {
				w.disconnect(a.ID)
			}
		}
		list := make([]applicant, agencies+1)
		for i := range list {
			list[i] = w.applicant(b, i)
		}
		approve := func(a applicant) *registry.Admission {
			admission, err := w.Hub.Approve(within(b), a.signed)
			if err != nil {
				b.Error(err)
			}
			return admission
		}
		watch := time.Now()
		took := func(name string) {
			b.ReportMetric(time.Since(watch).Seconds(), name)
			watch = time.Now()
		}
		var clerks sync.WaitGroup
		for i := range 16 {
			clerks.Go(func() {
				for n := i; n < agencies; n += 16 {
					approve(list[n])
				}
			})
		}
		clerks.Wait()
		took("s/enrol-1000")
		last := approve(list[agencies])
		took("s/add-one")
		conn, err := bus.Dial(within(b), bus.AgencyConfig{
			URL: w.Hub.URL(), CertPEM: []byte(w.invitation(b).CertPEM), Seed: list[agencies].seed, UserJWT: last.UserJWT, Account: last.Account, Log: w.cfg.Log,
		})
		if err != nil {
			b.Fatal(err)
		}
		watch = time.Now()
		if err := w.Hub.Revoke(last.Agency); err != nil {
			b.Fatal(err)
		}
		for err == nil { // until the server no longer serves the live connection
			ctx, cancel := context.WithTimeout(within(b), 20*time.Millisecond)
			_, err = conn.Renew(ctx)
			cancel()
		}
		took("s/revoke")
		conn.Close()
		w.Close()
		took("s/stop")
		if err := w.startHub(within(b)); err != nil {
			b.Fatal(err)
		}
		took("s/start")
		w.Close()
	}
}
