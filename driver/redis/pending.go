package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// What is due in a bucket, by the beginning of its name in the bucket's sorted set of times.
const (
	duePending = "p" // followed by the id of a transition that nobody has confirmed
	dueLeaving = "t" // followed by the name of a [keptLeaving]
)

// keptPending is a transition that nobody has confirmed.
type keptPending struct {
	hubbub.Transition
	by    string // the instance that has decided it
	order int64  // rises with each transition of the user
}

// keptLeaving is what must be done in other slots after a session was ended: its rooms are to be left and its node is to be told. It is
// written in the step that ends the session and removed when it is done. Whoever reaps does what is still there some time later.
type keptLeaving struct {
	keptPending
	Rooms []string
	Tell  bool
}

// name is unique: a session ends once.
func (l *keptLeaving) name() string { return l.User + " " + l.Session.ID }

// keptTransition is how a transition is kept, after the instance that has decided it and its order. Its time is in Unix ms.
type keptTransition struct {
	ID      string                `json:"id,omitempty"` // only of what is left to do
	Kind    hubbub.TransitionKind `json:"k"`
	User    string                `json:"u"`
	Session string                `json:"s,omitempty"`
	Record  *keptSession          `json:"r,omitempty"`
	Why     hubbub.EndReason      `json:"w,omitempty"`
	Time    int64                 `json:"t"`
	Rooms   []string              `json:"j,omitempty"`
	Tell    bool                  `json:"n,omitempty"`
}

func (p *keptPending) kept() keptTransition {
	k := keptTransition{Kind: p.Kind, User: p.User, Why: p.Why, Time: millis(p.Time)}
	if p.Session.ID != "" {
		record := keepRecord(&p.Session)
		k.Session, k.Record = p.Session.ID, &record
	}
	return k
}

func (p *keptPending) encode() string { return p.head() + plainJSON(p.kept()) }

func (p *keptPending) head() string { return p.by + " " + formatMs(p.order) + " " }

func (l *keptLeaving) encode() string {
	k := l.kept()
	k.ID, k.Rooms, k.Tell = l.ID, l.Rooms, l.Tell
	return l.head() + plainJSON(k)
}

func (k *keptTransition) pending(id string) keptPending {
	p := keptPending{Transition: hubbub.Transition{ID: id, Kind: k.Kind, User: k.User, Why: k.Why, Time: fromMillis(k.Time)}}
	if k.Record != nil {
		p.Session = k.Record.record(k.User, k.Session)
	}
	return p
}

// parsePending is false for what it does not understand.
func parsePending(id, value string) (keptPending, bool) {
	by, order, k, ok := parseTransition(value)
	p := k.pending(id)
	p.by, p.order = by, order
	return p, ok
}

func parseLeaving(value string) (keptLeaving, bool) {
	by, order, k, ok := parseTransition(value)
	l := keptLeaving{keptPending: k.pending(k.ID), Rooms: k.Rooms, Tell: k.Tell}
	l.by, l.order = by, order
	return l, ok
}

func parseTransition(value string) (by string, order int64, k keptTransition, ok bool) {
	by, order, rest := cutHead(value)
	return by, order, k, rest != "" && json.Unmarshal([]byte(rest), &k) == nil
}

// cutHead returns who has decided a transition, its order and the rest.
func cutHead(value string) (by string, order int64, rest string) {
	by, rest, _ = strings.Cut(value, " ")
	n, rest, _ := strings.Cut(rest, " ")
	return by, integer(n), rest
}

// ofOthers returns what instances other than by have decided about a user, in its order, since by has decided: before that it was told.
func ofOthers(kept map[string]string, name, by string) (all []keptPending) {
	var last int64 // of by
	for _, value := range kept {
		if of, order, _ := cutHead(value); of == by {
			last = max(last, order)
		}
	}
	for id, value := range kept {
		if of, order, _ := cutHead(value); of == by || order < last {
			continue
		}
		if p, ok := parsePending(id, value); ok && p.User == name {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b keptPending) int { return cmp.Compare(a.order, b.order) })
	return all
}

// Confirm implements [hubbub.Leases], in one round trip. Only the first commands decide: when something is due that is not kept any more, that
// is forgotten then.
func (d *Driver) Confirm(ctx context.Context, ids ...string) (n int, err error) {
	const op = "confirm transitions"
	kept, due := map[string][]string{}, map[string][]string{} // by key
	for _, id := range ids {
		if bucket, ok := bucketOfTransition(id); ok {
			k := d.userKeys(bucket)
			kept[k.pending(id)] = append(kept[k.pending(id)], id)
			due[k.due] = append(due[k.due], duePending+id)
		}
	}
	if len(kept) == 0 {
		return 0, nil
	}
	cmds := make([]rueidis.Completed, 0, len(kept)+len(due))
	for key, fields := range kept {
		cmds = append(cmds, d.b().Hdel().Key(key).Field(fields...).Build())
	}
	for key, members := range due {
		cmds = append(cmds, d.b().Zrem().Key(key).Member(members...).Build())
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return 0, err
	}
	for _, r := range results[:len(kept)] {
		first, failed := r.AsInt64()
		if n += int(first); failed != nil {
			err = unavailable(failed, op)
		}
	}
	return n, err
}
