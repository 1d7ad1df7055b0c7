package monitor

import (
	"encoding/csv"
	"fmt"
	"html"
	"slices"
	"strings"
)

// page writes HTML without a template: templates make the linker keep methods by reflection, and with
// them code that decrypts. Every text goes through html.EscapeString; there is no script, no address and
// no file outside the page.
type page struct{ b strings.Builder }

const pageStyle = `body{font:16px/1.5 Arial,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#0b0c0c;background:#fff}
table{border-collapse:collapse;margin:1em 0 2em;font-size:14px}caption{text-align:left;font-weight:bold;padding:.5em 0}
th,td{border-bottom:1px solid #767676;padding:.3em .8em .3em 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}
.scroll{overflow-x:auto}p{max-width:45em}
@media print{body{font-size:10pt;margin:0;max-width:none}table{font-size:8pt}.scroll{overflow:visible}thead{display:table-header-group}tr{break-inside:avoid}h2{break-after:avoid}}`

func newPage(title string) *page {
	p := &page{}
	p.b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	p.element("title", title)
	p.b.WriteString("<style>\n" + pageStyle + "\n</style>\n</head>\n<body>\n<main>\n")
	p.element("h1", title)
	return p
}

// element writes a name of ours around a text of anybody's.
func (p *page) element(name, text string) {
	fmt.Fprintf(&p.b, "<%s>%s</%s>\n", name, html.EscapeString(text), name)
}

// table writes a table whose first column heads its rows; of an empty one nothing.
func (p *page) table(caption string, columns []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.b.WriteString("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + html.EscapeString(caption) + "\">\n<table>\n")
	p.element("caption", caption)
	p.b.WriteString("<thead>\n<tr>")
	for _, c := range columns {
		p.b.WriteString("<th scope=\"col\">" + html.EscapeString(c) + "</th>")
	}
	p.b.WriteString("</tr>\n</thead>\n<tbody>\n")
	for _, row := range rows {
		p.b.WriteString("<tr>")
		for i, cell := range row {
			if i == 0 {
				p.b.WriteString("<th scope=\"row\">" + html.EscapeString(cell) + "</th>")
			} else {
				p.b.WriteString("<td>" + html.EscapeString(cell) + "</td>")
			}
		}
		p.b.WriteString("</tr>\n")
	}
	p.b.WriteString("</tbody>\n</table>\n</div>\n")
}

func (p *page) end() []byte {
	p.b.WriteString("</main>\n</body>\n</html>\n")
	return []byte(p.b.String())
}

// sheet is a table as CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets a quote
// before it.
func sheet(columns []string, rows [][]string) []byte {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, row := range slices.Concat([][]string{columns}, rows) {
		safe := slices.Clone(row)
		for i, cell := range safe {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				safe[i] = "'" + cell
			}
		}
		if err := w.Write(safe); err != nil { // a strings.Builder takes everything
			panic(err)
		}
	}
	w.Flush()
	return []byte(b.String())
}
