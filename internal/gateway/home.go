package gateway

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/web"
)

// task is one thing that needs somebody, with its clock.
type task struct {
	Href, Title, Who, Strand string
	Clock                    string
	When                     template.HTML
	Late                     bool
	at                       time.Time
}

type homePage struct {
	web.Page
	Now   []task // due within a week either way, the nearest first
	Past  []task // late for longer and still open, the newest first
	Older int    // how many more of those there are
	Reads bool
	May   bool // begin a message
}

// strands is the part of the strategy of 2014 that a kind serves (domain §5).
var strands = map[string]string{
	"alert.missing": "PROTECT", "alert.at_risk": "PROTECT", "alert.arrival": "PROTECT", "alert.update": "PROTECT", "alert.cancel": "PROTECT",
	"referral.new": "PREPARE", "info.request": "PREPARE", "assessment.share": "PREPARE", "nrm.notice": "PREPARE", "guardian.notice": "PROTECT",
	"investigation.coordinate": "PURSUE", "liaison.note": "PREVENT",
}

// older is for how long a task that is late stays among those of now; maxPast is how many others are shown.
const (
	older   = 7 * 24 * time.Hour
	maxPast = 6
)

// home is what needs somebody now, by clock.
func (v *visit) home() error {
	p := homePage{Page: v.page("home.title"), Reads: v.reads(), May: v.acts()}
	var all []task
	for _, gather := range []func() ([]task, error){v.alarmed, v.unopened, v.unanswered, v.unheard, v.unreplied, v.waiting, v.ending} {
		list, err := gather()
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b task) int { return a.at.Compare(b.at) })
	for _, t := range all {
		t.Clock, t.Late = v.clock(t.at)
		t.When = v.words.When(t.at)
		if t.at.Before(v.now().Add(-older)) {
			p.Past = append([]task{t}, p.Past...)
			continue
		}
		p.Now = append(p.Now, t)
	}
	if p.Older = max(0, len(p.Past)-maxPast); p.Older > 0 {
		p.Past = p.Past[:maxPast]
	}
	return v.render("home", p)
}

// clock says how long is left, or how late it is.
func (v *visit) clock(at time.Time) (string, bool) {
	left := at.Sub(v.now())
	if left < 0 {
		return v.words.T("clock.late", "span", v.span(-left)), true
	}
	return v.words.T("clock.left", "span", v.span(left)), false
}

func (v *visit) span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return v.words.N("span.minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return v.words.N("span.hours", int(d.Hours()))
	}
	return v.words.N("span.days", int(d.Hours()/24))
}

// alarmTime is how soon somebody reads what the program found.
const alarmTime = 4 * time.Hour

// alarmed is that the program found something which it did not do and nobody may expect: the newest stands for all.
func (v *visit) alarmed() ([]task, error) {
	list, err := v.g.cfg.Client.Alarms()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return []task{{Href: "/proofs", Title: v.words.T("task.alarm"), Who: v.words.T("proofs.title"), at: list[len(list)-1].At.Add(alarmTime)}}, nil
}

// unopened are the messages that nobody here has opened, by when that is due.
func (v *visit) unopened() (list []task, err error) {
	if !v.reads() {
		return nil, nil
	}
	received, _, err := v.g.cfg.Client.Received(client.Filter{State: "open", Content: true, Limit: 200})
	for _, r := range received {
		list = append(list, v.receivedTask(r, "task.open", v.ackDue(r)))
	}
	return list, err
}

func (v *visit) receivedTask(r client.Received, key string, at time.Time) task {
	t := task{
		Href: "/messages/" + r.ID.String(), Title: v.words.T(key, "what", v.words.Code("kind", r.Kind)), Who: v.withCase(r.ID, v.words.T("message.from", "agency", v.g.agencyName(r.From))), at: at,
	}
	if s := strands[r.Kind]; s != "" {
		t.Strand = v.words.Code("strategy", s)
	}
	return t
}

