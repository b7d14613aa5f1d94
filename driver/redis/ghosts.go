package redis

import (
	"context"
	"crypto/rand"
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
// both, but for who leaves and enters again, or is restored. So those who seem to be gone are marked in the room, and asked once more. Who
// enters removes the mark, after it has noted with the session that it is there, and who is not marked is not taken out.
func (d *Driver) dropStale(ctx context.Context, room string, members map[string]string, users map[string]*user) error {
	const op = "take lost sessions out of a room"
	var absent []seat
	for name, ids := range members {
		u := users[name]
		for id := range strings.FieldsSeq(ids) {
			s := (*session)(nil)
			if u != nil {
				s = u.session(id)
			}
			if s == nil || !slices.Contains(s.rooms, room) {
				absent = append(absent, seat{room, name, id})
			}
		}
	}
	if len(absent) == 0 {
		return nil
	}
	mark := rand.Text() // others may look at the same time: who has marked last may take out
	if err := d.inRooms(ctx, "mark sessions that may be gone", absent, roomSuspect, mark); err != nil {
		return err
	}
	absent, err := d.stillAbsent(ctx, absent)
	if err != nil {
		return err
	}
	return d.inRooms(ctx, op, absent, roomStale, mark)
}

// inRooms runs the script of rooms for seats.
func (d *Driver) inRooms(ctx context.Context, op string, seats []seat, mode, mark string) error {
	cmds := make([]rueidis.Completed, len(seats))
	for i, e := range seats {
		cmds[i] = d.roomCommand(e.room, e.user, e.session, mode, mark)
	}
	_, err := d.trip(ctx, op, cmds...)
	return err
}

// stillAbsent returns those of the seats whose sessions do not know that they are there.
func (d *Driver) stillAbsent(ctx context.Context, seats []seat) (absent []seat, err error) {
	const op = "look who has come back to a room"
	cmds := make([]rueidis.Completed, len(seats))
	for i, e := range seats {
		k := d.userKeys(bucketOf(e.user))
		cmds[i] = d.b().Hget().Key(k.user(e.user)).Field(fieldRooms + e.session).Build()
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, err
	}
	for i, e := range seats {
		rooms, err := textOf(results[i])
		if err != nil {
			return nil, unavailable(err, op)
		}
		if !slices.Contains(strings.Fields(rooms), e.room) {
			absent = append(absent, e)
		}
	}
	return absent, nil
}
