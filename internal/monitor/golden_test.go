package monitor_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"fairlead/internal/monitor"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// TestGolden replays a log that was made once and never changes. Where it fails, a past decision has
// got another meaning: give policy.Engine a new number and keep the old code. (Before the first release
// there is no past: go test ./internal/monitor -run TestGolden -update.)
func TestGolden(t *testing.T) {
	dir := filepath.Join("testdata", "golden")
	if *update {
		must(t, os.RemoveAll(dir))
		must(t, os.CopyFS(dir, os.DirFS(real(t).dir)))
	}
	r, err := monitor.Replay(t.Context(), dir, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Words())
	}
	if r.Size < 20 || len(r.Replay.Results) < 3 {
		t.Errorf("the golden log holds too little: %+v", r.Replay)
	}
}
