package tlog

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// fill appends n entries without flushing them.
func fill(b *testing.B, n int) *Writer {
	b.Helper()
	w, err := OpenWriter(filepath.Join(b.TempDir(), "log"), Tree{})
	must(b, err)
	leaf := make([]byte, 200)
	for range n {
		must(b, w.Append(leaf))
	}
	return w
}

// BenchmarkAppend is one entry of 200 bytes and the root after it.
func BenchmarkAppend(b *testing.B) {
	w := fill(b, 100_000)
	leaf := make([]byte, 200)
	for b.Loop() {
		must(b, w.Append(leaf))
		w.Tree()
	}
}

// BenchmarkFlush is 100 entries of 200 bytes made durable, with their checkpoint.
func BenchmarkFlush(b *testing.B) {
	w := fill(b, 100)
	signer, _ := testKeys(b, "o")
	leaf := make([]byte, 200)
	for b.Loop() {
		for range 100 {
			must(b, w.Append(leaf))
		}
		must(b, w.Flush())
		cp, err := SignCheckpoint(signer, w.Tree())
		must(b, err)
		must(b, w.PutCheckpoint(cp))
	}
}

func BenchmarkProve(b *testing.B) {
	w := fill(b, 1_000_000)
	for name, last := range map[string]int64{"recent": 10_000, "any": 1_000_000} {
		b.Run(name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			for b.Loop() {
				_, err := w.Prove(w.Size() - 1 - random.Int64N(last))
				must(b, err)
			}
		})
	}
	must(b, w.Flush())
	b.Run("disk", func(b *testing.B) {
		random := rand.New(rand.NewPCG(1, 2))
		for b.Loop() {
			_, err := w.Prove(random.Int64N(w.Size()))
			must(b, err)
		}
	})
}

func BenchmarkOpenProof(b *testing.B) {
	w := fill(b, 1_000_000)
	signer, v := testKeys(b, "hub.example.org/log")
	cp, err := SignCheckpoint(signer, w.Tree())
	must(b, err)
	proof, err := w.Prove(999_000)
	must(b, err)
	receipt := FormatProof(999_000, proof, cp)
	b.ReportMetric(float64(len(receipt)), "bytes/receipt")
	for b.Loop() {
		_, _, err := OpenProof(receipt, make([]byte, 200), v)
		must(b, err)
	}
}

func BenchmarkVerifyDir(b *testing.B) {
	l := newLog(b)
	for range 100_000 {
		must(b, l.Append(make([]byte, 200)))
	}
	l.publish()
	for b.Loop() {
		_, err := l.verify()
		must(b, err)
	}
}

func BenchmarkGetDetail(b *testing.B) {
	d, _ := newDetails(b, 10_000)
	random := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		_, err := d.Get(random.Int64N(d.Len()))
		must(b, err)
	}
}
