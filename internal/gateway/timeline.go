package gateway

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/web"
)

// step of the road of a share, as far as there is evidence for it.
type roadStep struct {
	Name string
	Done bool
	Bad  bool
}

// recipientRoad is how far the share of one recipient has come.
type recipientRoad struct {
	Who, Href string
	Road      []roadStep
	Events    []eventLine
	Late      string // overdue
	Up        string // where it is taken a level up
}

type eventLine struct {
	What string
	When template.HTML
	at   time.Time
}

// entry of a case: one message, with all its recipients if it is ours.
type caseEntry struct {
	Title, By, Href string
	When            template.HTML
	Ours            bool
	Recipients      []recipientRoad
	Tag, Colour     string
}

type timelinePage struct {
	web.Page
	Ref     string
	Entries []caseEntry
	Queued  bool
	Thread  string
	Child   restrictedView
	Exports []viewLine
}

// links reads one thread, newest first.
func (g *Gateway) links(thread string) (list []link, err error) {
	rows, err := g.db.Query(`SELECT share, thread, out, kind, peer, at, reply_to, ref FROM threads WHERE thread = ? ORDER BY at DESC, share DESC`, thread)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l link
		var at string
		if err := rows.Scan(&l.share, &l.thread, &l.out, &l.kind, &l.peer, &at, &l.replyTo, &l.ref); err != nil {
			return nil, err
		}
		l.at = unstamp(at)
		list = append(list, l)
	}
	return list, rows.Err()
}

// timeline is one case, across agencies and countries.
func (v *visit) timeline() error {
	list, err := v.g.links(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errNotFound
	}
	p := timelinePage{}
	for _, l := range list {
		p.Ref = either(p.Ref, l.ref)
	}
	frame := v.page("case.title", "ref", either(p.Ref, v.words.T("case.noref", "date", v.words.Date(list[len(list)-1].at))))
	frame.Back = "/cases"
	acks := v.acksOf(list)
	for i := 0; i < len(list); i++ {
		l := list[i]
		if !shownIn(l) {
			continue
		}
		if !l.out {
			p.Entries = append(p.Entries, v.receivedEntry(l))
			continue
		}
		entry := caseEntry{Title: v.words.Code("kind", l.kind), By: v.words.T("case.ours"), When: v.words.When(l.at), Ours: true}
		for ; i < len(list) && list[i].out && list[i].kind == l.kind && list[i].at.Equal(l.at); i++ {
			road, err := v.road(list[i], acks)
			if err != nil {
				return err
			}
			p.Queued = p.Queued || road.queued
			entry.Recipients = append(entry.Recipients, road.recipientRoad)
		}
		i--
		p.Entries = append(p.Entries, entry)
	}
	if frame.Notice != "" && !p.Queued { // the page was asked for after the hub had answered
		frame.Notice = v.words.T("case.recorded")
	}
	p.Page, p.Thread = frame, list[0].thread
	if p.Child, err = v.restrictedView(p.Thread); err != nil {
		return err
	}
	if p.Exports, err = v.exports(p.Thread); err != nil {
		return err
	}
	return v.render("timeline", p)
}

func (v *visit) receivedEntry(l link) caseEntry {
	e := caseEntry{Title: v.words.Code("kind", l.kind), By: v.g.agencyName(fairlead.AgencyID(l.peer)), Href: "/messages/" + l.share, When: v.words.When(l.at)}
	if id, err := fairlead.ParseShareID(l.share); err == nil {
		if m, err := v.g.cfg.Client.Message(id); err == nil {
			state := either(m.Acked, "open")
			e.Tag, e.Colour = v.words.Code("acked", state), map[string]string{"open": "blue", "accepted_for_action": "green"}[state]
		}
	}
	return e
}

// acksOf finds the signed acknowledgements of our shares, by share.
func (v *visit) acksOf(list []link) map[string][]*client.Message {
	acks := map[string][]*client.Message{}
	for _, l := range slices.Backward(list) {
		if l.out || l.kind != "ack" {
			continue
		}
		id, err := fairlead.ParseShareID(l.share)
		if err != nil {
			continue
		}
		if m, err := v.g.cfg.Client.Message(id); err == nil {
			acks[l.replyTo] = append(acks[l.replyTo], m)
		}
	}
	return acks
}

type shareRoad struct {
	recipientRoad
	queued bool
}

