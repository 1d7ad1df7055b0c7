package registry

import (
	"fmt"
	"reflect"
)

// Differs says in what two registers differ of what entries of shares change; "" where they do not.
func Differs(a, b *Snapshot) string {
	for what, pair := range map[string][2]any{
		"shares": {a.shares, b.shares}, "held": {a.held, b.held}, "counters": {a.counters, b.counters}, "heard": {a.heard, b.heard},
		"senders": {a.senders, b.senders}, "marked": {a.marked, b.marked}, "approvals": {a.approvals, b.approvals}, "stops": {len(a.stops), len(b.stops)},
		"relied": {a.relied.lists(), b.relied.lists()}, "last": {a.last, b.last}, "size": {a.size, b.size},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			return fmt.Sprintf("%s: %+v, %+v", what, pair[0], pair[1])
		}
	}
	return ""
}

// lists are the values that are not empty.
func (t trie[V]) lists() (list []V) {
	var walk func(*node[V])
	walk = func(n *node[V]) {
		switch {
		case n == nil:
		case n.kids == nil && !reflect.ValueOf(n.val).IsZero():
			list = append(list, n.val)
		case n.kids != nil:
			for _, kid := range n.kids {
				walk(kid)
			}
		}
	}
	walk(t.root)
	return list
}
