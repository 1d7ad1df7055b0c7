package monitor

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"fairlead/internal/policy"
)

// compareDecisions names each respect in which a recorded decision is not the one that follows. The
// whole of both is compared, so nothing is left out if policy.Decision grows.
func (p *replayer) compareDecisions(recorded, follows policy.Decision) {
	if reflect.DeepEqual(recorded, follows) || text(recorded) == text(follows) { // an empty list may be none
		return
	}
	before := len(p.tally.Differences) + p.tally.More
	p.differsIn("decision", result(recorded), result(follows))
	p.differsIn("reasons", causes(recorded.Causes), causes(follows.Causes))
	p.compareSections(recorded.Sections, follows.Sections)
	p.differsIn("deadlines", dues(recorded.Due), dues(follows.Due))
	p.differsIn("entries used", fmt.Sprint(recorded.Used), fmt.Sprint(follows.Used))
	p.differsIn("engine", fmt.Sprint(recorded.Engine), fmt.Sprint(follows.Engine))
	if before == len(p.tally.Differences)+p.tally.More {
		p.differs("decision", text(recorded), text(follows))
	}
}

func (p *replayer) differsIn(what, recorded, follows string) {
	if recorded != follows {
		p.differs(what, recorded, follows)
	}
}

// compareSections compares section by section, by its place among the descriptors.
func (p *replayer) compareSections(recorded, follows []policy.Section) {
	for i := range max(len(recorded), len(follows)) {
		switch {
		case i >= len(follows):
			p.differs(sectionName(recorded[i]), section(recorded[i]), "no decision on it")
		case i >= len(recorded):
			p.differs(sectionName(follows[i]), "nothing of it", section(follows[i]))
		default:
			what := sectionName(follows[i])
			p.differsIn(what, sectionName(recorded[i]), what)
			p.differsIn(what, section(recorded[i]), section(follows[i]))
		}
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // decisions are strings, numbers and bools
		panic(err)
	}
	return string(b)
}

func result(d policy.Decision) string {
	if d.Agreement != "" {
		return fmt.Sprintf("%s, on agreement %s", d.Result, d.Agreement)
	}
	return fmt.Sprintf("%s, on ground %s", d.Result, d.Ground)
}

func sectionName(s policy.Section) string { return fmt.Sprintf("section %d, %s", s.Part+1, s.Code) }

func section(s policy.Section) string {
	what := "withheld"
	if s.Delivered {
		what = "delivered"
	}
	if s.Clause != "" {
		what += " under " + s.Clause
	}
	if len(s.Causes) > 0 {
		what += " because of " + causes(s.Causes)
	}
	return what
}

func causes(list []policy.Cause) string {
	return words(list, func(c policy.Cause) string {
		private := ""
		if c.Private {
			private = ", not told to the sender"
		}
		return fmt.Sprintf("%s (%s, %s: %s%s)", c.Reason, c.Check, c.Where, c.Advice, private)
	})
}

func dues(list []policy.Due) string {
	return words(list, func(d policy.Due) string {
		if d.Calendar == "" {
			return d.Code + " " + d.At
		}
		return fmt.Sprintf("%s %s, working days of %s", d.Code, d.At, d.Calendar)
	})
}

func words[T any](list []T, word func(T) string) string {
	if len(list) == 0 {
		return "none"
	}
	var all []string
	for _, v := range list {
		all = append(all, word(v))
	}
	return strings.Join(all, "; ")
}

// sortedKeys lists the keys of a count in a fixed order.
func sortedKeys[K ~string](counts map[K]int64) []K {
	var keys []K
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
