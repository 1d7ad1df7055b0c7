package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/web"
)

// maxExport is how many lines of a list leave the house in one file.
const maxExport = 10000

// exportPage offers what may be taken out of these pages.
type exportPage struct {
	web.Page
	Action string
	Lead   string
	Format web.Field // of a case: a table or the whole
	Child  restrictedView
	Past   []viewLine
}

// exportCase offers a case as a table of its timeline, or whole as one file to read without these pages.
func (v *visit) exportCase() error {
	thread, err := v.thread()
	if err != nil {
		return err
	}
	if ok, err := v.stepUpFirst(); !ok {
		return err
	}
	return v.drawExport(thread)
}

func (v *visit) drawExport(thread string) (err error) {
	w := v.words
	p := exportPage{Page: v.page("export.title"), Action: "/cases/" + thread + "/export", Lead: w.T("export.text")}
	p.Back = "/cases/" + thread
	p.Format = web.Field{Words: w, Form: "choice", Name: "format", Label: w.T("export.format"), Error: v.faultOf("format")}
	for _, f := range []string{"csv", "html"} {
		p.Format.Options = append(p.Format.Options, web.Option{Value: f, Label: w.T("export." + f), Hint: w.T("export."+f+".hint", "mb", maxFiles>>20)})
	}
	if p.Child, err = v.restrictedView(thread); err != nil {
		return err
	}
	if p.Past, err = v.exports(thread); err != nil {
		return err
	}
	return v.render("export", p)
}

// exports lists what was exported of a thread, newest first; of lists, where thread is "".
func (v *visit) exports(thread string) ([]viewLine, error) {
	return v.signedLines(`SELECT at, user, role, 'exported', what FROM exports WHERE thread = ? ORDER BY n DESC LIMIT 50`, thread)
}

// exported records that something leaves these pages, before it does.
func (v *visit) exported(thread, what string) error {
	_, err := v.g.db.Exec(`INSERT INTO exports (at, user, role, thread, what) VALUES (?,?,?,?,?)`, stamp(v.now()), v.user, string(v.role), thread, what)
	return err
}

// takeCase hands a case over as a file.
func (v *visit) takeCase() error {
	thread, err := v.thread()
	if err != nil {
		return err
	}
	if ok, err := v.stepUp("/cases/" + thread + "/export"); !ok {
		return err
	}
	list, err := v.g.links(thread)
	if err != nil {
		return err
	}
	switch v.r.FormValue("format") {
	case "csv":
		return v.caseTable(thread, list)
	case "html":
		return v.caseFile(thread, list)
	}
	v.refuse("format", "export.choose")
	return v.drawExport(thread)
}

func refOf(list []link) (ref string) {
	for _, l := range list {
		ref = either(ref, l.ref)
	}
	return ref
}

var unsafeName = regexp.MustCompile(`-*[^A-Za-z0-9-]+-*`)

// attach makes the answer a file to keep, never a page to open here.
func (v *visit) attach(name, ending, media string) {
	name = strings.Trim(unsafeName.ReplaceAllString(name, "-"), "-")
	v.w.Header().Set("Content-Type", media)
	v.w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+ending))
}

// table writes lines as CSV (RFC 4180) that a spreadsheet reads as UTF-8.
func (v *visit) table(name string, lines [][]string) error {
	v.attach(name, ".csv", "text/csv; charset=utf-8")
	if _, err := v.w.Write([]byte("\ufeff")); err != nil {
		return err
	}
	w := csv.NewWriter(v.w)
	w.UseCRLF = true
	for _, line := range lines {
		for i, text := range line {
			line[i] = cell(text)
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// cell keeps a spreadsheet from taking a text for a formula (OWASP, CSV injection).
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0]) {
		return "'" + text
	}
	return text
}

// tableHead are the names of columns.
func (v *visit) tableHead(keys ...string) (line []string) {
	for _, k := range keys {
		line = append(line, v.words.T("export.col."+k))
	}
	return line
}

