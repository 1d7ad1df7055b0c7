package hubtest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fairlead/internal/broker"
	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

// Line is one entry of the hub's log as an auditor reads it.
type Line struct {
	Leaf   entry.Leaf
	Detail *entry.Detail // empty where it is erased
	Erased bool
}

// Check settles the world and then holds all of it against the log: an auditor's copy verifies and
// replays; each established share was decided once; every connected agency has exactly what the
// entries say was delivered to it, in order and without a gap, and a true verdict on each of its
// shares; nothing waits for a proof; no agency has an alarm that the log does not explain; and a broker that begins
// with a kept state knows what one knows that folded the log.
func (w *World) Check(ctx context.Context) error {
	if err := w.Settle(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fairlead-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := w.mirror(dir); err != nil {
		return err
	}
	if _, err := monitor.Replay(ctx, dir, ""); err != nil {
		return err
	}
	lines, err := w.read(ctx, dir)
	if err != nil {
		return err
	}
	faults := []error{once(lines), w.folds(ctx)}
	for _, a := range w.Agencies() {
		c := &checking{World: w, Agency: a, lines: lines}
		if err := c.check(); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", a.ID, err))
		}
	}
	return errors.Join(faults...)
}

// Lines are all entries of the log, as an auditor's copy has them.
func (w *World) Lines(ctx context.Context) ([]Line, error) {
	dir, err := os.MkdirTemp("", "fairlead-lines-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := w.mirror(dir); err != nil {
		return nil, err
	}
	return w.read(ctx, dir)
}

// mirror copies the hub's log into the layout of an auditor's mirror.
func (w *World) mirror(dir string) error {
	hub := filepath.Join(w.Dir, "hub")
	key, err := os.ReadFile(filepath.Join(hub, "log.vkey"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "log.vkey"), key, 0o600),
		os.CopyFS(dir, os.DirFS(filepath.Join(hub, broker.LogDir))),
		os.CopyFS(filepath.Join(dir, broker.DetailsDir), os.DirFS(filepath.Join(hub, broker.DetailsDir))),
	)
}

func (w *World) read(ctx context.Context, dir string) (lines []Line, err error) {
	_, tree, err := tlog.ReadCheckpoint(dir, w.Hub.Verifier())
	if err != nil {
		return nil, err
	}
	r, err := tlog.OpenReader(dir, tree)
	if err != nil {
		return nil, err
	}
	details, err := tlog.OpenDetails(filepath.Join(dir, broker.DetailsDir), tree.N)
	if err != nil {
		return nil, err
	}
	defer details.Close()
	err = r.Entries(ctx, 0, tree.N, func(index int64, leaf []byte) error {
		raw, err := details.Get(index)
		if err != nil {
			return err
		}
		var l Line
		if l.Leaf, err = entry.ParseLeaf(leaf); err != nil {
			return err
		}
		if l.Erased = entry.Erased(raw); l.Erased {
			l.Detail = &entry.Detail{}
		} else {
			l.Detail, err = entry.ParseDetail(raw)
		}
		lines = append(lines, l)
		return err
	})
	return lines, err
}

// established reports whether an entry puts a share on record: its sender was known.
func (l Line) established() bool {
	return l.Detail.Share != nil && !slices.ContainsFunc(l.Detail.Share.Decision.Causes, func(c policy.Cause) bool { return c.Check == "P00" })
}

// once looks for shares that were decided twice. A share that was held has a second entry, which cites
// the first.
func once(lines []Line) error {
	first, released := map[fairlead.ShareID]int64{}, map[fairlead.ShareID]int64{}
	for i, l := range lines {
		if !l.established() {
			continue
		}
		seen := first
		if at := l.Detail.Share.Releases; at != nil {
			if seen = released; first[l.Leaf.Share] != *at || lines[*at].Leaf.Outcome != entry.OutcomeHeld {
				return fmt.Errorf("entry %d releases share %s, which entry %d did not hold", i, l.Leaf.Share, *at)
			}
		}
		if j, ok := seen[l.Leaf.Share]; ok {
			return fmt.Errorf("share %s was decided by entry %d and again by entry %d", l.Leaf.Share, j, i)
		}
		seen[l.Leaf.Share] = int64(i)
	}
	return nil
}

// checking holds one agency against the log.
type checking struct {
	*World
	*Agency
	lines []Line
}

func (c *checking) check() error {
	faults := []error{c.inbox(), c.alarms(), c.parked()}
	sent, err := c.Outbox()
	if err != nil {
		return err
	}
	for _, s := range sent {
		if err := c.sent(s); err != nil {
			faults = append(faults, fmt.Errorf("share %s to %s: %w", s.ID, s.To, err))
		}
	}
	return errors.Join(faults...)
}

