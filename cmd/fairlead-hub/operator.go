package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/config"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// operator is what the subcommands share: which hub, and the form of the answer.
type operator struct {
	dir, out string
	keys     string // folder of an operator's own key
	json     bool
	args     []string
}

// parse reads the common flags, before or after the arguments, of which there are so many, or if negative at most.
func parse(name string, args []string, wantArgs int, stderr io.Writer) (*operator, error) {
	o := &operator{}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "", "the hub's configuration file")
	flags.StringVar(&o.dir, "dir", os.Getenv("FAIRLEAD_HUB_DIR"), "the hub's folder (or FAIRLEAD_HUB_DIR)")
	flags.StringVar(&o.out, "o", "", "write the answer to this file")
	flags.StringVar(&o.keys, "keys", "", "folder of your own operator's key")
	flags.BoolVar(&o.json, "json", false, "answer in JSON")
	for len(args) > 0 {
		if flags.Parse(args) != nil {
			return nil, errUsage
		}
		if args = flags.Args(); len(args) > 0 {
			o.args, args = append(o.args, args[0]), args[1:]
		}
	}
	if wantArgs >= 0 && len(o.args) != wantArgs || wantArgs < 0 && len(o.args) > -wantArgs {
		return nil, errUsage
	}
	if *path != "" {
		var cfg Config
		if err := config.Load(*path, &cfg); err != nil {
			return nil, err
		}
		o.dir = cfg.Dir
	}
	if o.dir == "" {
		return nil, fmt.Errorf("which hub? give -dir, -config or FAIRLEAD_HUB_DIR")
	}
	return o, nil
}

// call talks to the running hub through its socket.
func (o *operator) call(ctx context.Context, method, path string, body, answer any) error {
	socket := filepath.Join(o.dir, "operator.sock")
	c := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://hub"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	res, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("no hub answers at %s; start it with: fairlead-hub run -config FILE", socket)
	}
	defer res.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("refused: %s", strings.TrimSpace(string(raw)))
	}
	return json.Unmarshal(raw, answer)
}

// write puts v into the -o file as JSON, or prints it.
func (o *operator) write(stdout io.Writer, v any) error {
	raw, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	raw = append(raw, '\n')
	if o.out == "" {
		_, err = stdout.Write(raw)
		return err
	}
	return os.WriteFile(o.out, raw, 0o644)
}

func invite(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("invite", args, -1, stderr)
	if err != nil {
		return err
	}
	var inv registry.Invitation
	if err := o.call(ctx, "GET", "/invitation?"+url.Values{"agency": o.args}.Encode(), nil, &inv); err != nil {
		return err
	}
	if err := o.write(stdout, inv); err != nil || o.out == "" {
		return err
	}
	fmt.Fprintf(stdout, "invitation written to %s, good until %s\nIt is not secret, and it is signed: read its log key to the agency over another channel, which vouches for the rest:\n  %s\n",
		o.out, inv.Until.Format(time.DateOnly), inv.LogKey)
	return nil
}

func readRequest(path string) (s registry.SignedRequest, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("%s is not a request of `fairlead enrol`: %w", path, err)
	}
	return s, nil
}

func review(_ context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("agency review", args, 1, stderr)
	if err != nil {
		return err
	}
	s, err := readRequest(o.args[0])
	if err != nil {
		return err
	}
	r, fingerprint, err := s.Review(time.Now())
	if err != nil {
		return err
	}
	if o.json {
		return o.write(stdout, map[string]any{"request": r, "fingerprint": fingerprint.String(), "words": fingerprint.Words()})
	}
	fmt.Fprintf(stdout, "agency        %s\nname          %s\ntype          %s\njurisdiction  %s\nduty inbox    %t\nmade          %s\nnew keys      %s\nsponsor       %s\napproved by   %s\nfingerprint   %s\nin words      %s\n"+
		"Ring the agency on a number you know and compare the fingerprint. Then: fairlead-hub agency approve %s\n",
		r.Agency, r.Name, r.Type, r.Jurisdiction, r.Emergency, r.At.Format(time.RFC3339), newKeys(r), sponsorOf(s), approvers(s),
		groups(fingerprint.String()), fingerprint.Words(), o.args[0])
	return nil
}

// newKeys says what a request is for.
func newKeys(r registry.Request) string {
	switch {
	case r.Again:
		return "authorised by the root; ask who lost the old ones, and when"
	case r.Root == "":
		return "no, its first; it names no root, so it can never have others under this name"
	}
	return "no, its first"
}

// groups makes a fingerprint readable aloud.
func groups(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i += 4 {
		b.WriteString(s[i:min(i+4, len(s))] + " ")
	}
	return strings.ToUpper(strings.TrimSpace(b.String()))
}

