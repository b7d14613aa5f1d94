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
	ghostSeats = 1024                   // and of how many sessions in each
	ghostTime  = 100 * time.Millisecond // for how long one Reap begins to look at further rooms
)

// search is how far the rooms were looked through for sessions that are not there.
type search struct {
	buckets int    // that are left
	room    string // up to which it was done in the first of these; "" for nothing
	from    string // from where on it is to be done in the room; "" if all is done
}

// dropGhosts takes sessions out of rooms that they are not in, once after each doubt, when nodes have had time to restore their sessions: a
// room's slot may have lost that somebody left, and the user's slot not, and nobody but who reads the room would see it. It goes on where it
// has stopped at the last Reap.
func (d *Driver) dropGhosts(ctx context.Context, res *reaped) {
	s := &d.registry.ghosts
	for began := time.Now(); s.buckets > 0 && time.Since(began) < ghostTime; {
		next, err := d.dropSome(ctx, *s)
		if err != nil {
			res.add(nil, err)
			return
		}
		*s = next
	}
}

// dropSome does it with some sessions of one bucket.
func (d *Driver) dropSome(ctx context.Context, s search) (next search, err error) {
	const op = "look for sessions in rooms where they are not"
	k := d.roomKeys(buckets - s.buckets)
	from, limit := "-", ghostRooms
	switch {
	case s.from != "": // a large room is gone through alone
		from, limit = "["+s.room, 1
	case s.room != "":
		from = "(" + s.room
	}
	results, err := d.trip(ctx, op, d.b().Zrange().Key(k.rooms).Min(from).Max("+").Bylex().Limit(0, int64(limit)).Build())
	if err != nil {
		return s, err
	}
	rooms, err := results[0].AsStrSlice()
	if err != nil {
		return s, unavailable(err, op)
	}
	var seats []seat
	if seats, next, err = d.seatsFrom(ctx, op, s, rooms); err != nil {
		return s, err
	}
	if next.from == "" && len(rooms) < limit {
		next = search{buckets: s.buckets - 1}
	}
	return next, d.dropAbsent(ctx, op, seats)
}

// seatsFrom reads the seats of rooms up to the first with more of them than are looked at together, and tells how far it has come.
func (d *Driver) seatsFrom(ctx context.Context, op string, s search, rooms []string) (all []seat, next search, err error) {
	cmds := make([]rueidis.Completed, len(rooms))
	for i, room := range rooms {
		from := firstSeat
		if room == s.room {
			from = s.from
		}
		cmds[i] = d.seatsCommand(room, from, ghostSeats)
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, s, err
	}
	next = search{buckets: s.buckets}
	for i, room := range rooms {
		seats, err := parseSeats(room, results[i])
		if err != nil {
			return nil, s, unavailable(err, op)
		}
		all, next.room = append(all, seats...), room
		if len(seats) == ghostSeats {
			next.from = seats[len(seats)-1].after()
			break
		}
	}
	return all, next, nil
}

// dropAbsent takes those of some sessions out of their rooms that are not there as far as they know.
func (d *Driver) dropAbsent(ctx context.Context, op string, seats []seat) error {
	for some := range slices.Chunk(seats, seatsAtOnce) {
		gone, err := d.stillAbsent(ctx, op, some)
		if err != nil {
			return err
		}
		if err := d.dropStale(ctx, gone); err != nil {
			return err
		}
	}
	return nil
}

// there asks of sessions whether they are in a room as far as they know.
func (d *Driver) there(ctx context.Context, op string, seats []seat) ([]bool, error) {
	cmds := make([]rueidis.Completed, len(seats))
	for i, s := range seats {
		k := d.userKeys(bucketOf(s.user))
		cmds[i] = d.b().Hget().Key(k.user(s.user)).Field(fieldRooms + s.session).Build()
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, err
	}
	there := make([]bool, len(seats))
	for i, s := range seats {
		rooms, err := textOf(results[i])
		if err != nil {
			return nil, unavailable(err, op)
		}
		there[i] = slices.Contains(strings.Fields(rooms), s.room)
	}
	return there, nil
}

// stillAbsent returns those of some seats whose sessions are not there as far as they know.
func (d *Driver) stillAbsent(ctx context.Context, op string, seats []seat) (gone []seat, err error) {
	there, err := d.there(ctx, op, seats)
	if err != nil {
		return nil, err
	}
	for i, s := range seats {
		if !there[i] {
			gone = append(gone, s)
		}
	}
	return gone, nil
}

// absent returns those of some seats whose sessions are no more, or not there as far as they know, by what was read of their users
// afterwards.
func absent(seats []seat, users map[string]*user) (gone []seat) {
	for _, at := range seats {
		var s *session
		if u := users[at.user]; u != nil {
			s = u.session(at.session)
		}
		if s == nil || !slices.Contains(s.rooms, at.room) {
			gone = append(gone, at)
		}
	}
	return gone
}

// dropStale takes sessions out of rooms that are no more, or not there as far as they know: slots were lost, or the tail of what was written
// to them. Nobody else would do it. What they know was read after the rooms, so who enters or leaves meanwhile is seen to be there by both,
// but for who leaves and enters again, or is restored. So those who seem to be gone are marked in the room, and asked once more. Who enters
// removes the mark, after it has noted with the session that it is there, and who is not marked is not taken out.
func (d *Driver) dropStale(ctx context.Context, gone []seat) error {
	const op = "take lost sessions out of a room"
	if len(gone) == 0 {
		return nil
	}
	mark := rand.Text() // others may look at the same time: who has marked last may take out
	if err := d.inRooms(ctx, "mark sessions that may be gone", gone, roomSuspect, mark); err != nil {
		return err
	}
	gone, err := d.stillAbsent(ctx, "look who has come back to a room", gone)
	if err != nil {
		return err
	}
	return d.inRooms(ctx, op, gone, roomStale, mark)
}

// inRooms runs the script of rooms for seats.
func (d *Driver) inRooms(ctx context.Context, op string, seats []seat, mode, mark string) error {
	cmds := make([]rueidis.Completed, len(seats))
	for i, s := range seats {
		cmds[i] = d.roomCommand(s.room, s.user, s.session, mode, mark)
	}
	_, err := d.trip(ctx, op, cmds...)
	return err
}
