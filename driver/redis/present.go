package redis

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// seat is a session in a room.
type seat struct{ room, user, session string }

// seatsAtOnce is how many seats are read in one round trip at most.
const seatsAtOnce = 4096

// From where on seats are read: from the first, after those of a user, or after one.
const firstSeat = "-"

func afterUser(name string) string {
	if name == "" {
		return firstSeat
	}
	return "[" + name + "!" // which follows the space after the name
}

func (s *seat) after() string { return "(" + s.user + " " + s.session }

// seatsCommand reads seats in a room in the order of their users' names.
func (d *Driver) seatsCommand(room, from string, limit int) rueidis.Completed {
	k := d.roomKeys(bucketOf(room))
	return d.b().Zrange().Key(k.in(room)).Min(from).Max("+").Bylex().Limit(0, int64(limit)).Build()
}

func parseSeats(room string, r rueidis.RedisResult) ([]seat, error) {
	members, err := r.AsStrSlice()
	seats := make([]seat, len(members))
	for i, m := range members {
		seats[i].room = room
		seats[i].user, seats[i].session, _ = strings.Cut(m, " ")
	}
	return seats, err
}

func (d *Driver) seats(ctx context.Context, op, room, from string, limit int) ([]seat, error) {
	results, err := d.trip(ctx, op, d.seatsCommand(room, from, limit))
	if err != nil {
		return nil, err
	}
	seats, err := parseSeats(room, results[0])
	return seats, unavailable(err, op)
}

// usersIn returns the users of seats that are sorted by them.
func usersIn(seats []seat) []string {
	names := make([]string, len(seats))
	for i, s := range seats {
		names[i] = s.user
	}
	return slices.Compact(names)
}

// eachIn shows f the users in a room, in the order of their names and from the first after one on, until f returns false. Sessions that are
// dead it leaves out. It reads some seats first and more and more then; whose session is not there any more is taken out.
func (d *Driver) eachIn(ctx context.Context, op, room, after string, some int, dead deadSessions, f func(*user, *leases) bool) error {
	shown := ""
	for from := afterUser(after); ; some = min(2*some, seatsAtOnce) {
		seats, err := d.seats(ctx, op, room, from, some)
		if err != nil || len(seats) == 0 {
			return err
		}
		full := len(seats) == some
		from = seats[len(seats)-1].after()
		seats = slices.DeleteFunc(seats, dead.has)
		names := usersIn(seats)
		users, ls, err := d.people(ctx, op, names)
		if err != nil {
			return err
		}
		if err := d.dropStale(ctx, absent(seats, users)); err != nil {
			return err
		}
		for _, name := range names {
			if name == shown { // has seats among those before, too
				continue
			}
			if shown = name; !f(users[name], ls) {
				return nil
			}
		}
		if !full {
			return nil
		}
	}
}

// present lists the users in a room. It reads those on the page, however many there are. The total is that of all seats, and so for a
// moment has those who have just gone, unless the page is all there is. Only while a node is dead and its sessions are not ended yet, all
// seats are read.
func (d *Driver) present(ctx context.Context, room, after string, limit int) (page hubbub.PresencePage, err error) {
	const op = "list who is in a room"
	dead, err := d.deadNow(ctx, op)
	if err != nil {
		return page, err
	}
	f, more, now := hubbub.Filter{Room: room}, false, d.nowMs()
	// One more is looked at than are on the page, to know whether another one follows.
	err = d.eachIn(ctx, op, room, after, min(limit+1, namesAtOnce), dead, func(u *user, ls *leases) bool {
		switch {
		case u.name <= after || !u.matches(&f, ls, now):
		case len(page.Users) == limit:
			more = true
		default:
			page.Users = append(page.Users, d.presence(u, ls, now))
		}
		return !more
	})
	if err != nil {
		return page, err
	}
	if after == "" && !more {
		page.Total = len(page.Users)
		return page, nil
	}
	if more && limit > 0 {
		page.Next = page.Users[limit-1].User
	}
	page.Total, err = d.inAll(ctx, op, room, dead)
	return page, err
}

// inAll counts the users in a room.
func (d *Driver) inAll(ctx context.Context, op, room string, dead deadSessions) (n int, err error) {
	if len(dead) == 0 {
		k := d.roomKeys(bucketOf(room))
		results, err := d.trip(ctx, op, d.b().Hget().Key(k.counts).Field(room).Build())
		if err != nil {
			return 0, err
		}
		n, err := results[0].AsInt64()
		if rueidis.IsRedisNil(err) {
			err = nil
		}
		return int(n), unavailable(err, op)
	}
	counted := ""
	for from := firstSeat; ; {
		seats, err := d.seats(ctx, op, room, from, seatsAtOnce)
		if err != nil || len(seats) == 0 {
			return n, err
		}
		from = seats[len(seats)-1].after()
		for _, s := range seats {
			if s.user != counted && !dead.has(s) {
				counted = s.user
				n++
			}
		}
	}
}

// deadSessions are the sessions of nodes that are dead, as they are kept with their leases. They are nil when there are none.
type deadSessions map[string]struct{}

func (s deadSessions) has(at seat) bool {
	if s == nil {
		return false
	}
	_, ok := s[at.user+" "+at.session]
	return ok
}

// deadNow reads the sessions of dead nodes. Nothing is asked for it as long as no lease has run out.
func (d *Driver) deadNow(ctx context.Context, op string) (all deadSessions, err error) {
	now := d.nowMs()
	ls, err := d.currentLeases(ctx, now)
	if err != nil {
		return nil, err
	}
	for id := range ls.byID {
		if ls.alive(id, now) {
			continue
		}
		members, err := d.sessionsOf(ctx, op, id)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if all == nil {
				all = deadSessions{}
			}
			all[m] = struct{}{}
		}
	}
	return all, nil
}
