package tlog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

const (
	maxPolicy    = 64 << 10 // bytes of a policy file
	maxWitnesses = 64       // and as many groups; a signed note may bear no more than 100 signatures
)

// Policy says whose cosignatures make a checkpoint witnessed (C2SP tlog-policy). It has exactly one log line, and
// every quorum it allows holds more than half of all its witnesses, one with an address of its own among them: who
// has an address is reached not through the hub.
type Policy struct {
	witnesses []Witness
	quorum    torchwood.Policy
	keys      note.Verifiers // of the log and of all witnesses
	need      weight         // the least that satisfies the quorum
	rule      []string       // lines of groups and quorum, word by word
}

// Witness is one witness of a policy.
type Witness struct {
	Name string // in the policy
	Key  *CosignatureKey
	URL  string // its submission prefix (C2SP tlog-witness); "" for an agency, which cosigns through the hub
}

// Cosignature is a witness's word in a checkpoint.
type Cosignature struct {
	Witness string    `json:"witness"` // name in the policy
	At      time.Time `json:"at"`      // by the witness's clock: the tree was there no later
}

// ParsePolicy reads a policy file for the log of a verifier. Errors wrap ErrPolicy.
func ParsePolicy(text []byte, v *Verifier) (*Policy, error) {
	p := &Policy{}
	var err error
	if err = checkPolicyText(text); err == nil {
		p.quorum, err = torchwood.ParsePolicy(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	l := policyLines{weights: map[string]weight{}}
	for i, line := range strings.Split(string(text), "\n") {
		if err := l.read(strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrPolicy, i+1, err)
		}
	}
	p.witnesses, p.need, p.rule = l.witnesses, l.weights[l.quorum], l.rule
	if err := l.check(v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	keys := []note.Verifier{v.key}
	for _, w := range p.witnesses {
		keys = append(keys, w.Key.v)
	}
	p.keys = note.VerifierList(keys...)
	return p, nil
}

// checkPolicyText holds to the character set of the specification, which torchwood does not.
func checkPolicyText(text []byte) error {
	if len(text) > maxPolicy {
		return fmt.Errorf("%d bytes, more than %d", len(text), maxPolicy)
	}
	if i := bytes.IndexFunc(text, func(r rune) bool { return r < 0x20 && r != '\t' && r != '\n' || r == 0x7f }); i >= 0 {
		return fmt.Errorf("control character at byte %d", i)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimLeft(line, " \t"); strings.Contains(line, "#") && line[0] != '#' {
			return fmt.Errorf("line %d: a comment stands on a line of its own", i+1)
		}
	}
	return nil
}

// weight is the least that satisfies a name: how many witnesses, and how many of them with an address.
type weight struct {
	least, outside int
	used           bool // a name is a member of one group at most
}

// policyLines is what the lines say beside what torchwood checks.
type policyLines struct {
	log       string
	logs      int
	witnesses []Witness
	weights   map[string]weight
	quorum    string
	rule      []string
}

func (l *policyLines) read(words []string) (err error) {
	if len(words) == 0 || words[0][0] == '#' {
		return nil
	}
	switch words[0] {
	case "log":
		l.log = words[1]
		l.logs++
	case "witness":
		err = l.witness(words)
	case "group":
		l.rule = append(l.rule, strings.Join(words, " "))
		err = l.group(words)
	case "quorum":
		l.rule = append(l.rule, strings.Join(words, " "))
		l.quorum = words[1]
		if len(words) > 2 {
			err = errors.New("one name after quorum")
		}
	}
	if len(l.weights) > 2*maxWitnesses || len(l.witnesses) > maxWitnesses {
		err = fmt.Errorf("more than %d witnesses or groups", maxWitnesses)
	}
	return err
}

func (l *policyLines) witness(words []string) error {
	w := Witness{Name: words[1]}
	if len(words) > 4 || w.Name == "none" {
		return errors.New("want: witness name vkey [url], and not the name none")
	}
	if len(words) == 4 {
		w.URL = strings.TrimSuffix(words[3], "/")
	}
	var err error
	if w.Key, err = NewCosignatureKey(words[2]); err != nil {
		return err
	}
	if i := slices.IndexFunc(l.witnesses, func(o Witness) bool { return o.Key.Public() == w.Key.Public() }); i >= 0 {
		return fmt.Errorf("%s has the key of %s: one witness must not count twice", w.Name, l.witnesses[i].Name)
	}
	l.witnesses = append(l.witnesses, w)
	l.weights[w.Name] = weight{least: 1, outside: map[bool]int{true: 1}[w.URL != ""]}
	return nil
}

// group adds up what its threshold needs at least. As no name is in two groups, members share no witness, and the
// least of the group is the sum of the least of its cheapest members.
func (l *policyLines) group(words []string) error {
	if words[1] == "none" {
		return errors.New("no group may be called none")
	}
	var least, outside []int
	for _, name := range words[3:] {
		w := l.weights[name]
		if w.used {
			return fmt.Errorf("%s is a member of two groups, or twice of one", name)
		}
		w.used = true
		l.weights[name] = w
		least, outside = append(least, w.least), append(outside, w.outside)
	}
	k, err := strconv.Atoi(words[2])
	if err != nil {
		k = map[string]int{"any": 1, "all": len(least)}[words[2]]
	}
	l.weights[words[1]] = weight{least: sumOfLeast(least, k), outside: sumOfLeast(outside, k)}
	return nil
}

func sumOfLeast(list []int, k int) (sum int) {
	slices.Sort(list)
	for _, n := range list[:k] {
		sum += n
	}
	return sum
}

// check refuses a policy that fewer than a majority, or the hub's own agencies alone, could satisfy.
func (l *policyLines) check(v *Verifier) error {
	q := l.weights[l.quorum]
	switch {
	case l.logs != 1 || l.log != v.vkey:
		return fmt.Errorf("want one log line, with the key of this log: log %s", v.vkey)
	case 2*q.least <= len(l.witnesses):
		return fmt.Errorf("%d of its %d witnesses satisfy the quorum; want more than half, or two views of the log could both be witnessed",
			q.least, len(l.witnesses))
	case q.outside == 0:
		return errors.New("agencies alone satisfy the quorum, and the hub could keep all of them on one view; " +
			"want at least one witness with an address of its own in every quorum")
	}
	return nil
}

// Witnesses lists them in the order of the file.
func (p *Policy) Witnesses() []Witness { return p.witnesses }

// Words says for a person whose cosignatures the policy asks for.
func (p *Policy) Words() string {
	var list []string
	for _, w := range p.witnesses {
		list = append(list, strings.TrimSuffix(w.Name+" at "+w.URL, " at "))
	}
	return fmt.Sprintf("%d of %d witnesses at least, %d of them with an address: %s", p.need.least, len(list), p.need.outside, strings.Join(list, ", "))
}

// Changes says in words what differs from another policy; none: both ask for the same. None is called harmless: a
// quorum of more witnesses is weaker where the new ones are in one hand.
func (p *Policy) Changes(from *Policy) (list []string) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, w := range from.witnesses {
		if p.witness(w.Key) == nil {
			add("%s is no witness any more", w.Name)
		}
	}
	for _, w := range p.witnesses {
		switch old := from.witness(w.Key); {
		case old == nil:
			add("%s, with the key %s, is a new witness", w.Name, w.Key.v)
		case old.Name != w.Name || old.URL != w.URL || old.Key.Name() != w.Key.Name():
			add("%s signs as %s at %q; before %s as %s at %q", w.Name, w.Key.Name(), w.URL, old.Name, old.Key.Name(), old.URL)
		}
	}
	if n, of := p.need, from.need; n.least != of.least || n.outside != of.outside || len(p.witnesses) != len(from.witnesses) {
		add("%d of %d witnesses are enough, %d with an address; before %d of %d, %d with an address",
			n.least, len(p.witnesses), n.outside, of.least, len(from.witnesses), of.outside)
	}
	if !slices.Equal(p.rule, from.rule) {
		add("it asks for %q; before for %q", strings.Join(p.rule, "; "), strings.Join(from.rule, "; "))
	}
	return list
}

// witness finds one by its key.
func (p *Policy) witness(key *CosignatureKey) *Witness {
	if i := slices.IndexFunc(p.witnesses, func(w Witness) bool { return w.Key.Public() == key.Public() }); i >= 0 {
		return &p.witnesses[i]
	}
	return nil
}

// Check opens a cosigned checkpoint: the log signed it, and these witnesses of the policy did. The error wraps
// ErrQuorum if they are too few, and ErrCheckpoint if the log did not sign, or a witness's line is false. Lines of
// others are ignored.
func (p *Policy) Check(checkpoint []byte, v *Verifier) (Tree, []Cosignature, error) {
	tree, err := OpenCheckpoint(checkpoint, v)
	if err != nil {
		return tree, nil, err
	}
	n, err := note.Open(checkpoint, p.keys)
	if err != nil {
		return tree, nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	var list []Cosignature
	for _, w := range p.witnesses {
		for _, sig := range n.Sigs {
			if sig.Name != w.Key.v.Name() || sig.Hash != w.Key.v.KeyHash() {
				continue
			}
			seconds, err := torchwood.CosignatureTimestamp(sig)
			if err != nil {
				return tree, nil, fmt.Errorf("%w: %w of %s: %w", ErrCheckpoint, ErrCosignature, w.Name, err)
			}
			list = append(list, Cosignature{w.Name, time.Unix(seconds, 0).UTC()})
		}
	}
	if err := p.quorum.Check(v.Origin(), n.Sigs); err != nil {
		return tree, list, fmt.Errorf("%w: %d of %d witnesses cosigned the tree of %d entries: %w", ErrQuorum, len(list), len(p.witnesses), tree.N, err)
	}
	return tree, list, nil
}
