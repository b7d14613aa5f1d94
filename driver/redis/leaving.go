package redis

import (
	"context"
	"slices"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// finish does what decisions have left to do in other slots: it takes sessions that have ended out of their rooms, and puts them on the
// lists of what their nodes may have missed. It completes the transitions of the decisions. What fails, or is not done since this process
// dies, stays in the bucket, and whoever reaps does it.
func (d *Driver) finish(ctx context.Context, bucket int, all []*decision) {
	var todo []*keptLeaving
	for _, c := range all {
		for i := range c.left {
			todo = append(todo, &c.left[i])
		}
	}
	if len(todo) == 0 {
		return
	}
	left, err := d.leaveAll(ctx, bucket, todo, false)
	if err != nil {
		d.options.Logger.Warn("cannot finish what is left to do after sessions have ended; it is done later", "error", err)
	}
	for _, c := range all {
		for i := range c.told {
			if t := &c.told[i].Transition; t.Kind == hubbub.SessionDisconnected {
				t.Left = left[t.ID]
			}
		}
	}
}

// leaveAll does what is left to do after sessions of a bucket's users have ended, and returns the rooms that users have left by it, by the
// ids of the transitions. If it may be done again it takes every room where the user is not for one that was left by it.
func (d *Driver) leaveAll(ctx context.Context, bucket int, todo []*keptLeaving, again bool) (map[string][]hubbub.Left, error) {
	const op = "take ended sessions out of their rooms"
	ctx, cancel := d.toWrite(ctx)
	defer cancel()
	left := map[string][]hubbub.Left{}
	for some := range slices.Chunk(todo, usersAtOnce) {
		cmds := d.missed(some)
		tells := len(cmds)
		rooms := len(cmds)
		for _, l := range some {
			for _, room := range l.Rooms {
				cmds = append(cmds, d.roomCommand(room, l.User, l.Session.ID, leaveMode(again)))
			}
		}
		results, err := d.trip(ctx, op, cmds...)
		if err != nil {
			return left, err
		}
		if err := firstError(results[:tells]); err != nil {
			return left, unavailable(err, op)
		}
		for _, l := range some {
			for _, room := range l.Rooms {
				last, count, err := d.roomResult(ctx, op, results[rooms], room, l.User, l.Session.ID, leaveMode(again))
				if err != nil {
					return left, err
				}
				if rooms++; last {
					left[l.ID] = append(left[l.ID], hubbub.Left{Room: room, User: l.User, Info: l.Session.Info, Count: count})
				}
			}
		}
		if err := d.done(ctx, bucket, some); err != nil {
			return left, err
		}
	}
	return left, nil
}

func leaveMode(again bool) string {
	if again {
		return roomEndedAgain
	}
	return roomEnded
}

func firstError(results []rueidis.RedisResult) error {
	for _, r := range results {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

// missed makes the commands that put sessions on the lists of what their nodes may have missed.
func (d *Driver) missed(some []*keptLeaving) (cmds []rueidis.Completed) {
	of := map[string][]string{}
	for _, l := range some {
		if l.Tell {
			of[l.Session.Node] = append(of[l.Session.Node], l.Session.ID, string(l.Why))
		}
	}
	for node, pairs := range of {
		key := d.missedKey(node)
		set := d.b().Hset().Key(key).FieldValue()
		for i := 0; i < len(pairs); i += 2 {
			set = set.FieldValue(pairs[i], pairs[i+1])
		}
		cmds = append(cmds, set.Build(), d.b().Pexpire().Key(key).Milliseconds(keptEnded.Milliseconds()).Build())
	}
	return cmds
}

// done forgets what is not left to do any more.
func (d *Driver) done(ctx context.Context, bucket int, some []*keptLeaving) error {
	const op = "forget what is done after sessions have ended"
	k := d.userKeys(bucket)
	names, due := make([]string, len(some)), make([]string, len(some))
	for i, l := range some {
		names[i], due[i] = l.name(), dueLeaving+l.name()
	}
	results, err := d.trip(ctx, op, d.b().Hdel().Key(k.todo).Field(names...).Build(), d.b().Zrem().Key(k.due).Member(due...).Build())
	if err != nil {
		return err
	}
	return unavailable(firstError(results), op)
}