// road tells how far a share of ours has come, with the evidence for each step: the outbox for queued, a
// proved verdict for recorded, a signed receipt for delivered, a person's signature for the others.
func (v *visit) road(l link, acks map[string][]*client.Message) (shareRoad, error) {
	id, err := fairlead.ParseShareID(l.share)
	if err != nil {
		return shareRoad{}, err
	}
	s, err := v.g.cfg.Client.Sent(id)
	if err != nil {
		return shareRoad{}, err
	}
	w := v.words
	r := shareRoad{recipientRoad{Who: v.g.agencyName(s.To), Href: "/sent/" + l.share, Road: roadOf(w, s.State)}, s.State == client.Queued}
	note := func(what string, at time.Time) {
		line := eventLine{What: what, at: at}
		if !at.IsZero() {
			line.When = w.When(at)
		}
		r.Events = append(r.Events, line)
	}
	note(w.T("event.queued"), l.at)
	decided, err := v.decided(s)
	if err != nil {
		return r, err
	}
	switch {
	case s.State == client.Queued, s.State == client.Resealed:
	case s.State == client.RefusedBy || s.State == client.HeldBy:
		for _, c := range slices.Concat(s.Verdict.Causes, s.Verdict.Holds) {
			note(v.cause(c), time.Time{})
		}
		note(w.T("event."+string(s.State)+".entry", "entry", s.Index), decided)
	default:
		note(w.T("event.recorded.entry", "entry", s.Index), decided)
	}
	if !v.g.moved(id, client.Delivered).IsZero() || slices.Contains([]client.State{client.Delivered, client.Opened, client.Accepted}, s.State) {
		note(w.T("event.delivered"), v.g.moved(id, client.Delivered))
	}
	for _, m := range acks[l.share] {
		level := m.Header.Facts["level"]
		if level != string(fairlead.AckDelivered) {
			note(w.T("event.ack."+level, "role", w.Code("role", m.Header.From.Role), "user", m.Header.From.User), m.Header.SentAt.Time)
		}
	}
	if err := v.recallEvents(s, note); err != nil {
		return r, err
	}
	if err := either(v.escalationEvents(id, note), v.permissionEvents(id, note)); err != nil {
		return r, err
	}
	slices.Reverse(r.Events)
	if r.Late, err = v.late(s, acks[l.share]); err != nil || r.Late == "" {
		return r, err
	}
	up, _, err := v.escalates(s)
	if up {
		r.Up = r.Href + "/escalate"
	}
	return r, err
}

func (v *visit) decided(s *client.SentShare) (time.Time, error) {
	if s.Verdict == nil {
		return time.Time{}, nil
	}
	list, _, err := v.g.cfg.Client.Posted(client.Filter{Share: s.ID})
	if err != nil || len(list) == 0 {
		return time.Time{}, err
	}
	return list[0].Decided, nil
}

// dueAck is the clock of a person's acknowledgement of an alert.
const dueAck = "DL-ACK-ALERT"

// roadOf marks the steps that are done.
func roadOf(w *web.Words, state client.State) []roadStep {
	order := []client.State{client.Queued, client.Recorded, client.Delivered, client.Opened, client.Accepted}
	switch state {
	case client.RefusedBy, client.HeldBy, client.Resealed, client.Recalled:
		return []roadStep{{w.Code("state", client.Queued), true, false}, {w.Code("state", state), true, state == client.RefusedBy || state == client.Recalled}}
	}
	var list []roadStep
	reached := slices.Index(order, state)
	for i, s := range order {
		list = append(list, roadStep{Name: w.Code("state", s), Done: i <= reached})
	}
	return list
}

// caseLine is a case in the list.
type caseLine struct {
	Href, Ref, Kinds, Agencies string
	When                       template.HTML
	Count                      string
	Restricted                 bool
}

type casesPage struct {
	web.Page
	Query string
	Lines []caseLine
	Count string
}

// cases lists the threads that were last active, or those whose reference was asked for.
func (v *visit) cases() error {
	query := strings.TrimSpace(v.r.URL.Query().Get("q"))
	restricted, err := v.g.restrictedThreads()
	if err != nil {
		return err
	}
	p := casesPage{Page: v.page("cases.title"), Query: query}
	rows, err := v.g.db.Query(`SELECT thread, max(ref), count(*), max(at), min(at), group_concat(DISTINCT kind), group_concat(DISTINCT peer) FROM threads
		WHERE kind NOT IN ('staff.record', 'agency.certificate', 'approval', 'agreement.proposal', 'agreement.signature', 'agreement.status', 'consent.record')
		GROUP BY thread HAVING (? = '' OR instr(lower(max(ref)), lower(?)) > 0) AND sum(kind <> 'ack') > 0 ORDER BY max(at) DESC LIMIT 50`, query, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var thread, ref, at, begun, kinds, peers string
		var n int
		if err := rows.Scan(&thread, &ref, &n, &at, &begun, &kinds, &peers); err != nil {
			return err
		}
		line := caseLine{Href: "/cases/" + thread, Ref: either(ref, v.words.T("case.noref", "date", v.words.Date(unstamp(begun)))), When: v.words.When(unstamp(at)), Count: v.words.N("case.count", n)}
		line.Restricted = restricted[thread]
		line.Kinds = v.nameAll(kinds, func(k string) string { return v.words.Code("kind", k) }, "ack")
		line.Agencies = v.nameAll(peers, func(id string) string { return v.g.agencyName(fairlead.AgencyID(id)) }, string(fairlead.Hub))
		p.Lines = append(p.Lines, line)
	}
	p.Count = v.words.N("cases.count", len(p.Lines))
	return either(rows.Err(), v.render("cases", p))
}

