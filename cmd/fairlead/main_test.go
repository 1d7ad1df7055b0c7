package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"fairlead/internal/store"
)

// TestInUse: who finds the folder in use by the pages is told what the pages do, and what to do for the rest.
func TestInUse(t *testing.T) {
	for holder, want := range map[string]bool{"fairlead-gateway (process 7)": true, "fairlead (process 7)": false} {
		var stderr bytes.Buffer
		if code := exit(&stderr, fmt.Errorf("%w: %s works on dir; wait until it ends or stop it", store.ErrInUse, holder)); code != 1 {
			t.Errorf("exit status %d", code)
		}
		if strings.Contains(stderr.String(), "stop it, run this command, and start it again") != want {
			t.Errorf("%s: %s", holder, stderr.String())
		}
	}
}
