package seal

import (
	"testing"

	"fairlead/internal/keyring"
)

func TestBucket(t *testing.T) {
	for _, test := range []struct{ n, want int }{
		{0, 1024},
		{1, 1024},
		{1024, 1024},
		{1025, 1088},
		{1088, 1088},
		{1089, 1152},
		{3000, 3072},
		{100_000, 100_352},
		{1 << 20, 1 << 20},
		{1<<20 + 1, 1<<20 + 1<<15},
		{4 << 20, 4 << 20},
	} {
		if got := Bucket(test.n); got != test.want {
			t.Errorf("Bucket(%d) = %d, want %d", test.n, got, test.want)
		}
	}
	last := 0
	for n := range 1 << 17 {
		b := Bucket(n)
		if b < n || b < last || Bucket(b) != b || n > smallest && float64(b) > 1.12*float64(n) {
			t.Fatalf("Bucket(%d) = %d after %d", n, b, last)
		}
		last = b
	}
}

// TestSizeTellsTheBucketOnly: what is sealed is as long as its bucket says, whatever is in it.
func TestSizeTellsTheBucketOnly(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	lengths := map[int]int{}
	for _, section := range []string{"HEALTH", "IDENTITY", "LOC-NOW"} {
		for _, n := range []int{0, 1, 500, 700, 850, 900, 2000, 2001, 40_000, 40_100} {
			in := inner("NOR-CSC")
			in.Section = section
			out, err := a.Seal(certificate(t, b, later), in, make([]byte, n), later)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := keyring.ParseSection(out); err != nil {
				t.Fatal(err)
			}
			size := in.Size(n)
			if known, ok := lengths[size]; ok && known != len(out) {
				t.Errorf("%s, %d octets in bucket %d: %d octets sealed, others %d", section, n, size, len(out), known)
			}
			lengths[size] = len(out)
		}
	}
	if len(lengths) > 6 {
		t.Errorf("%d different lengths: %v", len(lengths), lengths)
	}
}
