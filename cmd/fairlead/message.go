package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/config"
	"fairlead/internal/draft"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// sync sends what is queued and takes what has arrived.
func sync(ctx context.Context, s *session) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if s.conn == nil {
		return errors.New("no hub, nothing synced")
	}
	if s.again {
		if err := s.conn.Rewind(ctx, 0); err != nil {
			return err
		}
	}
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	return status(ctx, s)
}

// send shows what each recipient will see, as far as this agency knows, and sends.
func send(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	d, err := s.draft(s.args[0])
	if err != nil {
		return err
	}
	previews, err := s.client.Preview(d)
	if err != nil {
		return err
	}
	if s.dryRun {
		return s.print(previews, func() { s.preview(previews) })
	}
	if !s.json {
		s.preview(previews)
	}
	ids, err := s.client.Send(d)
	if err != nil {
		return err
	}
	return s.await(ctx, ids...)
}

// draft reads a message file; the files of its sections lie beside it.
func (s *session) draft(path string) (*client.Draft, error) {
	var m draft.Message
	if err := config.Load(path, &m); err != nil {
		return nil, err
	}
	if m.Role == "" {
		m.Role = s.Role
	}
	if m.User == "" {
		m.User = s.User
	}
	return m.Draft(os.DirFS(filepath.Dir(path)), time.Now(), draft.Resolver{Share: fairlead.ParseShareID, Handle: s.client.SubjectHandle})
}

func (s *session) preview(list []client.Preview) {
	s.say("what will happen, as far as this agency knows:")
	for _, p := range list {
		s.decision(string(p.To), p.Decision)
	}
}

// decision says a decision in words: result, ground, what is withheld and why, what is due.
func (s *session) decision(to string, d policy.Decision) {
	ground := ""
	if d.Ground != fairlead.GroundNone {
		ground = " (" + strings.TrimSpace(string(d.Ground)+" "+d.Agreement) + ")"
	}
	s.say("  %s: %s%s", to, words[d.Result], ground)
	for _, c := range slices.Concat(d.Causes, d.Holds) {
		s.say("    %s", cause(c))
	}
	for _, sec := range d.Sections {
		if sec.Delivered {
			s.say("    %-12s delivered (%s)", sec.Code, sec.Clause)
			continue
		}
		for _, c := range sec.Causes {
			s.say("    %-12s withheld: %s", sec.Code, cause(c))
		}
	}
	for _, due := range d.Due {
		s.say("    %-12s due %s", due.Code, due.At)
	}
	for _, o := range d.Oblige.Words() {
		s.say("    the recipient: %s", o)
	}
}

var words = map[fairlead.Result]string{
	fairlead.Delivered: "delivered", fairlead.DeliveredRedacted: "delivered without some sections", fairlead.Held: "held", fairlead.Refused: "refused",
}

func cause(c policy.Cause) string {
	text := string(c.Reason)
	if c.Where != "" {
		text += " (" + c.Where + ")"
	}
	if c.Advice != "" {
		text += ": " + c.Advice
	}
	return text
}

// await waits for the proven verdicts and prints them. Without a hub the shares stay queued, and are
// shown as queued.
func (s *session) await(ctx context.Context, ids ...fairlead.ShareID) error {
	var shares []*client.SentShare
	if s.conn != nil {
		wait, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		if _, err := s.client.Wait(wait, ids...); err != nil && ctx.Err() != nil {
			return err
		}
	}
	refused := false
	for _, id := range ids {
		sent, err := s.client.Sent(id)
		if err != nil {
			return err
		}
		refused = refused || sent.State == client.RefusedBy
		shares = append(shares, sent)
	}
	if err := s.print(shares, func() { s.sent(shares) }); err != nil {
		return err
	}
	if refused {
		return errRefused
	}
	return nil
}

func (s *session) sent(list []*client.SentShare) {
	for _, sh := range list {
		if sh.Verdict == nil {
			s.say("%s to %s: %s; the hub has not answered, it will be sent again", sh.ID, sh.To, sh.State)
			continue
		}
		s.say("%s: %s, proved by log entry %d", sh.ID, sh.State, sh.Index)
		v := sh.Verdict
		s.decision(string(sh.To), policy.Decision{Result: v.Result, Ground: v.Ground, Agreement: v.Agreement, Causes: v.Causes, Holds: v.Holds, Sections: v.Sections, Due: v.Due, Oblige: v.Oblige})
	}
}

// inbox lists what was delivered and proved.
func inbox(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	read := s.client.Inbox
	if s.exercise {
		read = s.client.Exercises
	}
	list, err := read()
	if err != nil {
		return err
	}
	seen, err := s.client.Witnessed(time.Now())
	if err != nil {
		return err
	}
	return s.print(list, func() {
		if seen.Late {
			s.say("%s", witnessed(seen))
		}
		for _, m := range list {
			acked := m.Acked
			if acked == "" {
				acked = "not acknowledged"
			}
			s.say("%s  %s  %-26s from %-10s entry %-5d %s", m.Header.ID, m.At, m.Header.Kind, m.Header.From.Agency, m.Index, acked)
			s.asked(m)
		}
		if len(list) == 0 {
			s.say("nothing was delivered yet")
		}
	})
}