func approve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("agency approve", args, 1, stderr)
	if err != nil {
		return err
	}
	s, err := readRequest(o.args[0])
	if err != nil {
		return err
	}
	if o.keys != "" {
		if err := o.countersign(ctx, &s); err != nil {
			return err
		}
		if len(s.Approvals) < 2 {
			fmt.Fprintf(stdout, "your approval is in %s; a second operator now runs the same command\n", o.args[0])
			return nil
		}
	}
	var a registry.Admission
	if err := o.call(ctx, "POST", "/approve", s, &a); err != nil {
		return err
	}
	if err := o.write(stdout, a); err != nil || o.out == "" {
		return err
	}
	fmt.Fprintf(stdout, "%s is enrolled by log entry %d; send it %s, then there: fairlead join %s\n", a.Agency, a.Entry, o.out, filepath.Base(o.out))
	return nil
}

func list(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("agency list", args, 0, stderr)
	if err != nil {
		return err
	}
	var agencies []registry.Agency
	if err := o.call(ctx, "GET", "/agencies", nil, &agencies); err != nil {
		return err
	}
	if o.json {
		return o.write(stdout, agencies)
	}
	for _, a := range agencies {
		fmt.Fprintf(stdout, "%-12s %-20s %-7s %s\n", a.ID, a.Type, a.Jurisdiction, a.Name)
	}
	return nil
}

// suspend stops an agency from sending and receiving, or lets it again.
func suspend(yes bool) func(context.Context, []string, io.Writer, io.Writer) error {
	action := map[bool]string{true: "suspend", false: "resume"}[yes]
	return func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
		o, err := parse("agency "+action, args, 2, stderr)
		if err != nil {
			return err
		}
		s := registry.Suspension{Agency: fairlead.AgencyID(o.args[0]), Reason: o.args[1]}
		if err := o.call(ctx, "POST", "/"+action, s, &struct{}{}); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: %s is a log entry\n", s.Agency, action)
		return nil
	}
}

// revoke ends the connections of an agency's user for good.
func revoke(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("agency revoke", args, 1, stderr)
	if err != nil {
		return err
	}
	if err := o.call(ctx, "POST", "/revoke", registry.Suspension{Agency: fairlead.AgencyID(o.args[0])}, &struct{}{}); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: its user key lets nobody in any more; what comes in its name is still judged by its OpenPGP key: fairlead-hub agency suspend\n", o.args[0])
	return nil
}

// Rules is the file of `rules set`.
type Rules struct {
	// Exercises are the agencies that take part in exercises and tests.
	Exercises []fairlead.AgencyID `yaml:"exercises"`
	// HeaderDays is after how many days details are erased; absent: ten years.
	HeaderDays int `yaml:"header_days"`
	// PayloadDays is how many days after the last acknowledgement payloads are deleted; absent: 90.
	PayloadDays int `yaml:"payload_days"`
	Groups      []struct {
		Name    string   `yaml:"name"`
		Members []string `yaml:"members"`
	} `yaml:"groups"`
	Countries []struct {
		State  string `yaml:"state"`
		CAOnly bool   `yaml:"art34_ca_only"`
	} `yaml:"countries"`
	Prohibitions []agreement.Term `yaml:"prohibitions"`
	Law          string           `yaml:"law"` // file of the tables of law, as config/law.yaml; absent: the hub's own defaults
}

func setRules(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("rules set", args, 1, stderr)
	if err != nil {
		return err
	}
	var r Rules
	if err := config.Load(o.args[0], &r); err != nil {
		return err
	}
	rules, err := r.register(filepath.Dir(o.args[0]))
	if err != nil {
		return err
	}
	if err := o.call(ctx, "POST", "/rules", rules, &struct{}{}); err != nil {
		return err
	}
	tables := "default"
	if rules.Law != nil {
		tables = r.Law
	}
	fmt.Fprintf(stdout, "rules set: %d groups, %d countries, %d prohibitions, law: %s\n", len(r.Groups), len(r.Countries), len(r.Prohibitions), tables)
	return nil
}

func addAuditor(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("auditor add", args, 1, stderr)
	if err != nil {
		return err
	}
	var answer struct {
		Credential string `json:"credential"`
	}
	if err := o.call(ctx, "POST", "/auditor", map[string]string{"name": o.args[0]}, &answer); err != nil {
		return err
	}
	if o.json {
		return o.write(stdout, answer)
	}
	if o.out != "" {
		return os.WriteFile(o.out, []byte(answer.Credential+"\n"), 0o600)
	}
	fmt.Fprintf(stdout, "credential of %s, shown once:\n%s\n", o.args[0], answer.Credential)
	return nil
}
