package gateway

import (
	"html/template"
	"net/url"
	"strconv"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/web"
)

// perPage is how many lines a list shows at once.
const perPage = 25

// line is one message in a list.
type line struct {
	Case                      string // by our own reference
	Href, Title, Peer, PeerID string
	When                      template.HTML
	Tag, Colour               string // state, in a word
	New                       bool
}

// listPage is a list with filters and pages.
type listPage struct {
	web.Page
	Lines              []line
	Total              int
	Filters            []web.Field
	Filtered           bool
	Previous, Next     string
	PageNumber, OfPage int
	Count              string
	Drafts             []draftLine
	Query              string // of the filters
}

// paging reads the filters and the page from the address.
func (v *visit) paging(states []string) (client.Filter, int) {
	q := v.r.URL.Query()
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil || n < 1 || n > 100000 {
		n = 1
	}
	f := client.Filter{Content: true, Limit: perPage, Offset: (n - 1) * perPage, Kind: q.Get("kind"), Agency: fairlead.AgencyID(q.Get("agency"))}
	for _, s := range states {
		if q.Get("state") == s {
			f.State = s
		}
	}
	return f, n
}

// filters are the choices above a list.
func (v *visit) filters(states []string, list string) []web.Field {
	q, w := v.r.URL.Query(), v.words
	kinds := web.Field{Words: w, Form: "list", Name: "kind", Label: w.T("filter.kind"), Any: w.T("filter.all")}
	for _, k := range shownKinds {
		kinds.Options = append(kinds.Options, web.Option{Value: k, Label: w.Code("kind", k), Checked: q.Get("kind") == k})
	}
	agencies := web.Field{Words: w, Form: "list", Name: "agency", Label: w.T("filter.agency"), Any: w.T("filter.all")}
	for _, a := range v.g.cfg.Client.Snapshot().Agencies() {
		if a.ID != v.g.agency {
			agencies.Options = append(agencies.Options, web.Option{Value: string(a.ID), Label: a.Name, Checked: q.Get("agency") == string(a.ID)})
		}
	}
	state := web.Field{Words: w, Form: "list", Name: "state", Label: w.T("filter.state"), Any: w.T("filter.all")}
	for _, s := range states {
		state.Options = append(state.Options, web.Option{Value: s, Label: w.Code(list, s), Checked: q.Get("state") == s})
	}
	return []web.Field{kinds, agencies, state}
}

// shownKinds are the kinds that a list is filtered by: those about children, and what follows them.
var shownKinds = []string{
	"alert.missing", "alert.at_risk", "alert.arrival", "alert.update", "alert.cancel", "referral.new", "referral.response", "info.request",
	"info.response", "info.delay", "assessment.share", "investigation.coordinate", "liaison.note", "nrm.notice", "guardian.notice", "correction", "disclosure.refusal",
	"recall.notice", "recall.confirmation", "escalation", "onward.permission",
}

func (v *visit) pages(p *listPage, n, total int, path string) {
	p.Total, p.PageNumber, p.OfPage = total, n, (total+perPage-1)/perPage
	p.Count = v.words.N("list.count", total)
	q := v.r.URL.Query()
	p.Filtered = q.Get("kind") != "" || q.Get("agency") != "" || q.Get("state") != ""
	switch {
	case total == 0 && p.Filtered:
		p.Count = v.words.T("list.none.filtered")
	case total == 0:
		p.Count = v.words.T("list.none")
	}
	to := func(n int) string {
		q := url.Values{"kind": {q.Get("kind")}, "agency": {q.Get("agency")}, "state": {q.Get("state")}, "page": {strconv.Itoa(n)}}
		return path + "?" + q.Encode()
	}
	if n > 1 {
		p.Previous = to(n - 1)
	}
	if n < p.OfPage {
		p.Next = to(n + 1)
	}
}

// ackStates are what an agency has said of a message it received.
var ackStates = []string{"open", string(fairlead.AckOpened), string(fairlead.AckAccepted), "cannot_read", "wrong_recipient"}

func (v *visit) inbox() error {
	f, n := v.paging(ackStates)
	list, total, err := v.g.cfg.Client.Received(f)
	if err != nil {
		return err
	}
	p := listPage{Page: v.page("inbox.title"), Filters: v.filters(ackStates, "acked"), Query: v.r.URL.RawQuery}
	v.pages(&p, n, total, "/inbox")
	for _, r := range list {
		p.Lines = append(p.Lines, v.receivedLine(r))
	}
	return v.render("inbox", p)
}

func (v *visit) receivedLine(r client.Received) line {
	state := r.Acked
	if state == "" {
		state = "open"
	}
	return line{
		Case: v.caseOf(r.ID), Href: "/messages/" + r.ID.String(), Title: v.words.Code("kind", r.Kind), Peer: v.g.agencyName(r.From), PeerID: string(r.From), When: v.words.When(r.At),
		Tag: v.words.Code("acked", state), Colour: map[string]string{"open": "blue", "accepted_for_action": "green", "opened_by_human": "grey"}[state], New: r.Acked == "",
	}
}

// sentStates are how far a share of ours may have come.
var sentStates = []string{"queued", "recorded", "delivered", "opened", "accepted", "refused", "held", "recalled"}

func (v *visit) sent() error {
	f, n := v.paging(sentStates)
	list, total, err := v.g.cfg.Client.Posted(f)
	if err != nil {
		return err
	}
	p := listPage{Page: v.page("sent.title"), Filters: v.filters(sentStates, "state")}
	v.pages(&p, n, total, "/sent")
	for _, s := range list {
		p.Lines = append(p.Lines, v.postedLine(s))
	}
	if p.Drafts, err = v.draftLines(); err != nil {
		return err
	}
	return v.render("sent", p)
}

var stateColours = map[client.State]string{
	client.Queued: "yellow", client.Recorded: "blue", client.Delivered: "blue", client.Opened: "grey", client.Accepted: "green",
	client.RefusedBy: "red", client.HeldBy: "orange", client.Resealed: "grey", client.Recalled: "red",
}

func (v *visit) postedLine(s client.Posted) line {
	return line{
		Case: v.caseOf(s.ID), Href: "/sent/" + s.ID.String(), Title: v.words.Code("kind", s.Kind), Peer: v.g.agencyName(s.To), PeerID: string(s.To), When: v.words.When(s.Created),
		Tag: v.words.Code("state", s.State), Colour: stateColours[s.State],
	}
}
