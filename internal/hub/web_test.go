package hub_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/hubtest"
	"fairlead/internal/monitor"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// get asks for a path as it stands, without the client's own cleaning of it.
func get(t testing.TB, w *hubtest.World, method, path, credential string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.Hub.HTTPURL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	auth := ""
	if credential != "" {
		auth = "Authorization: Bearer " + credential + "\r\n"
	}
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: hub\r\n%sConnection: close\r\n\r\n", method, path, auth)
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestWeb(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{HTTP: "127.0.0.1:0"})
	credential, err := w.Hub.AddAuditor(within(t), "office-1")
	if err != nil {
		t.Fatal(err)
	}
	get(t, w, "GET", "/details/000", credential) // that an auditor reads is an entry, the first time
	size := w.Hub.Broker().Status().Entries
	entries, hashes := fmt.Sprintf("/tile/entries/000.p/%d", size), fmt.Sprintf("/tile/0/000.p/%d", size)
	for _, test := range []struct {
		method, path, credential string
		status                   int
		file                     string // below the hub's folder, whose content is answered
	}{
		{"GET", "/checkpoint", "", 200, "log/checkpoint"},
		{"GET", hashes, "", 200, "log" + hashes},
		{"GET", "/tile/0/001", "", 404, ""},
		{"GET", entries, "", 401, ""},
		{"GET", entries, "wrong", 401, ""},
		{"GET", entries, credential[1:], 401, ""},
		{"GET", entries, credential, 200, "log" + entries},
		{"GET", "/details/000", "", 401, ""},
		{"GET", "/details/000", strings.ToUpper(credential), 401, ""},
		{"GET", "/details/000", credential, 200, "details/000"},
		{"GET", "/details/001", credential, 404, ""},
		{"GET", "/healthz", "", 200, ""},
		{"GET", "/metrics", "", 200, ""},
		{"GET", "/", credential, 404, ""},
		{"GET", "/log.key", credential, 404, ""},
		{"GET", "/keys/log.key.sealed", credential, 404, ""},
		{"GET", "/details/..%2fkeys%2fkeystore.json", credential, 404, ""},
		{"GET", "/auditors", credential, 404, ""},
		{"GET", "/tile/0/", credential, 404, ""},
		{"GET", "/tile/0/000.p/x", credential, 404, ""},
		{"GET", "/tile/0/000%00", credential, 404, ""},
		{"GET", "/tile/%2e%2e/%2e%2e/log.key", credential, 404, ""},
		{"GET", "/tile/entries%2f..%2f..%2f..%2flog.key", credential, 404, ""},
		{"GET", "/details/..%2flog.key", credential, 404, ""},
		{"GET", "/details/000%2f..%2f..%2flog.key", credential, 404, ""},
		{"GET", "/tile/../../log.key", credential, 307, ""},
		{"GET", "/details/../log.key", credential, 307, ""},
		{"GET", "//log.key", credential, 307, ""},
		{"POST", "/checkpoint", credential, 405, ""},
		{"PUT", hashes, credential, 405, ""},
		{"DELETE", "/details/000", credential, 405, ""},
		{"PATCH", entries, credential, 405, ""},
		{"OPTIONS", "/healthz", credential, 405, ""},
		{"POST", "/approve", credential, 404, ""},
	} {
		status, body := get(t, w, test.method, test.path, test.credential)
		if status != test.status && !(test.status == 307 && status == 301) {
			t.Errorf("%s %s: %d", test.method, test.path, status)
		}
		if strings.Contains(body, "PRIVATE+KEY") {
			t.Errorf("%s %s: the log's key", test.method, test.path)
		}
		if test.file == "" {
			continue
		}
		want, err := os.ReadFile(filepath.Join(w.Dir, "hub", test.file))
		if err != nil || body != string(want) {
			t.Errorf("%s %s: %d bytes, want %d of %s, %v", test.method, test.path, len(body), len(want), test.file, err)
		}
	}
	if key, err := w.LogKey(); err != nil || !strings.Contains(key, "PRIVATE+KEY") {
		t.Errorf("the log's key looks otherwise than this test thinks: %v", err)
	}
	if _, metrics := get(t, w, "GET", "/metrics", ""); !strings.Contains(metrics, fmt.Sprintf("fairlead_entries %d\n", size)) {
		t.Errorf("metrics do not count %d entries:\n%s", size, metrics)
	}
}

