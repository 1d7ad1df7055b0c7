package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// auditors are the read credentials the operator gave out, kept as digests only.
type auditors struct {
	path string
	mu   sync.Mutex
	list []string // "name digest"

	reading sync.Mutex // one entry at a time
}

func openAuditors(path string) (*auditors, error) {
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return &auditors{path: path, list: strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })}, nil
}

// add makes a credential, shown once.
func (a *auditors) add(name string) (string, error) {
	raw := make([]byte, 24)
	rand.Read(raw) //nolint:errcheck // crypto/rand never fails
	credential := hex.EncodeToString(raw)
	digest := sha256.Sum256([]byte(credential))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, name+" "+hex.EncodeToString(digest[:]))
	return credential, tlog.WriteFile(filepath.Dir(a.path), filepath.Base(a.path), []byte(strings.Join(a.list, "\n")+"\n"))
}

// of finds the auditor whose credential a request brings, "" for none.
func (a *auditors) of(r *http.Request) (name string) {
	credential, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	sum := sha256.Sum256([]byte(credential))
	digest := hex.EncodeToString(sum[:])
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, line := range a.list {
		who, have, _ := strings.Cut(line, " ")
		if subtle.ConstantTimeCompare([]byte(have), []byte(digest)) == 1 {
			name = who
		}
	}
	return name
}

// readFor is how long one entry stands for what an auditor reads: a mirror asks for thousands of files.
const readFor = time.Hour

// recordWithin is how long a reader waits for the entry.
const recordWithin = 10 * time.Second

// reading puts on record that an auditor reads entries and details, before the first of them is handed out.
func (h *Hub) reading(ctx context.Context, name string) error {
	h.auditors.reading.Lock()
	defer h.auditors.reading.Unlock()
	if h.cfg.Now().Sub(h.broker.LastRead(name)) < readFor {
		return nil
	}
	if h.Failed() != nil { // the log takes no more entries, and is the evidence of why
		h.cfg.Log.Warn().Str("auditor", name).Msg("an auditor reads; the broker has stopped, so that this line alone says so")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	return h.broker.Audit(ctx, registry.Read, registry.Auditing{Auditor: name})
}

// AddAuditor makes an auditor's read credential, and puts on record whose it is.
func (h *Hub) AddAuditor(ctx context.Context, name string) (string, error) {
	if !registry.AuditorForm.MatchString(name) {
		return "", errors.New("auditor name: want 1 to 32 letters, digits and '-'")
	}
	if err := h.broker.Audit(ctx, registry.Auditor, registry.Auditing{Auditor: name}); err != nil {
		return "", err
	}
	return h.auditors.add(name)
}

func (h *Hub) forAuditors(w http.ResponseWriter, r *http.Request, file string) {
	name := h.auditors.of(r)
	if name == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "entries and details are for auditors: send the credential the operator gave you", http.StatusUnauthorized)
		return
	}
	if err := h.reading(r.Context(), name); err != nil {
		http.Error(w, "the hub cannot put on record that you read; try again in a moment", http.StatusServiceUnavailable)
		return
	}
	h.file(w, file, "application/octet-stream")
}