// inbox compares what the agency holds with what was delivered to it.
func (c *checking) inbox() error {
	inbox, err := c.Inbox() // in the order of the counters
	if err != nil {
		return err
	}
	exercises, err := c.Exercises()
	if err != nil {
		return err
	}
	inbox = append(inbox, exercises...)
	var has, want []int64
	for _, m := range inbox {
		has = append(has, m.Index)
	}
	erased, err := c.Erased() // ordered by entries: an auditor's replay has looked at those
	if err != nil {
		return err
	}
	has = append(has, erased...)
	slices.Sort(has)
	for i, l := range c.lines {
		if l.Leaf.Outcome != entry.OutcomeDelivered || l.Leaf.To != c.ID {
			continue
		}
		want = append(want, int64(i))
		if l.Leaf.Counter != uint64(len(want)) {
			return fmt.Errorf("entry %d has counter %d, it is delivery %d", i, l.Leaf.Counter, len(want))
		}
	}
	if !slices.Equal(has, want) {
		return fmt.Errorf("its inbox has entries %v, delivered to it were %v", has, want)
	}
	return nil
}

// sent checks the verdict of one share and how far its sender knows it to have come.
func (c *checking) sent(s *client.SentShare) error {
	if s.Verdict == nil || s.State == client.Queued {
		return fmt.Errorf("%s, without a verdict", s.State)
	}
	if s.Index < 0 || s.Index >= int64(len(c.lines)) {
		return fmt.Errorf("its verdict names entry %d of %d", s.Index, len(c.lines))
	}
	l := c.lines[s.Index]
	switch {
	case l.Erased && l.Leaf.Share == s.ID && l.Leaf.From == c.ID: // no more than that is left to compare
	case l.Detail.Share == nil || l.Leaf.Share != s.ID || l.Leaf.From != c.ID:
		return fmt.Errorf("its verdict names entry %d, which is of another share", s.Index)
	case l.Detail.Share.Digest != s.Verdict.Header || l.Detail.Share.Decision.Result != s.Verdict.Result:
		return fmt.Errorf("verdict and entry %d differ", s.Index)
	case l.Leaf.Outcome == entry.OutcomeDelivered && s.State == client.Recorded && c.World.Agency(s.To) != nil:
		return fmt.Errorf("delivered by entry %d, and its recipient never said so", s.Index)
	}
	return nil
}

// unreadable begins the one alarm that the log can explain: somebody sent rubbish in the agency's name.
const unreadable = "the hub could not read a submission of this account"

func (c *checking) alarms() error {
	alarms, err := c.Alarms()
	if err != nil {
		return err
	}
	acts, err := c.acts()
	if err != nil {
		return err
	}
	alarms = slices.DeleteFunc(alarms, func(a client.Alarm) bool { return acts[a.What] })
	explained := slices.ContainsFunc(c.lines, func(l Line) bool { return l.Leaf.Class == entry.ClassUnparsed && l.Leaf.From == c.ID })
	for _, a := range alarms {
		if !explained || !strings.HasPrefix(a.What, unreadable) {
			err = errors.Join(err, fmt.Errorf("alarm: %s", a.What))
		}
	}
	if explained && len(alarms) == 0 {
		err = errors.New("no alarm tells of what the hub could not read")
	}
	return err
}

// acts are the alarms on what the operator did to the agency, which must be there.
func (c *checking) acts() (map[string]bool, error) {
	alarms, err := c.Alarms()
	if err != nil {
		return nil, err
	}
	acts := map[string]bool{}
	for i, l := range c.lines {
		if l.Detail.Register == nil || !slices.Contains([]string{"suspend", "resume", "remove"}, l.Detail.Register.Action) || int64(i) >= c.Tree().N {
			continue
		}
		var s registry.Suspension
		if err := json.Unmarshal(l.Detail.Register.Record, &s); err != nil || s.Agency != c.ID {
			continue
		}
		j := slices.IndexFunc(alarms, func(a client.Alarm) bool {
			return strings.HasPrefix(a.What, fmt.Sprintf("entry %d: the hub's operator ", i))
		})
		if j < 0 {
			return nil, fmt.Errorf("no alarm on entry %d, by which the operator did something to it", i)
		}
		acts[alarms[j].What] = true
	}
	return acts, nil
}

// parked looks into the store for frames that still wait for a proof.
func (c *checking) parked() error {
	return c.inStore(c.ID, func(db *sql.DB) error {
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM parked`).Scan(&n); err != nil || n == 0 {
			return err
		}
		return fmt.Errorf("%d frames wait for a proof", n)
	})
}

// inStore opens an agency's store beside its program.
func (w *World) inStore(id fairlead.AgencyID, do func(*sql.DB) error) error {
	db, err := store.Open(filepath.Join(w.home(id), "store.db"))
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