// caseOf names the case of a share by this agency's own reference; "" there is none yet.
func (v *visit) caseOf(id fairlead.ShareID) string {
	var ref string
	err := v.g.db.QueryRow(`SELECT coalesce(max(b.ref), '') FROM threads a JOIN threads b ON b.thread = a.thread WHERE a.share = ?`, id.String()).Scan(&ref)
	if err != nil || ref == "" {
		return ""
	}
	return v.words.T("case.title", "ref", ref)
}

// withCase says which case before who it is from or for.
func (v *visit) withCase(id fairlead.ShareID, who string) string {
	if name := v.caseOf(id); name != "" {
		return name + " · " + who
	}
	return who
}

// ackDue is when a person is to have said something to a message: by its own clock if it started one,
// else a working day after it came.
func (v *visit) ackDue(r client.Received) time.Time {
	if m, err := v.g.cfg.Client.Message(r.ID); err == nil {
		for _, d := range v.deadlines(m) {
			if at, ok := v.dueAt(d); ok && (d.Code == dueAck || r.Kind == "escalation") {
				return at
			}
		}
	}
	return v.workday(r.At, 1)
}

// answerKinds are the kinds that wait for an answer, and the clock of each.
var answerKinds = map[string][]string{"info.request": {"DL-RFI-URG", "DL-RFI"}, "referral.new": {"DL-LA-DECIDE"}, "recall.notice": {"DL-RECALL"}}

// unanswered are the questions that were opened and have no answer of ours.
func (v *visit) unanswered() (list []task, err error) {
	if !v.reads() {
		return nil, nil
	}
	for _, kind := range []string{"info.request", "referral.new", "recall.notice"} {
		received, _, err := v.g.cfg.Client.Received(client.Filter{Kind: kind, Limit: 200})
		if err != nil {
			return nil, err
		}
		for _, r := range received {
			var n int
			if err := v.g.db.QueryRow(`SELECT count(*) FROM threads WHERE out = 1 AND reply_to = ? AND kind <> 'ack'`, r.ID.String()).Scan(&n); err != nil {
				return nil, err
			}
			if n == 0 && r.Acked != "" && r.Acked != "wrong_recipient" {
				list = append(list, v.receivedTask(r, "task.answer", v.answerDue(r)))
			}
		}
	}
	return list, nil
}

func (v *visit) answerDue(r client.Received) time.Time {
	if m, err := v.g.cfg.Client.Message(r.ID); err == nil {
		for _, d := range v.deadlines(m) {
			if at, ok := v.dueAt(d); ok && slices.Contains(answerKinds[r.Kind], d.Code) {
				return at
			}
		}
	}
	return v.workday(r.At, 10)
}

// unheard are our alerts that no person has opened in time.
func (v *visit) unheard() (list []task, err error) {
	if !v.reads() {
		return nil, nil
	}
	posted, _, err := v.g.cfg.Client.Posted(client.Filter{Kind: "alert.", Limit: 200})
	if err != nil {
		return nil, err
	}
	for _, s := range posted {
		if s.State != client.Recorded && s.State != client.Delivered {
			continue
		}
		share, err := v.g.cfg.Client.Sent(s.ID)
		if err != nil || share.Verdict == nil {
			continue
		}
		for _, d := range share.Verdict.Due {
			if at, err := time.Parse(time.RFC3339, d.At); err == nil && d.Code == dueAck {
				list = append(list, task{
					Href: "/sent/" + s.ID.String(), Title: v.words.T("task.unheard", "what", v.words.Code("kind", s.Kind)),
					Who: v.withCase(s.ID, v.words.T("sent.to", "agency", v.g.agencyName(s.To))), at: at,
				})
			}
		}
	}
	return list, nil
}