// An auditor far away reaches the same verdict as one at the hub's disk, also after a restart.
func TestAuditor(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{HTTP: "127.0.0.1:0"})
	credential, err := w.Hub.AddAuditor(within(t), "office-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "two words", "a/b", "a\nb", strings.Repeat("x", 33)} {
		if _, err := w.Hub.AddAuditor(within(t), name); err == nil {
			t.Errorf("auditor %q", name)
		}
	}
	kept, err := os.ReadFile(filepath.Join(w.Dir, "hub/auditors"))
	if err != nil || bytes.Contains(kept, []byte(credential)) || !bytes.Contains(kept, []byte("office-1 ")) {
		t.Errorf("%q %v", kept, err)
	}
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mirror")
	cfg := monitor.MirrorConfig{URL: w.Hub.HTTPURL(), Credential: credential, Dir: dir, VKey: w.Hub.LogKey()}
	if _, err := monitor.Mirror(within(t), cfg); err != nil {
		t.Fatal(err)
	}
	report, err := monitor.Replay(within(t), dir, cfg.VKey)
	if err != nil || report.Size != w.Hub.Broker().Status().Entries || len(report.Replay.Differences) > 0 {
		t.Errorf("%+v %v", report, err)
	}
}

// operator speaks to the hub's socket.
func operator(t testing.TB, w *hubtest.World, method, path, body string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.Hub.SocketPath())
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(within(t), method, "http://hub"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// The operator's socket is the operator's alone, and answers what it cannot do.
func TestOperator(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{HTTP: "127.0.0.1:0"})
	for path, want := range map[string]os.FileMode{
		w.Hub.SocketPath(): 0o600, filepath.Join(w.Dir, "hub"): 0o700, filepath.Join(w.Dir, "hub/keys"): 0o700, filepath.Join(w.Dir, "hub/keys/log.key.sealed"): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
	rules, err := json.Marshal(registry.Rules{Groups: []registry.Group{{Name: "G", Members: nil}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/invitation", "", 200, w.Hub.HTTPURL()},
		{"GET", "/agencies", "", 200, `"BIRCH"`},
		{"GET", "/approve", "", 405, ""},
		{"POST", "/approve", `{`, 422, "EOF"},
		{"POST", "/approve", `{"request":"e30=","signature":"","more":1}`, 422, "more"},
		{"POST", "/approve", `{"request":"e30=","signature":""}`, 422, "request"},
		{"POST", "/approve", `{"request":"` + strings.Repeat("A", 1<<20) + `"}`, 422, "too large"},
		{"POST", "/rules", string(rules), 200, ""},
		{"POST", "/rules", `{"groups":7}`, 422, "groups"},
		{"POST", "/auditor", `{"name":"office-2"}`, 200, "credential"},
		{"POST", "/auditor", `{"name":""}`, 422, "letters"},
	} {
		if status, answer := operator(t, w, test.method, test.path, test.body); status != test.status || !strings.Contains(answer, test.says) {
			t.Errorf("%s %s %.40s: %d %.200s, want %d with %q", test.method, test.path, test.body, status, answer, test.status, test.says)
		}
	}
	_, answer := operator(t, w, "GET", "/invitation", "")
	var inv registry.Invitation
	if err := json.Unmarshal([]byte(answer), &inv); err != nil {
		t.Fatal(err)
	}
	if _, err := tlog.NewVerifier(inv.LogKey); err != nil {
		t.Errorf("%+v: %v", inv, err)
	}
}
