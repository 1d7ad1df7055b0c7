package officer

import (
	"maps"
	"slices"
	"strings"

	"fairlead/internal/fairlead"
)

// Box is a product of lists: every combination of them has the same answer. Absent urgency means that it
// does not matter.
type Box struct {
	From     []fairlead.AgencyID    `json:"from"`
	To       []fairlead.AgencyID    `json:"to"`
	Kinds    []string               `json:"kinds"`
	Purposes []fairlead.Purpose     `json:"purposes"`
	Bases    []fairlead.Art6        `json:"bases"`
	Urgency  []fairlead.Urgency     `json:"urgency,omitempty"`
	Sections []fairlead.SectionCode `json:"sections"`
	Clauses  []string               `json:"clauses,omitempty"`
	Asks     []string               `json:"asks,omitempty"` // conditions and obligations
	Was      []string               `json:"was,omitempty"`  // of a change: before
}

// boxOf is the box of one flow with some sections.
func boxOf(w *flow, sections []fairlead.SectionCode) Box {
	b := Box{
		From: []fairlead.AgencyID{w.From}, To: []fairlead.AgencyID{w.To}, Kinds: []string{w.Kind}, Purposes: []fairlead.Purpose{w.Purpose},
		Bases: []fairlead.Art6{w.Basis}, Sections: sections,
	}
	if w.urgent {
		b.Urgency = []fairlead.Urgency{w.Urgency}
	}
	return b
}

// answer is what the combinations of a box have in common.
func (b *Box) answer() string {
	return strings.Join(b.Clauses, "\x00") + "\x01" + strings.Join(b.Asks, "\x00") + "\x01" + strings.Join(b.Was, "\x00")
}

// together is what boxes share that are printed under one head.
func (b *Box) together() string {
	return b.answer() + axes[0].key(b) + "\x02" + axes[3].key(b) + "\x02" + axes[4].key(b)
}

// axis is one list of a box.
type axis struct {
	key   func(*Box) string
	merge func(into, b *Box)
}

func axisOf[T ~string](list func(*Box) *[]T) axis {
	return axis{
		key: func(b *Box) string {
			var key strings.Builder
			for _, v := range *list(b) {
				key.WriteString(string(v))
				key.WriteByte(0)
			}
			return key.String()
		},
		merge: func(into, b *Box) {
			l := list(into)
			*l = append(*l, *list(b)...)
			slices.Sort(*l)
			*l = slices.Compact(*l)
		},
	}
}

// axes in the order in which boxes are merged: what people list together first.
var axes = []axis{
	axisOf(func(b *Box) *[]fairlead.SectionCode { return &b.Sections }),
	axisOf(func(b *Box) *[]string { return &b.Kinds }),
	axisOf(func(b *Box) *[]fairlead.Purpose { return &b.Purposes }),
	axisOf(func(b *Box) *[]fairlead.Art6 { return &b.Bases }),
	axisOf(func(b *Box) *[]fairlead.Urgency { return &b.Urgency }),
	axisOf(func(b *Box) *[]fairlead.AgencyID { return &b.To }),
	axisOf(func(b *Box) *[]fairlead.AgencyID { return &b.From }),
}

// merged joins boxes that differ along one axis only. It changes how many boxes there are, never what
// they hold.
func merged(boxes []Box) []Box {
	for i := range axes {
		at := map[string]int{}
		var next []Box
		for j := range boxes {
			b := &boxes[j]
			var key strings.Builder
			key.WriteString(b.answer())
			for k := range axes {
				if k != i {
					key.WriteByte(2)
					key.WriteString(axes[k].key(b))
				}
			}
			if n, ok := at[key.String()]; ok {
				axes[i].merge(&next[n], b)
				continue
			}
			at[key.String()] = len(next)
			next = append(next, *b)
		}
		boxes = next
	}
	return boxes
}

// words are the lists of a box, one a line.
func (b *Box) words(t *text) {
	t.item("from", strings.Join(asText(b.From), ", ")+" to "+strings.Join(asText(b.To), ", "))
	t.item("sections", strings.Join(asText(b.Sections), ", "))
	t.item("kinds", strings.Join(b.Kinds, ", "))
	t.item("purposes", strings.Join(asText(b.Purposes), ", "))
	t.item("bases", strings.Join(asText(b.Bases), ", "))
	t.item("urgency", b.urgency())
}

// urgency is the list in words; "" where it does not matter.
func (b *Box) urgency() string {
	var named []string
	for _, u := range b.Urgency {
		if u == "" {
			u = "none said"
		}
		named = append(named, string(u))
	}
	return strings.Join(named, ", ")
}

func asText[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