// unreplied are our questions whose answer is late.
func (v *visit) unreplied() (list []task, err error) {
	if !v.reads() {
		return nil, nil
	}
	for _, kind := range []string{"info.request", "referral.new"} {
		posted, _, err := v.g.cfg.Client.Posted(client.Filter{Kind: kind, Limit: 200})
		if err != nil {
			return nil, err
		}
		for _, s := range posted {
			share, err := v.g.cfg.Client.Sent(s.ID)
			if err != nil || share.Verdict == nil || !arrived(share) {
				continue
			}
			answered, err := v.g.answered(s.ID)
			if err != nil || answered {
				continue
			}
			for _, d := range share.Verdict.Due {
				if at, ok := v.dueAt(d); ok && v.now().After(at) && slices.Contains(answerKinds[kind], d.Code) {
					list = append(list, task{
						Href: "/sent/" + s.ID.String(), Title: v.words.T("task.unreplied", "what", v.words.Code("kind", s.Kind)),
						Who: v.withCase(s.ID, v.words.T("sent.to", "agency", v.g.agencyName(s.To))), at: at,
					})
				}
			}
		}
	}
	return list, nil
}

// waiting are the shares that a second person must approve.
func (v *visit) waiting() (list []task, err error) {
	if !v.approves() {
		return nil, nil
	}
	posted, _, err := v.g.cfg.Client.Posted(client.Filter{State: string(client.HeldBy)})
	for _, s := range posted {
		share, err := v.g.cfg.Client.Sent(s.ID)
		if err != nil {
			return nil, err
		}
		h, err := share.Header()
		if err != nil {
			return nil, err
		}
		list = append(list, task{
			Href: "/approvals/" + s.ID.String(), Title: v.words.T("task.approve", "what", v.words.Code("kind", s.Kind)),
			Who: v.withCase(s.ID, v.words.T("sent.to", "agency", v.g.agencyName(s.To))), at: h.ValidUntil.Time,
		})
	}
	return list, err
}

// ending are the agreements that end or are to be reviewed within a month.
func (v *visit) ending() (list []task, err error) {
	for _, s := range v.g.cfg.Client.Snapshot().Agreements() {
		if !s.Active(v.now()) {
			continue
		}
		at := s.Until.Time
		if review, err := time.Parse(time.DateOnly, s.ReviewBy); err == nil && review.Before(at) {
			at = review
		}
		if at.Before(v.now().AddDate(0, 1, 0)) && at.After(v.now()) {
			list = append(list, task{Href: fmt.Sprintf("/agreements/%s/%d", s.ID, s.Version), Title: v.words.T("task.agreement", "ref", s.Ref()), Who: s.Title, at: at})
		}
	}
	return list, nil
}

// workday is the end of the n-th working day after an instant, by this agency's calendar.
func (v *visit) workday(from time.Time, n int) time.Time {
	j := fairlead.Jurisdiction("")
	if a := v.g.cfg.Client.Snapshot().Agency(v.g.agency); a != nil {
		j = a.Jurisdiction
	}
	day := calendar(j).Next(from, n)
	return time.Date(day.Year(), day.Month(), day.Day(), 23, 59, 0, 0, v.words.Zone())
}

// news is a stream that says when something has arrived, and nothing of what (HTML, server-sent events).
func (v *visit) news() error {
	c := make(chan struct{}, 1)
	v.g.mu.Lock()
	v.g.watchers[c] = true
	v.g.mu.Unlock()
	defer func() {
		v.g.mu.Lock()
		delete(v.g.watchers, c)
		v.g.mu.Unlock()
	}()
	control := http.NewResponseController(v.w)
	if err := control.SetWriteDeadline(time.Time{}); err != nil { // the stream lasts as long as the page
		return err
	}
	v.w.Header().Set("Content-Type", "text/event-stream")
	beat := time.NewTicker(20 * time.Second)
	defer beat.Stop()
	fmt.Fprint(v.w, ": ready\n\n")
	for {
		if err := control.Flush(); err != nil {
			return nil // the reader has gone
		}
		say := ""
		select {
		case <-v.r.Context().Done():
			return nil
		case <-beat.C:
			say = ": here\n\n"
		case <-c:
			say = "event: news\ndata: 1\n\n"
		}
		if _, ok := v.g.roleOf(v.user, v.now()); !ok {
			return nil // who has left hears no more
		}
		fmt.Fprint(v.w, say)
	}
}