func (v *visit) nameAll(list string, name func(string) string, leaveOut string) string {
	var names []string
	for _, one := range strings.Split(list, ",") {
		if one != "" && one != leaveOut {
			names = append(names, name(one))
		}
	}
	if len(names) > 4 {
		return strings.Join(names[:3], ", ") + " " + v.words.N("andmore", len(names)-3)
	}
	return strings.Join(names, ", ")
}

// sentPage is one share of ours, with what was sent and what the hub decided.
type sentPage struct {
	web.Page
	ID       string
	Follows  []replyChoice
	Recall   bool // it may be asked back
	Escalate bool // it may be taken a level up
	Permit   bool // its recipient may be let pass it on
	Caption  string
	Rows     []row
	Road     recipientRoad
	Outcome  *outcome
	Sections []sectionView
	Views    []viewLine
	Thread   string
	Child    restrictedView
	Away     bool
}

// sentMessage shows a share of ours from the agency's own sealed copy; that look is recorded too.
func (v *visit) sentMessage() error {
	id, err := v.share()
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
	p := sentPage{Page: v.page("kind." + s.Kind), ID: id.String(), Follows: v.followChoices(s), Recall: recallable(s), Caption: v.withCase(id, v.words.T("sent.to", "agency", v.g.agencyName(s.To))), Away: v.g.away() != nil}
	p.Back = "/sent"
	if p.Thread, p.Road, err = v.roadIn(id); err != nil {
		return err
	}
	if s.Verdict != nil {
		o := v.outcome(s.To, verdictDecision(s))
		o.Past = true
		p.Outcome = &o
	}
	if p.Escalate, _, err = v.escalates(s); err != nil {
		return err
	}
	p.Permit = len(controlled(s)) > 0
	v.sentRows(&p, h)
	if p.Sections, err = v.ownSections(id); err != nil {
		return err
	}
	if err := v.look(id); err != nil {
		return err
	}
	if p.Views, err = v.viewLines(id); err != nil {
		return err
	}
	if p.Child, err = v.restrictedView(p.Thread); err != nil {
		return err
	}
	return v.render("sent-message", p)
}

// roadIn finds a share of ours in its thread, and how far it has come.
func (v *visit) roadIn(id fairlead.ShareID) (thread string, road recipientRoad, err error) {
	if thread, err = v.g.threadOf(id.String()); err != nil {
		return "", road, err
	}
	list, err := v.g.links(thread)
	if err != nil {
		return "", road, err
	}
	for _, l := range list {
		if l.share == id.String() {
			r, err := v.road(l, v.acksOf(list))
			return thread, r.recipientRoad, err
		}
	}
	return thread, road, nil
}

func (v *visit) sentRows(p *sentPage, h *envelope.Header) {
	text := func(key, value string) {
		if value != "" {
			p.Rows = append(p.Rows, row{Key: v.words.T(key), Text: template.HTML(template.HTMLEscapeString(value))})
		}
	}
	text("message.sentby", v.g.nameOf(h.From.User)+", "+v.words.Code("role", h.From.Role))
	p.Rows = append(p.Rows, row{Key: v.words.T("message.sentat"), Text: v.words.When(h.SentAt.Time)})
	v.headerRows(h, text)
	p.Rows = append(p.Rows, v.aboutRows(h)...)
}

// ownSections says the content of a share of ours in words, from the agency's own copy.
func (v *visit) ownSections(id fairlead.ShareID) (list []sectionView, err error) {
	if err := v.drawsShare(id); err != nil {
		return nil, err
	}
	d, err := v.g.cfg.Client.OwnContent(id)
	if err != nil {
		return nil, nil // a copy that is no longer kept is not shown
	}
	for _, s := range d.Sections {
		c := client.Content{Code: s.Code, Type: s.Type, Caveats: s.Caveats}
		if s.Type == "json" {
			c.JSON = s.Content
		} else {
			c.Bytes = s.Content
		}
		list = append(list, v.sectionView(d.Kind, c))
	}
	return list, v.drew(id)
}

// verdictDecision is the hub's proved verdict in the form of a decision.
func verdictDecision(s *client.SentShare) policy.Decision {
	verdict := s.Verdict
	return policy.Decision{
		Result: verdict.Result, Ground: verdict.Ground, Agreement: verdict.Agreement, Causes: verdict.Causes, Holds: verdict.Holds,
		Sections: verdict.Sections, Due: verdict.Due,
	}
}
