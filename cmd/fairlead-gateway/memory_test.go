package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/store"
)

// BenchmarkMemory starts the program on a folder with 10,000 messages, asks for the inbox over and over, and reports
// the most memory that it ever held: at most 150 MB.
func BenchmarkMemory(b *testing.B) {
	w := hubtest.New(b, hubtest.Config{Start: time.Now().Truncate(time.Second)})
	a := w.Agency(hubtest.Alder)
	d, err := a.Home.StaffDraft(a.Client, "SW1", "PRACTITIONER")
	if err != nil {
		b.Fatal(err)
	}
	d.Role, d.User = "DPO", "dpo"
	if _, err := w.Send(b.Context(), hubtest.Alder, d); err != nil {
		b.Fatal(err)
	}
	dir, work := a.Home.Dir, b.TempDir()
	w.Close()
	program, path := filepath.Join(work, "fairlead-gateway"), filepath.Join(work, "gateway.yaml")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(path, []byte("dir: "+dir+"\nlisten: 127.0.0.1:0\norigin: http://localhost:8080\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), program, "run", "-config", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()         //nolint:errcheck // it was killed
	defer cmd.Process.Kill() //nolint:errcheck // as above
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	fill(b, filepath.Join(dir, "store.db"), 10000, `INSERT INTO inbox VALUES (?, ?, ?, 'BIRCH', 'alert.missing', '', '2027-01-11T09:00:00Z', x'00', x'00', x'00', 'opened_by_human', 0)`,
		func(i int) []any { return []any{fairlead.NewShareID().String(), 1000 + i, 1000 + i} })
	digest, now := sha256.Sum256([]byte("token")), time.Now().UTC().Format(time.RFC3339)
	fill(b, filepath.Join(dir, "gateway.db"), 1, `INSERT INTO sessions VALUES (?, 'SW1', ?, ?)`, func(int) []any { return []any{hex.EncodeToString(digest[:]), now, now} })
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+address+"/inbox", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Host = "localhost"
		req.AddCookie(&http.Cookie{Name: "fairlead-ALDER", Value: "token"})
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status)
		}
	}
	b.ReportMetric(peak(b, cmd.Process.Pid), "MB")
}

// fill runs a statement many times in one transaction.
func fill(b *testing.B, path string, n int, statement string, args func(int) []any) {
	b.Helper()
	db, err := store.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := tx.Exec(statement, args(i)...); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// peak is the most memory that a process ever held, in MB.
func peak(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("there is no /proc here")
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		b.Fatalf("%s", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1000
}
