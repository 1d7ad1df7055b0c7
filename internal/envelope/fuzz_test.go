package envelope_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"fairlead/internal/envelope"
)

// known fails the test for an error that wraps none of the package's sentinels.
func known(t *testing.T, err error) {
	t.Helper()
	for _, sentinel := range []error{envelope.ErrMalformed, envelope.ErrTooLarge, envelope.ErrCode} {
		if errors.Is(err, sentinel) {
			return
		}
	}
	t.Fatalf("an error of no kind: %v", err)
}

func addFrames(f *testing.F) {
	for _, one := range frames() {
		f.Add(one.frame)
	}
	f.Add(envelope.Frame(envelope.TypeShare))
	f.Add([]byte("FLD\x01"))
}

// FuzzParseFrame: what is accepted comes back to the byte.
func FuzzParseFrame(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, parts, err := envelope.ParseFrame(b)
		if err != nil {
			known(t, err)
			return
		}
		if !bytes.Equal(envelope.Frame(typ, parts...), b) {
			t.Fatalf("%x is another frame than it was", b)
		}
	})
}

// FuzzParseShare: what binds hangs together: every section is the one its descriptor names.
func FuzzParseShare(f *testing.F) {
	addFrames(f)
	f.Add(compose(`{"a":1}`, section("EDU", "school"), handle()).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := envelope.ParseShare(b)
		if err != nil {
			known(t, err)
			return
		}
		if !bytes.Equal(s.Marshal(), b) {
			t.Fatalf("%x is another share than it was", b)
		}
		bound, err := s.Bind()
		if err != nil {
			known(t, err)
			return
		}
		for i, d := range bound.Descriptors {
			if d.Audience == envelope.ForRecipient && sha256.Sum256(s.Parts[i].Section) != d.Digest {
				t.Fatalf("part %d is not what its descriptor names", i)
			}
		}
	})
}

// FuzzParseHeader: what is accepted is accepted again when it is written anew.
func FuzzParseHeader(f *testing.F) {
	f.Add(asJSON(fullHeader()))
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := envelope.ParseHeader(b)
		if err != nil {
			known(t, err)
			return
		}
		if _, err := envelope.ParseHeader(asJSON(h)); err != nil {
			t.Fatalf("%q is accepted, and written anew it is not: %v", b, err)
		}
	})
}

// FuzzParseDescriptor: as for the header.
func FuzzParseDescriptor(f *testing.F) {
	f.Add(asJSON(fullDescriptor()))
	f.Add(asJSON(hubDescriptor()))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := envelope.ParseDescriptor(b)
		if err != nil {
			known(t, err)
			return
		}
		if _, err := envelope.ParseDescriptor(asJSON(d)); err != nil {
			t.Fatalf("%q is accepted, and written anew it is not: %v", b, err)
		}
	})
}

// FuzzParseDelivery: what is accepted comes back to the byte.
func FuzzParseDelivery(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := envelope.ParseDelivery(b)
		if err != nil {
			known(t, err)
			return
		}
		if d.Index < 0 || !bytes.Equal(d.Marshal(), b) {
			t.Fatalf("%x is another delivery than it was", b)
		}
	})
}

// FuzzParseVerdictFrame: the frames of three parts: verdict and entry.
func FuzzParseVerdictFrame(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, leaf, v, err := envelope.ParseVerdictFrame(b); err == nil {
			if i < 0 || !bytes.Equal(envelope.VerdictFrame(i, leaf, v), b) {
				t.Fatalf("%x is another verdict than it was", b)
			}
		} else {
			known(t, err)
		}
		if i, leaf, d, err := envelope.ParseEntryFrame(b); err == nil && (i < 0 || !bytes.Equal(envelope.EntryFrame(i, leaf, d), b)) {
			t.Fatalf("%x is another entry than it was", b)
		}
	})
}

// FuzzParseProofsFrame: the frames of texts: proofs, head and receipt.
func FuzzParseProofsFrame(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if proofs, err := envelope.ParseProofsFrame(b); err == nil {
			if len(proofs) == 0 || len(proofs) > 1000 || !bytes.Equal(envelope.ProofsFrame(proofs...), b) {
				t.Fatalf("%x is another frame than it was", b)
			}
		} else {
			known(t, err)
		}
		if head, err := envelope.ParseHeadFrame(b); err == nil && !bytes.Equal(envelope.HeadFrame(head), b) {
			t.Fatalf("%x is another head than it was", b)
		}
		if s, err := envelope.ParseReceiptFrame(b); err == nil && !bytes.Equal(envelope.ReceiptFrame(s), b) {
			t.Fatalf("%x is another receipt than it was", b)
		}
	})
}

// FuzzParseTombs: what stands in the place of deliveries, one by one and together, and what the hub keeps of it.
func FuzzParseTombs(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if tomb, err := envelope.ParseTombstone(b); err != nil {
			known(t, err)
		} else if !bytes.Equal(tomb.Marshal(), b) {
			t.Fatalf("%x is another tombstone than it was", b)
		}
		if tombs, err := envelope.ParseTombs(b); err != nil {
			known(t, err)
		} else if !bytes.Equal(tombs.Marshal(), b) {
			t.Fatalf("%x are other tombstones than they were", b)
		}
		if order, gone, err := envelope.ParseGoneFrame(b); err != nil {
			known(t, err)
		} else if !bytes.Equal(envelope.GoneFrame(order, gone), b) {
			t.Fatalf("%x says that something else is gone", b)
		}
	})
}
