package redis

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	ghostRooms = 64                     // how many rooms are looked at together
	ghostTime  = 100 * time.Millisecond // for how long one Reap begins to look at further buckets
)

// seat is a session in a room.
type seat struct{ room, user, session string }

// dropGhosts takes sessions out of rooms that they are not in, once after each doubt, when nodes have had time to restore their sessions: a
// room's slot may have lost that somebody left, and the user's slot not, and nobody but who reads the room would see it. It goes on where it
// has stopped at the last Reap.
func (d *Driver) dropGhosts(ctx context.Context, res *reaped) {
	r := &d.registry
	for began := time.Now(); r.ghosts > 0 && time.Since(began) < ghostTime; r.ghosts-- {
		if err := d.dropGhostsIn(ctx, buckets-r.ghosts); err != nil {
			res.add(nil, err)
			return
		}
	}
}

// dropGhostsIn does it in one bucket of rooms.
func (d *Driver) dropGhostsIn(ctx context.Context, bucket int) error {
	const op = "look for sessions in rooms where they are not"
	k := d.roomKeys(bucket)
	for after := "-"; ; {
		results, err := d.trip(ctx, op, d.b().Zrange().Key(k.rooms).Min(after).Max("+").Bylex().Limit(0, ghostRooms).Build())
		if err != nil {
			return err
		}
		rooms, err := results[0].AsStrSlice()
		if err != nil {
			return unavailable(err, op)
		}
		for _, room := range rooms {
			members, err := d.members(ctx, room)
			if err != nil {
				return err
			}
			names := make([]string, 0, len(members))
			for name := range members {
				names = append(names, name)
			}
			users, _, err := d.people(ctx, op, names)
			if err == nil {
				err = d.dropStale(ctx, room, members, users)
			}
			if err != nil {
				return err
			}
		}
		if len(rooms) < ghostRooms {
			return nil
		}
		after = "(" + rooms[len(rooms)-1]
	}
}

// dropStale takes sessions out of a room that are no more, or not there as far as they know: slots were lost, or the tail of what was written
// to them. Nobody else would do it. The users were read after the members, so who enters or leaves meanwhile is seen to be there by
// both, but for who leaves and enters again. So those are asked once more.
func (d *Driver) dropStale(ctx context.Context, room string, members map[string]string, users map[string]*user) error {
	const op = "take lost sessions out of a room"
	var cmds []rueidis.Completed
	var absent []seat
	for name, ids := range members {
		for id := range strings.FieldsSeq(ids) {
			s := (*session)(nil)
			if u := users[name]; u != nil {
				s = u.session(id)
			}
			if s != nil && slices.Contains(s.rooms, room) {
				continue
			}
			if s != nil {
				absent = append(absent, seat{room, name, id})
			}
			cmds = append(cmds, d.roomCommand(room, name, id, roomStale))
		}
	}
	if _, err := d.trip(ctx, op, cmds...); err != nil || len(absent) == 0 {
		return err
	}
	return d.enterAgain(ctx, absent)
}

// enterAgain has those sessions enter again that are in the room after all.
func (d *Driver) enterAgain(ctx context.Context, absent []seat) error {
	const op = "look who has come back to a room"
	cmds := make([]rueidis.Completed, len(absent))
	for i, e := range absent {
		k := d.userKeys(bucketOf(e.user))
		cmds[i] = d.b().Hget().Key(k.user(e.user)).Field(fieldRooms + e.session).Build()
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return err
	}
	cmds = nil
	for i, e := range absent {
		rooms, err := results[i].ToString()
		if err != nil && !rueidis.IsRedisNil(err) {
			return unavailable(err, op)
		}
		if slices.Contains(strings.Fields(rooms), e.room) {
			cmds = append(cmds, d.roomCommand(e.room, e.user, e.session, roomEnter))
		}
	}
	_, err = d.trip(ctx, op, cmds...)
	return err
}
