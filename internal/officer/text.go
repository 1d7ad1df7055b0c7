package officer

import "strings"

// width of the lines that are printed.
const width = 100

// text sets words under labels, wrapped.
type text struct {
	strings.Builder
	indent string
}

// line is one paragraph.
func (t *text) line(words string) { t.wrap(t.indent, t.indent, words) }

// item is a label and its words.
func (t *text) item(label, words string) {
	if words == "" {
		return
	}
	const column = 12
	first := t.indent + "  " + label + strings.Repeat(" ", max(column-len(label), 1))
	t.wrap(first, t.indent+"  "+strings.Repeat(" ", column), words)
}

// wrap writes words between the margin and the width.
func (t *text) wrap(first, rest, words string) {
	line, empty := first, true
	for _, w := range strings.Fields(words) {
		if !empty && len([]rune(line))+1+len([]rune(w)) > width {
			t.WriteString(strings.TrimRight(line, " ") + "\n")
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+w, false
	}
	t.WriteString(strings.TrimRight(line, " ") + "\n")
}
