package gateway

import (
	"slices"
	"strconv"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/policy"
)

// escalating are the pages by which a share that nobody answers is taken one level up (domain §6, §10.3).
var escalating = []route{
	{"GET /sent/{id}/escalate", reader, (*visit).escalate},
	{"POST /sent/{id}/escalate", reader, (*visit).sendEscalation},
}

// noAnswers are the kinds that come back for a share and end no waiting.
const noAnswers = `('ack', 'info.delay', 'liaison.note', 'escalation', 'recall.notice')`

// answered reports whether the other side has sent what a share of ours waits for.
func (g *Gateway) answered(id fairlead.ShareID) (bool, error) {
	var n int
	err := g.db.QueryRow(`SELECT count(*) FROM threads WHERE out = 0 AND reply_to = ? AND kind NOT IN `+noAnswers, id.String()).Scan(&n)
	return n > 0, err
}

// waits reports whether somebody there is still to do something about a share of ours: answer it, take it on, or at
// least open it.
func (v *visit) waits(s *client.SentShare) (bool, error) {
	k, _ := kind.Lookup(s.Kind)
	if !v.acts() || !arrived(s) || k.Plane != kind.Alert && k.Plane != kind.Case {
		return false, nil
	}
	switch {
	case answerKinds[s.Kind] != nil:
		done, err := v.g.answered(s.ID)
		return !done, err
	case isAlert(s.Kind):
		return s.State != client.Accepted, nil
	}
	return s.State != client.Opened && s.State != client.Accepted, nil
}

// dueAt is the instant of a deadline; a day ends with its last minute.
func (v *visit) dueAt(d policy.Due) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, d.At); err == nil {
		return at, true
	}
	at, err := time.ParseInLocation(time.DateOnly, d.At, v.words.Zone())
	return at.Add(24*time.Hour - time.Minute), err == nil
}

// late says that somebody there was to open, or to answer, a share of ours by now.
func (v *visit) late(s *client.SentShare, acks []*client.Message) (string, error) {
	if s.Verdict == nil || !arrived(s) {
		return "", nil
	}
	answered, err := v.g.answered(s.ID)
	if err != nil {
		return "", err
	}
	for _, d := range s.Verdict.Due {
		at, ok := v.dueAt(d)
		switch {
		case !ok || !v.now().After(at):
		case d.Code == dueAck && len(acks) == 0:
			return v.words.T("event.overdue"), nil
		case slices.Contains(answerKinds[s.Kind], d.Code) && !answered:
			return v.words.T("event.overdue.answer", "day", v.words.Date(at)+", "+v.words.Clock(at)), nil
		}
	}
	return "", nil
}

// levels are those to which a share of ours was taken, first to last.
func (v *visit) levels(id fairlead.ShareID) (list []*client.SentShare, top int, err error) {
	list, err = v.sentAbout(id, "escalation")
	for _, s := range list {
		h, err := s.Header()
		if err != nil {
			return nil, 0, err
		}
		n, _ := strconv.Atoi(h.Facts["level"]) // one of three codes
		top = max(top, n)
	}
	return list, top, err
}

// sentAbout are our shares of a kind that follow another, first to last.
func (v *visit) sentAbout(id fairlead.ShareID, kind string) (list []*client.SentShare, err error) {
	ids, err := v.g.about(id, kind, true)
	for _, id := range ids {
		s, err := v.g.cfg.Client.Sent(id)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, err
}

// about finds the messages of a kind, ours or received, that follow a share.
func (g *Gateway) about(id fairlead.ShareID, kind string, out bool) (list []fairlead.ShareID, err error) {
	rows, err := g.db.Query(`SELECT share FROM threads WHERE reply_to = ? AND kind = ? AND out = ? ORDER BY at`, id.String(), kind, out)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		one, err := fairlead.ParseShareID(text)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// escalationEvents are the levels to which a share of ours was taken, and how far each word of it has come.
func (v *visit) escalationEvents(id fairlead.ShareID, note func(string, time.Time)) error {
	list, _, err := v.levels(id)
	for _, s := range list {
		h, err := s.Header()
		if err != nil {
			return err
		}
		note(v.words.T("event.escalated", "level", v.factWord("level", h.Facts["level"]), "state", v.words.Code("state", s.State)), h.SentAt.Time)
	}
	return err
}

// escalates reports whether a share of ours may be taken a level up, and to which level it was taken last.
func (v *visit) escalates(s *client.SentShare) (ok bool, top int, err error) {
	if ok, err = v.waits(s); err != nil || !ok {
		return false, 0, err
	}
	_, top, err = v.levels(s.ID)
	return top < maxLevel, top, err
}

// maxLevel is the Central Authority, or the partnership: there is nobody above.
const maxLevel = 3

// escalate asks to whom a share that waits is taken, the next level first.
func (v *visit) escalate() error {
	s, err := v.sentShare()
	if err != nil {
		return err
	}
	ok, top, err := v.escalates(s)
	if err != nil {
		return err
	}
	if !ok {
		return v.redirect("/sent/" + s.ID.String())
	}
	_, road, err := v.roadIn(s.ID)
	if err != nil {
		return err
	}
	w, p := v.words, v.actPage(s, "escalate")
	p.May = true
	p.What = []string{either(road.Late, w.T("escalate.early")), w.T("escalate.what"), w.T("escalate.record")}
	p.Fields = v.factFields("escalation", "level")
	for i := range p.Fields[0].Options {
		o := &p.Fields[0].Options[i]
		o.Hint = w.T("escalation.level." + o.Value + ".hint")
		o.Checked = o.Checked || v.r.FormValue("level") == "" && o.Value == strconv.Itoa(top+1)
	}
	return v.render("act", p)
}

// sendEscalation takes a share one level up, once for each level.
func (v *visit) sendEscalation() error {
	s, err := v.sentShare()
	if err != nil {
		return err
	}
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	done := "/sent/" + s.ID.String() + "?done=escalated"
	ok, top, err := v.escalates(s)
	if err != nil {
		return err
	}
	if !v.acts() {
		return errForbidden
	}
	level := v.r.FormValue("level")
	if n, err := strconv.Atoi(level); !ok || err == nil && n <= top { // pressed twice, or answered meanwhile
		return v.redirect(done)
	}
	if v.factsGiven("escalation", "level"); len(v.faults) > 0 {
		return v.escalate()
	}
	d, err := v.g.cfg.Client.EscalationDraft(s.ID, level)
	if err != nil {
		return err
	}
	sent, err := v.sendNow(d)
	switch {
	case err != nil:
		return err
	case !sent:
		return v.escalate()
	}
	return v.redirect(done)
}
