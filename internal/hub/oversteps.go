package hub

import (
	"sync"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/natsd"
)

// oversteps counts what the server refused to agencies' credentials, and logs each account's first of a
// kind in a minute: a line for each would let one agency fill the disk.
type oversteps struct {
	mu     sync.Mutex
	counts map[natsd.Overstep]int64
	logged map[key]time.Time
	waits  []key // to be logged with the agency's name, outside the server's locks
}

type key struct {
	account fairlead.Account
	what    natsd.Overstep
}

// maxNamed bounds what is remembered of a minute.
const maxNamed = 4096

// note is called while the server holds locks: it only counts.
func (o *oversteps) note(account fairlead.Account, what natsd.Overstep) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts == nil {
		o.counts, o.logged = map[natsd.Overstep]int64{}, map[key]time.Time{}
	}
	o.counts[what]++
	k, now := key{account, what}, time.Now()
	if now.Sub(o.logged[k]) < time.Minute || len(o.waits) >= maxNamed {
		return
	}
	if len(o.logged) >= maxNamed {
		clear(o.logged)
	}
	o.logged[k] = now
	o.waits = append(o.waits, k)
}

func (o *oversteps) count(what natsd.Overstep) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[what]
}

func (o *oversteps) take() []key {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.waits
	o.waits = nil
	return list
}

// nameOversteps logs what waits, with the agency where its credentials name it.
func (h *Hub) nameOversteps() {
	for _, k := range h.oversteps.take() {
		line := h.cfg.Log.Warn().Str("overstep", string(k.what))
		for _, a := range h.broker.Agencies() {
			if a.Account == k.account {
				line = line.Str("agency", string(a.ID))
			}
		}
		line.Msg("refused: credentials were used for what they do not allow. If the agency did not do it, revoke them")
	}
}