// caseTable is the timeline of a case, a line for each event, oldest first. It holds no content.
func (v *visit) caseTable(thread string, list []link) error {
	lines := [][]string{v.tableHead("at", "case", "what", "agency", "way", "event", "share")}
	acks := v.acksOf(list)
	for _, l := range slices.Backward(list) {
		if !shownIn(l) {
			continue
		}
		line := func(at time.Time, event string) {
			way := map[bool]string{true: "out", false: "in"}[l.out]
			lines = append(lines, []string{
				utc(at), refOf(list), v.words.Code("kind", l.kind), v.g.agencyName(fairlead.AgencyID(l.peer)), v.words.T("export." + way), event, l.share,
			})
		}
		if !l.out {
			line(l.at, v.receivedEntry(l).Tag)
			continue
		}
		road, err := v.road(l, acks)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(road.Events) {
			line(e.at, e.What)
		}
	}
	if err := v.exported(thread, "csv"); err != nil {
		return err
	}
	return v.table("case-"+refOf(list), lines)
}

func utc(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return stamp(at)
}

// caseFile is a case whole, in one file that is read offline: no script, nothing loaded, its style named by its hash.
// The files of its messages are in it, to be saved.
type caseFile struct {
	web.Page
	Style    template.CSS
	Policy   string
	Exported string
	Left     bool // whereabouts and files are left out
	Entries  []fileEntry
	Files    []enclosed
	Flags    []viewLine
	Saw      []viewLine

	held int // bytes of files
}

// fileEntry is one share, with what is in it if somebody here has opened it.
type fileEntry struct {
	Title, Peer string
	When        template.HTML
	Road        recipientRoad
	Rows        []row
	Sections    []sectionView
	Sealed      bool
	Recalled    bool
}

// fileStyle is the whole look of such a file.
const fileStyle template.CSS = `body{font:16px/1.5 Arial,sans-serif;max-width:50rem;margin:1rem auto;padding:0 1rem;color:#0b0c0c}` +
	`h1,h2,h3{line-height:1.25}article{border-top:3px solid #1f4e5f;margin-top:2rem}section{border-top:1px solid #b1b4b6;margin-top:1rem}` +
	`dl{margin:0}dt{font-weight:bold;margin-top:.4rem}dd{margin:0}.app-facts .app-facts{border-left:3px solid #b1b4b6;padding-left:.8rem}` +
	`.app-text{white-space:pre-line;margin:0}.sum{font-family:monospace;overflow-wrap:anywhere}.app-secondary{display:block;color:#484949}.mark{font-weight:bold;border:2px solid;padding:.3rem .6rem}` +
	`@media print{article{break-inside:avoid-page}}`

