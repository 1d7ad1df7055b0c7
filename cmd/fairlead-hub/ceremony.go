package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
)

// operatorKey is the name of an operator's sealed key; the folder is the operator's own, under a
// passphrase of the operator's own, and never the hub's.
const operatorKey = "operator.key"

// newOperator makes an operator's key and prints what goes on record.
func newOperator(_ context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("operator key", args, 1, stderr)
	if err != nil {
		return err
	}
	if o.keys == "" {
		return errUsage
	}
	keys, err := keystore.Make(o.keys, keystore.Ask(""))
	if err != nil {
		return err
	}
	defer keys.Close()
	if _, err := keys.Read(operatorKey); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds an operator's key already", o.keys)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	if err := keys.Write(operatorKey, key.Seed()); err != nil {
		return err
	}
	return o.write(stdout, registry.Operator{Name: o.args[0], Key: hex.EncodeToString(public)})
}

// signer opens the operator's key.
func (o *operator) signer() (ed25519.PrivateKey, error) {
	keys, err := keystore.Open(o.keys, keystore.Ask(""))
	if err != nil {
		return nil, err
	}
	defer keys.Close()
	seed, err := keys.Read(operatorKey)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s holds no operator's key; make one: fairlead-hub operator key NAME -keys %s: %w", o.keys, o.keys, err)
	}
	defer clear(seed)
	return ed25519.NewKeyFromSeed(seed), nil
}

// approval signs as the operator whose key it is, found by the list on record; what may be a change of that.
func (o *operator) approval(ctx context.Context, what func(now []registry.Operator) fairlead.Digest) (registry.Approval, error) {
	key, err := o.signer()
	if err != nil {
		return registry.Approval{}, err
	}
	var list []registry.Operator
	if err := o.call(ctx, "GET", "/operators", nil, &list); err != nil {
		return registry.Approval{}, err
	}
	public := hex.EncodeToString(key.Public().(ed25519.PublicKey))
	for _, op := range list {
		if op.Key == public {
			return registry.Approve(op.Name, key, what(list)), nil
		}
	}
	return registry.Approval{}, fmt.Errorf("the key in %s is of no operator on record", o.keys)
}

// setOperators puts the operators on record: FILE holds {"operators": […]}. With -keys an operator on
// record approves the new list in the file; two must.
func setOperators(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("operator set", args, 1, stderr)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(o.args[0])
	if err != nil {
		return err
	}
	var list registry.Operators
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("%s is no list of operators: %w", o.args[0], err)
	}
	if o.keys != "" {
		a, err := o.approval(ctx, func(now []registry.Operator) fairlead.Digest { return registry.ListDigest(now, list.Operators) })
		if err != nil {
			return err
		}
		list.Approvals = append(list.Approvals, a)
		o.out = o.args[0]
		return o.write(stdout, list)
	}
	if err := o.call(ctx, "POST", "/operators", list, &struct{}{}); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d operators are on record; two of them approve each enrolment\n", len(list.Operators))
	return nil
}

// countersign adds the approval of the operator with -keys to the request file.
func (o *operator) countersign(ctx context.Context, s *registry.SignedRequest) error {
	a, err := o.approval(ctx, func([]registry.Operator) fairlead.Digest { return registry.RequestDigest(s.Request) })
	if err != nil {
		return err
	}
	s.Approvals = append(s.Approvals, a)
	raw, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(o.args[0], append(raw, '\n'), 0o644)
}

// refuse puts on record that a request was not approved.
func refuse(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("agency refuse", args, 2, stderr)
	if err != nil {
		return err
	}
	s, err := readRequest(o.args[0])
	if err != nil {
		return err
	}
	if err := o.call(ctx, "POST", "/refuse", map[string]any{"request": s, "reason": o.args[1]}, &struct{}{}); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "refused for %s; it is a log entry\n", o.args[1])
	return nil
}

// remove stops an agency for good.
func remove(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("agency remove", args, 2, stderr)
	if err != nil {
		return err
	}
	s := registry.Suspension{Agency: fairlead.AgencyID(o.args[0]), Reason: o.args[1]}
	if err := o.call(ctx, "POST", "/remove", s, &struct{}{}); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: removed for good, by a log entry; its connections are closed. What it sent and received stays on record.\n", s.Agency)
	return nil
}

// sponsorOf names who vouches for a request, for the operator to ask.
func sponsorOf(s registry.SignedRequest) string {
	var said registry.Sponsorship
	if json.Unmarshal(s.Sponsorship, &said) != nil || said.Sponsor == "" {
		return "nobody yet; an agency already enrolled runs: fairlead sponsor"
	}
	return string(said.Sponsor)
}

// approvers names the operators whose approval is in a request.
func approvers(s registry.SignedRequest) string {
	var names []string
	for _, a := range s.Approvals {
		names = append(names, a.Operator)
	}
	if len(names) == 0 {
		return "nobody yet"
	}
	return strings.Join(names, ", ")
}