// asked says what is asked of a message after it came: that it be given back, or not used any more.
func (s *session) asked(m *client.Message) {
	if len(m.Stopped) > 0 {
		s.say("    STOP USING %v: the consent they relied on has ended", m.Stopped)
	}
	if r := m.Recall; r != nil {
		answer := "answer: fairlead recall answer " + m.Header.ID.String() + " STATE"
		if r.Answer != "" {
			answer = "answered: " + r.Answer
		}
		s.say("    RECALLED by %s (%s), asked to %s; %s", r.From, r.Reason, r.Action, answer)
	}
}

// open decrypts and shows a message.
func open(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	id, err := fairlead.ParseShareID(s.args[0])
	if err != nil {
		return err
	}
	m, contents, err := s.client.Open(id)
	if err != nil {
		return err
	}
	duties := s.client.Duties(m)
	return s.print(map[string]any{"message": m, "sections": contents, "duties": duties}, func() {
		s.say("%s from %s (%s %s), log entry %d, %s", m.Header.Kind, m.Header.From.Agency, m.Header.From.Role, m.Header.From.User, m.Index, m.At)
		s.say("purpose %s, threshold %s, handling %s %s", m.Header.Purpose, m.Header.Threshold, m.Header.TLP, m.Header.GSC)
		for _, o := range duties.Words() {
			s.say("you owe: %s", o)
		}
		for _, c := range contents {
			s.say("\n%s %v", c.Code, c.Caveats)
			if c.JSON != nil {
				s.say("%s", c.JSON)
			} else {
				s.say("[%d bytes of %s]", len(c.Bytes), c.Type)
			}
		}
	})
}

// ack sends a person's acknowledgement.
func ack(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	id, err := fairlead.ParseShareID(s.args[0])
	if err != nil {
		return err
	}
	sent, err := s.client.Acknowledge(id, fairlead.AckLevel(s.args[1]), s.Role, s.User)
	if err != nil {
		return err
	}
	return s.await(ctx, sent)
}

// witnessed says in words whether others outside the hub have seen the same log.
func witnessed(w client.Witnessed) string {
	var by []string
	for _, c := range w.By {
		by = append(by, c.Witness)
	}
	switch {
	case !w.Policy:
		return "witnessed: not known; take an invitation that has a policy of witnesses (fairlead invitation), or put witness.policy, from the members of the network, into this folder"
	case w.Since.IsZero():
		return fmt.Sprintf("witnessed up to %d entries by %s", w.Size, strings.Join(by, ", "))
	case w.Late:
		return fmt.Sprintf("NOT WITNESSED since %s (%d entries were): what came after it rests on the hub's word that it shows one log to all; ask its operator",
			w.Since.Format(time.RFC3339), w.Size)
	}
	return fmt.Sprintf("not yet witnessed since %s (%d entries were)", w.Since.Format(time.RFC3339), w.Size)
}

// status shows how far each share has come, and alarms.
func status(ctx context.Context, s *session) error {
	if s.client == nil {
		if err := s.open(ctx); err != nil {
			return err
		}
		if err := s.catchUp(ctx); err != nil {
			return err
		}
	}
	list, err := s.client.Outbox()
	if err != nil {
		return err
	}
	alarms, err := s.client.Alarms()
	if err != nil {
		return err
	}
	tree := s.client.Tree()
	seen, err := s.client.Witnessed(time.Now())
	if err != nil {
		return err
	}
	gone, err := s.client.Retained()
	if err != nil {
		return err
	}
	if err := s.print(map[string]any{"outbox": list, "alarms": alarms, "log_size": tree.N, "log_root": tree.Hash.String(), "witnessed": seen, "retained": gone}, func() {
		s.say("log proved up to %d entries, root %s", tree.N, tree.Hash)
		s.say("%s", witnessed(seen))
		for _, sh := range list {
			s.say("%s  %-26s to %-10s %s", sh.ID, sh.Kind, sh.To, sh.State)
		}
		for _, line := range retained(gone) {
			s.say("%s", line)
		}
		for _, a := range alarms {
			s.say("ALARM %s: %s", a.At.Format(time.RFC3339), a.What)
		}
	}); err != nil {
		return err
	}
	if len(alarms) > 0 {
		return fmt.Errorf("%d alarms: what nobody here did, or what an honest hub does not do; ask the operator and your auditor (fairlead evidence FILE), and keep %s as it is", len(alarms), s.Dir)
	}
	return nil
}

// retained says what the hub deleted of what it had delivered here, and what that means.
func retained(r client.Retained) (lines []string) {
	if len(r.Entries) == 0 {
		return nil
	}
	why := "with their log entries"
	if r.Days > 0 {
		why = fmt.Sprintf("%d days after they were acknowledged (RT-HUB-PAYLOAD), or with their log entries", r.Days)
	}
	lines = append(lines, fmt.Sprintf("messages to this agency that the hub has deleted, %s: %d. What this folder holds of them stays", why, len(r.Entries)))
	if len(r.Lost) > 0 {
		lines = append(lines, fmt.Sprintf("of these, not in this folder either: %d (log entries %s). They came before it, and cannot be fetched again: "+
			"look in your case system and in older copies of the folder, or ask their senders", len(r.Lost), entries(r.Lost)))
	}
	return lines
}

// entries lists some log entries; -json has all of them.
func entries(list []int64) string {
	var words []string
	for i, e := range list {
		if i == 20 {
			words = append(words, "…")
			break
		}
		words = append(words, fmt.Sprint(e))
	}
	return strings.Join(words, ", ")
}
