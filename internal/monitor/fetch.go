package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"fairlead/internal/tlog"
)

const (
	maxHashTile = span * 32                 // bytes
	maxBundle   = span * (2 + tlog.MaxLeaf) // bytes
)

// errGone: the hub has not, or no longer, the file. Partial tiles go when the log grows.
var errGone = errors.New("it does not have that file; tell its operator")

// remote is the read-only HTTP side of a hub.
type remote struct {
	base       *url.URL
	credential string
	http       *http.Client
}

func newRemote(cfg MirrorConfig) (*remote, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("%w: its address %q is not an http or https URL; ask its operator", ErrHub, cfg.URL)
	}
	r := &remote{base: base, credential: cfg.Credential, http: cfg.HTTP}
	if r.http == nil {
		r.http = http.DefaultClient
	}
	return r, nil
}

// get fetches a file of the log by its path in a mirror. Entries and details are asked for with the
// credential; checkpoint and hash tiles are everybody's.
func (r *remote) get(ctx context.Context, name string) ([]byte, error) {
	limit, secret := limits(name)
	at := r.base.JoinPath(name)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHub, err)
	}
	if secret {
		req.Header.Set("Authorization", "Bearer "+r.credential)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w could not be reached: %w", ErrHub, awayError{err})
	}
	defer resp.Body.Close()
	if err := refusal(resp.StatusCode); err != nil {
		return nil, fmt.Errorf("%w, asked for %s: %w", ErrHub, at, err)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w, asked for %s: %w", ErrHub, at, awayError{err})
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w, asked for %s: it sent more than %d bytes", ErrHub, at, limit)
	}
	return b, nil
}

// awayError is an error that is also ErrAway.
type awayError struct{ error }

// Is reports whether target is ErrAway.
func (awayError) Is(target error) bool { return target == ErrAway }

// Unwrap gives the error itself.
func (e awayError) Unwrap() error { return e.error }

// limits says how long a file may be, in bytes, and whether only auditors may read it.
func limits(name string) (limit int64, secret bool) {
	switch {
	case strings.HasPrefix(name, detailsDir+"/"):
		return tlog.MaxSegment, true
	case strings.HasPrefix(name, tileDir+"/entries/"):
		return maxBundle, true
	case name == checkpointFile:
		return tlog.MaxCheckpoint, false
	}
	return maxHashTile, false
}

func refusal(status int) error {
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusNotFound:
		return errGone
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("it refuses the credential (HTTP %d); ask the hub's operator for an auditor's credential", status)
	}
	err := fmt.Errorf("it answers HTTP %d; run the mirror again later, or ask its operator", status)
	if status >= 500 || status == http.StatusTooManyRequests {
		return awayError{err}
	}
	return err
}
