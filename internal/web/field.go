package web

// Field is one question of a form, ready to be drawn.
type Field struct {
	*Words
	Form    string // text, line, short, choice, choices, list, date, moment, file
	Name    string
	Label   string
	Hint    string
	Error   string
	Value   string
	Max     int // characters of a text; 0: no count is shown
	Options []Option
	Parts   []Part // of a date or moment
	Only    bool   // the only question of its page: its label is the page's heading
	Inner   bool   // one of several below a title of their own
	Any     string // of a list that filters: what no choice means
}

// Option is one answer to choose.
type Option struct {
	Value, Label, Hint string
	Checked            bool
}

// Part is one box of a date or a time of day.
type Part struct {
	Name, Label, Value string
	Width              int
}

// Described names what explains the field to a screen reader.
func (f Field) Described() string {
	var ids string
	if f.Hint != "" {
		ids = f.Name + "-hint"
	}
	if f.Error != "" {
		ids += " " + f.Name + "-error"
	}
	return ids
}
