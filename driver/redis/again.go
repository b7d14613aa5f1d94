package redis

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// again takes over what is due of transitions and of what is left to do, tells the former and does the latter. If this process dies in
// between it is due again a lease later. With a transition it tells those of the same user that were decided before it and that nobody has
// confirmed, although others may have taken them over: they would be told later, or in another order.
func (d *Driver) again(ctx context.Context, bucket int, now int64, res *reaped) error {
	const op = "tell again what nobody has confirmed"
	k := d.userKeys(bucket)
	next := now + d.options.Lease.Milliseconds()
	names, err := d.call(ctx, op, dueScript, []string{k.due}, formatMs(now), formatMs(next), strconv.Itoa(dueAtOnce)).AsStrSlice()
	if err != nil || len(names) == 0 {
		return unavailable(err, op)
	}
	d.registry.note(bucket, next)
	ids, left := cutDue(names)
	pending, obsolete, err := d.pendingUpTo(ctx, op, k, ids)
	if err != nil {
		return err
	}
	todo, gone, err := d.leavings(ctx, op, k, left)
	if err != nil {
		return err
	}
	if obsolete = append(obsolete, gone...); len(obsolete) > 0 { // Redis has forgotten what nobody has confirmed for so long
		if _, err := d.trip(ctx, op, d.b().Zrem().Key(k.due).Member(obsolete...).Build()); err != nil {
			return err
		}
	}
	told, order := map[string]transition{}, make([]string, len(pending))
	for i, p := range pending {
		told[p.ID], order[i] = p.Transition, p.ID
	}
	order = d.leaveAgain(ctx, bucket, todo, told, order, res)
	for _, id := range order {
		res.add([]transition{told[id]}, nil)
	}
	return nil
}

// cutDue parts what is due in the ids of transitions and the names of what is left to do.
func cutDue(names []string) (ids, left []string) {
	for _, name := range names {
		if id, pending := strings.CutPrefix(name, duePending); pending {
			ids = append(ids, id)
		} else {
			left = append(left, strings.TrimPrefix(name, dueLeaving))
		}
	}
	return ids, left
}

// pendingUpTo reads transitions that nobody has confirmed, with those of the same users that were decided before them, in the order in which
// they were decided. It also returns the names of those that are gone.
func (d *Driver) pendingUpTo(ctx context.Context, op string, k *userKeys, ids []string) (all []keptPending, gone []string, err error) {
	var keys []string
	var cmds []rueidis.Completed
	for _, id := range ids {
		if len(id) >= 4 && !slices.Contains(keys, k.pending(id)) {
			keys = append(keys, k.pending(id))
			cmds = append(cmds, d.b().Hgetall().Key(k.pending(id)).Build())
		}
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]keptPending{}
	for _, r := range results {
		values, err := r.AsStrMap()
		if err != nil {
			return nil, nil, unavailable(err, op)
		}
		for id, value := range values {
			if p, ok := parsePending(id, value); ok {
				known[id] = p
			}
		}
	}
	last := map[string]int64{} // by user
	for _, id := range ids {
		if p, ok := known[id]; ok {
			last[p.User] = max(last[p.User], p.order)
		} else {
			gone = append(gone, duePending+id)
		}
	}
	for _, p := range known {
		if p.order <= last[p.User] {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b keptPending) int { return cmp.Compare(a.order, b.order) })
	return all, gone, nil
}

// leavings reads what is left to do, and returns what is gone of it as it is called where it is due.
func (d *Driver) leavings(ctx context.Context, op string, k *userKeys, names []string) (todo []*keptLeaving, gone []string, err error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	results, err := d.trip(ctx, op, d.b().Hmget().Key(k.todo).Field(names...).Build())
	if err != nil {
		return nil, nil, err
	}
	values, err := results[0].ToArray()
	if err != nil {
		return nil, nil, unavailable(err, op)
	}
	for i := range values {
		value, _ := values[i].ToString() // "" for what is gone
		if l, ok := parseLeaving(value); ok {
			todo = append(todo, &l)
		} else {
			gone = append(gone, dueLeaving+names[i])
		}
	}
	return todo, gone, nil
}

// leaveAgain does what was left to do. Rooms that users have left by it are told with the transition by which the session has ended, even if
// that was confirmed already: whoever was told of it before knows it by its id.
func (d *Driver) leaveAgain(ctx context.Context, bucket int, todo []*keptLeaving, told map[string]transition, order []string, res *reaped) []string {
	if len(todo) == 0 {
		return order
	}
	left, err := d.leaveAll(ctx, bucket, todo, true)
	res.add(nil, err)
	for _, l := range todo {
		rooms := left[l.ID]
		if len(rooms) == 0 {
			continue
		}
		t, ok := told[l.ID]
		if !ok {
			t, order = l.Transition, append(order, l.ID)
		}
		t.Left = rooms
		told[l.ID] = t
	}
	return order
}
