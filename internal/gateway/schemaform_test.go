package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/kind"
	"fairlead/internal/web"
)

var (
	boxes   = regexp.MustCompile(`<(input|select|textarea)[^>]* name="([^"]+)"[^>]*>`)
	options = regexp.MustCompile(`<option value="([^"]+)"`)
	valueOf = regexp.MustCompile(` value="([^"]*)"`)
)

// filled answers every question of a page as somebody would who fills in anything: the first choice, all of
// what goes along, a word, today.
func (s *site) filled(body string) url.Values {
	form := url.Values{}
	at := s.agencyNow()
	for _, m := range boxes.FindAllStringSubmatchIndex(body, -1) {
		tag, name, rest := body[m[0]:m[1]], body[m[4]:m[5]], body[m[1]:]
		value := ""
		if v := valueOf.FindStringSubmatch(tag); v != nil {
			value = v[1]
		}
		switch {
		case name == "threshold": // below it a manager approves what nobody was asked about
			form.Set(name, "TH3")
		case name == "refusal": // others are for a manager to give
			form.Set(name, "R-NOT-HELD")
		case strings.Contains(tag, `type="radio"`) && form.Has(name), strings.Contains(tag, `type="file"`):
		case strings.Contains(tag, `type="hidden"`), strings.Contains(tag, `type="radio"`), strings.Contains(tag, `type="checkbox"`):
			form.Add(name, value)
		case strings.HasPrefix(tag, "<select"):
			form.Set(name, options.FindStringSubmatch(rest)[1])
		case strings.HasSuffix(name, "-day"):
			form.Set(name, at.Format("2"))
		case strings.HasSuffix(name, "-month"):
			form.Set(name, at.Format("1"))
		case strings.HasSuffix(name, "-year"):
			form.Set(name, at.Format("2006"))
		case strings.HasSuffix(name, "-time"):
			form.Set(name, at.Format("15:04"))
		case strings.Contains(name, "phone"), name == "call_back":
			form.Set(name, "+44 1632 960 001")
		case strings.Contains(name, "mail"):
			form.Set(name, "worker@alder.example")
		case strings.Contains(name, "version"), strings.HasSuffix(name, "_days"), strings.HasSuffix(name, "_cm"):
			form.Set(name, "1")
		default:
			form.Set(name, "N-7")
		}
	}
	return form
}

// fillIn answers a draft stage by stage, as far as the check; who and law are given.
func (r *reader) fillIn(kind, body string, who, law url.Values) string {
	r.t.Helper()
	for range 20 {
		path, _, _ := strings.Cut(body, "\n")
		parts := strings.Split(path, "/")
		if len(parts) < 4 || parts[1] != "send" {
			r.t.Fatalf("%s: %s", kind, body)
		}
		stage, _, _ := strings.Cut(parts[3], "?")
		var form url.Values
		switch stage {
		case "check":
			return "/send/" + parts[2]
		case "who":
			form = who
		case "law":
			form = law
		default:
			form = r.s.filled(body)
		}
		r.everywhere("SW1", strings.Split(path, "?")[0])
		var status int
		if status, body = r.post("/send/"+parts[2]+"/"+stage, form); status != http.StatusOK {
			r.t.Fatalf("%s %s: %d %v\n%s", kind, stage, status, form, body)
		}
	}
	r.t.Fatalf("%s never ends", kind)
	return ""
}

