package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead/internal/tlog"
)

// witnesses are the cosignatures of a checkpoint, held against a policy.
type witnesses struct {
	Size   int64              `json:"size"`   // of the cosigned checkpoint
	Quorum bool               `json:"quorum"` // the policy is satisfied
	Signed []tlog.Cosignature `json:"signed"`
	Absent []string           `json:"absent"`

	of int // entries of the mirror
}

// Words names the witnesses that signed and those that did not.
func (w *witnesses) Words() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cosigned   up to %d entries", w.Size)
	if w.of > int(w.Size) {
		fmt.Fprintf(&b, ", %d behind this mirror", w.of-int(w.Size))
	}
	fmt.Fprintf(&b, "\nquorum     %s\n", map[bool]string{true: "holds", false: "does NOT hold"}[w.Quorum])
	for _, s := range w.Signed {
		fmt.Fprintf(&b, "signed     %s at %s\n", s.Witness, s.At.Format(time.RFC3339))
	}
	for _, name := range w.Absent {
		fmt.Fprintf(&b, "not signed %s\n", name)
	}
	return b.String()
}

// checkCosigned holds the cosigned checkpoint against the policy and against the mirror, which is verified already:
// what witnesses have seen must be what is mirrored.
func (o *options) checkCosigned() error {
	vkey, err := os.ReadFile(filepath.Join(o.Mirror, "log.vkey"))
	if err != nil {
		return err
	}
	v, err := tlog.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(o.Policy)
	if err != nil {
		return fmt.Errorf("%w: -policy: %w", errUsage, err)
	}
	policy, err := tlog.ParsePolicy(text, v)
	if err != nil {
		return fmt.Errorf("%w: -policy: %s: %w", errUsage, o.Policy, err)
	}
	cp, err := os.ReadFile(o.Cosigned)
	if err != nil {
		return fmt.Errorf("%w: -cosigned: %w; fetch it with: fairlead-audit mirror -cosigned FILE …", errUsage, err)
	}
	tree, signed, bad := policy.Check(cp, v)
	if bad != nil && !errors.Is(bad, tlog.ErrQuorum) {
		return fmt.Errorf("%s: %w", o.Cosigned, bad)
	}
	_, own, err := tlog.ReadCheckpoint(o.Mirror, v)
	if err == nil {
		err = onLog(o.Mirror, own, tree)
	}
	if err != nil {
		return err
	}
	w := &witnesses{Size: tree.N, Quorum: bad == nil, Signed: signed, Absent: []string{}, of: int(own.N)}
	for _, one := range policy.Witnesses() {
		has := false
		for _, s := range signed {
			has = has || s.Witness == one.Name
		}
		if !has {
			w.Absent = append(w.Absent, one.Name)
		}
	}
	return errors.Join(bad, o.print(w))
}

// onLog checks that the mirror begins with the cosigned tree.
func onLog(dir string, own, cosigned tlog.Tree) error {
	if cosigned.N > own.N {
		return fmt.Errorf("the cosigned checkpoint has %d entries, the mirror %d: bring the mirror up to date first", cosigned.N, own.N)
	}
	r, err := tlog.OpenReader(dir, own)
	if err != nil {
		return err
	}
	proof, err := r.Consistency(cosigned.N)
	if err != nil {
		return err
	}
	if tlog.VerifyConsistency(cosigned, own, proof) != nil {
		return fmt.Errorf("split view: the log signed both, yet the cosigned checkpoint of %d entries is not of the history that was mirrored; "+
			"keep both, and tell the members", cosigned.N)
	}
	return nil
}

// fetchCosigned copies the hub's cosigned checkpoint into a file.
func (o *options) fetchCosigned(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(o.URL, "/")+"/checkpoint.cosigned", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, tlog.MaxCheckpoint+1))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the hub has no cosigned checkpoint (status %d): ask its operator whether it has witnesses", res.StatusCode)
	}
	return tlog.WriteFile(filepath.Dir(o.Cosigned), filepath.Base(o.Cosigned), b)
}
