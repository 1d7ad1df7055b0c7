package client

import (
	"cmp"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/strictjson"
)

// watchOwn alarms on an entry of the register that names this agency and that its program did not make, true as it
// may be: an act of the hub's operator on it, or a record signed with its key that is not in its outbox.
func (t *taking) watchOwn(index int64, d *entry.Detail, frame []byte) error {
	if d.Register != nil {
		return t.watchAct(index, d.Register, frame)
	}
	if d.Share == nil {
		return nil
	}
	h, err := envelope.ParseHeader(d.Share.Header)
	if err != nil || h.From.Agency != t.cfg.Agency {
		return nil // it is another's; admitEntry has read it
	}
	var made bool
	if err := t.tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ?)`, h.ID.String()).Scan(&made); err != nil || made {
		return err
	}
	return t.alarm(policy.AlarmNotOurs, index, frame, "entry %d is of kind %s, in the name of this agency and signed with its key: one that this program never made", index, h.Kind)
}

// watchAct tells people what the operator did to their agency. What a lying hub would do looks the same.
func (t *taking) watchAct(index int64, r *entry.Register, frame []byte) error {
	did := map[string]string{"suspend": "suspended", "resume": "lifted the suspension of", "remove": "removed"}[r.Action]
	var s registry.Suspension
	if did == "" || strictjson.Unmarshal(r.Record, &s) != nil || s.Agency != t.cfg.Agency {
		return nil
	}
	return t.alarm(policy.AlarmAct, index, frame, "entry %d: the hub's operator %s this agency (%s); ask the operator, if nobody here knows why", index, did, cmp.Or(s.Reason, "no reason"))
}
