package redis

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// again takes over what is due of transitions and of what is left to do, tells the former and does the latter. If this process dies in
// between it is due again a lease later.
func (d *Driver) again(ctx context.Context, bucket int, now int64, res *reaped) error {
	const op = "tell again what nobody has confirmed"
	k := d.userKeys(bucket)
	next := now + d.options.Lease.Milliseconds()
	names, err := d.call(ctx, op, dueScript, []string{k.due}, formatMs(now), formatMs(next), strconv.Itoa(dueAtOnce)).AsStrSlice()
	if err != nil || len(names) == 0 {
		return unavailable(err, op)
	}
	d.registry.note(bucket, next)
	values, err := d.dueValues(ctx, op, k, names)
	if err != nil {
		return err
	}
	var todo []*keptLeaving
	told := map[string]transition{}
	var order, obsolete []string
	for i, name := range names {
		if id, pending := strings.CutPrefix(name, duePending); pending {
			if p, ok := parsePending(id, values[i]); ok {
				told[id], order = p.Transition, append(order, id)
				continue
			}
		} else if l, ok := parseLeaving(values[i]); ok {
			todo = append(todo, &l)
			continue
		}
		obsolete = append(obsolete, name)
	}
	if len(obsolete) > 0 { // Redis has forgotten what nobody has confirmed for so long
		if _, err := d.trip(ctx, op, d.b().Zrem().Key(k.due).Member(obsolete...).Build()); err != nil {
			return err
		}
	}
	order = d.leaveAgain(ctx, bucket, todo, told, order, res)
	for _, id := range order {
		res.add([]transition{told[id]}, nil)
	}
	return nil
}

// dueValues reads what is kept under names that are due; "" for what is gone.
func (d *Driver) dueValues(ctx context.Context, op string, k *userKeys, names []string) ([]string, error) {
	cmds := make([]rueidis.Completed, len(names))
	for i, name := range names {
		id, pending := strings.CutPrefix(name, duePending)
		if pending && len(id) >= 4 {
			cmds[i] = d.b().Hget().Key(k.pending(id)).Field(id).Build()
		} else {
			cmds[i] = d.b().Hget().Key(k.todo).Field(strings.TrimPrefix(name, dueLeaving)).Build()
		}
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, err
	}
	values := make([]string, len(names))
	for i, r := range results {
		if values[i], err = textOf(r); err != nil {
			return nil, unavailable(err, op)
		}
	}
	return values, nil
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
