package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"fairlead/internal/tlog"
)

// sizeType is the content type of a Conflict.
const sizeType = "text/x.tlog.size"

// ServeHTTP answers POST /add-checkpoint (C2SP tlog-witness) and nothing else.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/add-checkpoint" {
		http.NotFound(rw, r)
		return
	}
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		http.Error(rw, "POST a checkpoint", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, tlog.MaxProof))
	if err != nil {
		http.Error(rw, "the request cannot be read, or is too large", http.StatusBadRequest)
		return
	}
	line, err := w.AddCheckpoint(body)
	if conflict, ok := errors.AsType[*Conflict](err); ok {
		rw.Header().Set("Content-Type", sizeType)
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", conflict.Size)
		return
	}
	if err != nil {
		http.Error(rw, err.Error(), statusOf(err))
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write(line) // the asker has gone
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrRequest):
		return http.StatusBadRequest
	case errors.Is(err, ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrProof):
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

// Ask sends a checkpoint to the witness at a submission prefix, with the proof that it grew from the old size, and
// returns the signature lines, unchecked. A *Conflict says where the witness is; other errors are one of this
// package's, or of the network.
func Ask(ctx context.Context, c *http.Client, url string, old int64, proof []tlog.Hash, checkpoint []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/add-checkpoint", bytes.NewReader(tlog.FormatConsistency(old, proof, checkpoint)))
	if err != nil {
		return nil, err
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, tlog.MaxCheckpoint))
	if err != nil {
		return nil, err
	}
	switch res.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusConflict:
		size, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
		if err != nil || size < 0 || res.Header.Get("Content-Type") != sizeType {
			return nil, fmt.Errorf("%w: status 409 without a size", ErrAnswer)
		}
		return nil, &Conflict{size}
	case http.StatusForbidden:
		return nil, ErrForbidden
	case http.StatusNotFound:
		return nil, ErrUnknown
	case http.StatusUnprocessableEntity:
		return nil, ErrProof
	case http.StatusBadRequest:
		return nil, ErrRequest
	}
	return nil, fmt.Errorf("%w: status %d", ErrAnswer, res.StatusCode)
}

// ErrAnswer says that what answers is no witness, or not well.
var ErrAnswer = errors.New("witness: answers what no witness answers")