// filePolicy lets such a file load nothing, run nothing and send nothing (CSP level 3).
var filePolicy = func() string {
	sum := sha256.Sum256([]byte(fileStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}()

func (v *visit) caseFile(thread string, list []link) error {
	p := caseFile{Style: fileStyle, Policy: filePolicy}
	p.Page = v.page("case.title", "ref", either(refOf(list), v.words.T("case.noref", "date", v.words.Date(list[len(list)-1].at))))
	p.Exported = v.words.T("export.by", "who", p.User, "at", v.words.Date(v.now())+", "+v.words.Clock(v.now()))
	acks := v.acksOf(list)
	v.leaves = true
	for _, l := range slices.Backward(list) {
		if !shownIn(l) {
			continue
		}
		e, err := v.fileEntry(l, acks)
		if err != nil {
			return err
		}
		p.enclose(&e)
		p.Entries = append(p.Entries, e)
	}
	child, err := v.restrictedView(thread)
	if err != nil {
		return err
	}
	p.Left, p.Flags, p.Saw = child.On && !child.Shown, child.Flags, child.Saw
	if err := v.exported(thread, p.exportCode(child)); err != nil {
		return err
	}
	v.attach("case-"+refOf(list), ".html", "text/html; charset=utf-8")
	return v.g.pages.Render(v.w, http.StatusOK, "case-file", p)
}

// fileEntry reads one share. What nobody here has opened stays sealed: an export tells no sender that it was.
func (v *visit) fileEntry(l link, acks map[string][]*client.Message) (e fileEntry, err error) {
	e = fileEntry{Title: v.words.Code("kind", l.kind), Peer: v.g.agencyName(fairlead.AgencyID(l.peer)), When: v.words.When(l.at)}
	id, err := fairlead.ParseShareID(l.share)
	if err != nil {
		return e, err
	}
	text := func(key, value string) {
		e.Rows = append(e.Rows, row{Key: v.words.T(key), Text: template.HTML(template.HTMLEscapeString(value))})
	}
	text("message.id", l.share)
	if l.out {
		return e, v.ownEntry(&e, l, id, acks, text)
	}
	m, err := v.g.cfg.Client.Message(id)
	if err != nil {
		return e, err
	}
	text("message.state", v.words.Code("acked", either(m.Acked, "open")))
	v.headerRows(m.Header, text)
	views, err := v.g.views(id)
	if e.Sealed = len(views) == 0; err != nil || e.Sealed {
		return e, err
	}
	if e.Sections, err = v.sections(m); errors.Is(err, client.ErrRecalled) {
		e.Recalled = true
		return e, nil
	}
	return e, either(err, v.look(id))
}

func (v *visit) ownEntry(e *fileEntry, l link, id fairlead.ShareID, acks map[string][]*client.Message, text func(key, value string)) error {
	road, err := v.road(l, acks)
	if err != nil {
		return err
	}
	s, err := v.g.cfg.Client.Sent(id)
	if err != nil {
		return err
	}
	h, err := s.Header()
	if err != nil {
		return err
	}
	e.Road = road.recipientRoad
	text("message.sentby", v.g.nameOf(h.From.User)+", "+v.words.Code("role", h.From.Role))
	v.headerRows(h, text)
	if e.Sections, err = v.ownSections(id); err != nil {
		return err
	}
	return v.look(id)
}

// shownIn reports whether a message has a line of its own in its case.
func shownIn(l link) bool { return l.kind != "ack" && (l.kind != "consent.record" || l.out) }

// exportInbox offers the inbox, as it is filtered, as a table.
func (v *visit) exportInbox() error {
	if ok, err := v.stepUpFirst(); !ok {
		return err
	}
	f, _ := v.paging(ackStates)
	_, total, err := v.g.cfg.Client.Received(f)
	if err != nil {
		return err
	}
	p := exportPage{Page: v.page("export.inbox.title"), Action: "/inbox/export?" + v.r.URL.RawQuery, Lead: v.words.N("export.inbox.text", min(total, maxExport))}
	p.Back = "/inbox?" + v.r.URL.RawQuery
	if p.Past, err = v.exports(""); err != nil {
		return err
	}
	return v.render("export", p)
}

// takeInbox hands the inbox over as a table. It holds no content.
func (v *visit) takeInbox() error {
	if ok, err := v.stepUp("/inbox/export?" + v.r.URL.RawQuery); !ok {
		return err
	}
	f, _ := v.paging(ackStates)
	f.Limit, f.Offset = maxExport, 0
	list, _, err := v.g.cfg.Client.Received(f)
	if err != nil {
		return err
	}
	lines := [][]string{v.tableHead("at", "what", "agency", "id", "event", "entry", "share")}
	for _, r := range list {
		l := v.receivedLine(r)
		lines = append(lines, []string{utc(r.At), l.Title, l.Peer, l.PeerID, l.Tag, strconv.FormatInt(r.Index, 10), r.ID.String()})
	}
	if err := v.exported("", "inbox"); err != nil {
		return err
	}
	return v.table("inbox-"+v.now().Format(time.DateOnly), lines)
}