// everything is an agreement that permits every section of every kind about a case between two councils.
func everything(at time.Time) *agreement.Agreement {
	a := questions(at)
	a.ID, a.Parties = "A10", []fairlead.AgencyID{hubtest.Alder, hubtest.Aspen}
	a.Signatories, a.Contacts = nil, nil
	for _, id := range a.Parties {
		a.Signatories = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A. Director", Role: "Director"})
		a.Contacts = append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo@example.org"})
	}
	a.Terms = a.Terms[:1]
	p := a.Terms[0].Permit
	p.From, p.To, p.Transfer = a.Parties, a.Parties, fairlead.MechanismNone
	p.Kinds, p.Purposes, p.Bases, p.Sections = nil, fairlead.Purposes, []fairlead.Art6{fairlead.Art6Legal, fairlead.Art6Task}, fairlead.Sections
	for _, k := range kind.All() {
		if k.Built && (k.Plane == kind.Case || k.Plane == kind.Alert) {
			p.Kinds = append(p.Kinds, k.Code)
		}
	}
	return a
}

// TestEveryKind: every kind about a case that the policy does not hold back can be written and goes, with
// every section that its form offers; what answers is written from the question.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, aspen := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Aspen, "en")
	w.join(aspen, "SW1", "Ash Penn", "PRACTITIONER")
	if err := w.Agree(t.Context(), everything(w.Clock.Now())); err != nil {
		t.Fatal(err)
	}
	w.keepUp(hubtest.Alder, hubtest.Aspen)
	r, other := alder.signIn(t, "SW1"), aspen.signIn(t, "SW1")
	who := url.Values{"to": {"ASPEN"}}
	for _, k := range kind.All() {
		if !k.Built || k.Plane != kind.Case && k.Plane != kind.Alert || k.Reply || k.Original {
			continue
		}
		law := url.Values{"basis": {"enquiry"}, "told": {"no"}, "detriment": {"none"}, "p18": {"CANNOT_GIVE"}}
		if k.Code == "liaison.note" {
			law.Set("basis", "cooperate")
		}
		_, body := r.post("/send", url.Values{"kind": {k.Code}})
		draft := r.fillIn(k.Code, body, who, law)
		if _, body := r.get(draft + "/check"); strings.Contains(body, "govuk-error-summary") || strings.Contains(body, "Not sent") {
			t.Errorf("%s cannot be sent: %s", k.Code, body)
			continue
		}
		r.send(draft)
	}
	law := url.Values{"basis": {"scotland"}, "told": {"no"}}
	for question, replies := range map[string][]string{"info.request": {"info.delay", "disclosure.refusal", "info.response"}, "referral.new": {"referral.response"}} {
		name := w.word("kind." + question)
		message := field(t, other.until("/inbox", `">`+name+`</a>`), `href="(/messages/[^"]+)">`+name)
		other.post(message+"/open", nil)
		for _, reply := range replies {
			_, body := other.post(message+"/reply", url.Values{"kind": {reply}})
			other.send(other.fillIn(reply, body, nil, law))
		}
	}
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.allSent(alder, aspen)
}

// allSent holds every kind about a case against what left the houses: each was delivered, whole.
func (w *world) allSent(sites ...*site) {
	w.t.Helper()
	sent := map[string]fairlead.Result{}
	for _, s := range sites {
		list, _, err := s.agency.Posted(client.Filter{Content: true})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range list {
			share, err := s.agency.Sent(p.ID)
			if err != nil || share.Verdict == nil {
				w.t.Fatal(p.Kind, err)
			}
			sent[p.Kind] = share.Verdict.Result
			if r := share.Verdict.Result; r != fairlead.Delivered && r != fairlead.DeliveredRedacted {
				w.t.Errorf("%s: %s %v", p.Kind, r, share.Verdict.Causes)
			}
		}
	}
	follow := []string{"alert.update", "alert.cancel", "correction"} // TestFollow and TestCorrectionAndMismatch send them
	for _, k := range kind.All() {
		if k.Built && (k.Plane == kind.Case || k.Plane == kind.Alert) && sent[k.Code] == "" && !slices.Contains(follow, k.Code) {
			w.t.Errorf("%s was not sent", k.Code)
		}
	}
}

// word is an English word of the pages.
func (w *world) word(key string) string {
	c, err := web.NewCatalogue(web.Locales)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Words("en", time.UTC).T(key)
}
