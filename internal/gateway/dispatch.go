package gateway

import (
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/web"
)

// interruptPage asks once more where a message leaves the State.
type interruptPage struct {
	web.Page
	ID      string
	Version int
	Abroad  []string
}

// sendDraft hands a draft to the outbox, once: from then on nothing is lost, and the hub gets it when it
// can be reached. What is wrong is said, and the draft stays.
func (v *visit) sendDraft() error {
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	d, f, err := v.draft()
	if err != nil {
		return err
	}
	if d.Sent != "" && d.Sent != "sending" { // pressed twice
		return v.redirect("/cases/" + d.Sent + "?done=queued")
	}
	if len(v.checkAll(d, f)) > 0 {
		return v.checkAnswers(d, f)
	}
	if v.r.FormValue("version") != versionOf(d) {
		v.refuse("", "fault.conflict", "name", v.g.nameOf(d.User))
		return v.checkAnswers(d, f)
	}
	if abroad := v.abroad(d); len(abroad) > 0 && v.r.FormValue("abroad") == "" {
		p := interruptPage{v.page("interrupt.title"), d.ID, d.Version, abroad}
		p.Back = "/send/" + d.ID + "/" + stageCheck
		return v.render("interrupt", p)
	}
	if d.overrides() { // what overrules a child's no is signed by who has just shown who they are
		if ok, err := v.stepUp("/send/" + d.ID + "/" + stageCheck); !ok {
			return err
		}
	}
	thread, err := v.dispatch(d, f)
	if err != nil {
		return err
	}
	if thread == "" {
		return v.checkAnswers(d, f)
	}
	return v.redirect("/cases/" + thread + "?done=queued")
}

// dispatch marks the draft, sends it and keeps where it went. A crash between leaves the mark, and the
// draft says that it may have gone.
func (v *visit) dispatch(d *written, f form) (thread string, err error) {
	out, err := v.build(d, f)
	if err != nil {
		return "", err
	}
	if out.To, err = v.reached(d, out); err != nil || len(out.To) == 0 {
		v.refuse("", "check.nobody")
		return "", err
	}
	if _, err := v.g.db.Exec(`UPDATE drafts SET sent = 'sending' WHERE id = ?`, d.ID); err != nil {
		return "", err
	}
	ids, err := v.sendAll(d, out)
	if err != nil {
		v.g.cfg.Log.Warn().Err(err).Str("kind", f.kind).Msg("a draft could not be sent")
		v.refuse("", sendFault(err))
		_, err := v.g.db.Exec(`UPDATE drafts SET sent = '' WHERE id = ?`, d.ID)
		return "", err
	}
	if thread, err = v.placed(ids); err != nil {
		return "", err
	}
	_, err = v.g.db.Exec(`UPDATE drafts SET sent = ?, sealed = x'' WHERE id = ?`, thread, d.ID)
	return thread, err
}

// sendFault is the key of what to say of a draft that could not be sealed.
func sendFault(err error) string {
	if strings.Contains(err.Error(), "too large") {
		return "fault.toolarge"
	}
	return "fault.send"
}

// placed finds the thread of what was sent.
func (v *visit) placed(ids []fairlead.ShareID) (string, error) {
	if err := v.g.index(); err != nil {
		return "", err
	}
	return v.g.threadOf(ids[0].String())
}

// reached are the recipients that the policy lets something through to: the page has said who is not.
func (v *visit) reached(d *written, out *client.Draft) (to []string, err error) {
	previews, err := v.previews(d, out)
	for _, p := range previews {
		if p.Decision.Result != fairlead.Refused {
			to = append(to, string(p.To))
		}
	}
	return to, err
}
