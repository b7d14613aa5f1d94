package redis

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var (
	intentScript = newScript("intent")
	roomScript   = newScript("room")
)

// What a session has to do with a room.
const (
	roomEnter      = "enter"
	roomLeave      = "leave"
	roomEnded      = "ended"       // leaves since it has ended
	roomEndedAgain = "ended again" // the same, and it may have been done already
	roomSuspect    = "suspect"     // is perhaps no more there, though nobody has said that it leaves
	roomStale      = "stale"       // is no more there, unless it has entered since it was suspected
)

// roomKeys are the keys of a bucket of rooms.
type roomKeys struct {
	prefix string
	rooms  string // sorted set of the rooms that somebody is in, in the order of their names
	counts string // hash of these, and how many users are in each
}

func (d *Driver) roomKeys(bucket int) *roomKeys { return &d.registry.rooms[bucket] }

func newRoomKeys(prefix string, bucket int) roomKeys {
	p := prefix + roomTag(bucket)
	return roomKeys{p, p + "rooms", p + "counts"}
}

// in is a sorted set of who is in a room: "USER SESSION", in the order of the users' names.
func (k *roomKeys) in(room string) string { return k.prefix + "in:" + room }

// roomParts are the keys and arguments of the script of rooms.
func (d *Driver) roomParts(room, user, session, mode string) (keys, args []string) {
	k := d.roomKeys(bucketOf(room))
	return []string{k.in(room), k.rooms, k.counts, k.prefix + "gone:" + session, k.prefix + "suspect:" + room + " " + session},
		[]string{mode, room, user, session}
}

func (d *Driver) roomCommand(room, user, session, mode string, more ...string) rueidis.Completed {
	keys, args := d.roomParts(room, user, session, mode)
	args = append(args, more...)
	return d.b().Evalsha().Sha1(roomScript.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// roomResult reads what the script of rooms says, and runs it if Redis did not know it.
func (d *Driver) roomResult(ctx context.Context, op string, r rueidis.RedisResult, room, user, session, mode string) (bool, int, error) {
	if mustLoad(r.Error()) {
		keys, args := d.roomParts(room, user, session, mode)
		r = d.call(ctx, op, roomScript, keys, args...)
	}
	numbers, err := r.AsIntSlice()
	if err != nil {
		return false, 0, unavailable(err, op)
	}
	if numbers[1] < 0 {
		return false, 0, errEnded(session)
	}
	return numbers[0] == 1, int(numbers[1]), nil
}

// Enter implements [hubbub.Occupancy]. It writes first with the session that it is in the room, and then with the room: who ends the
// session in between, or afterwards, sees that it is to be taken out. If it is not in the room yet then, it cannot enter any more. If this
// process dies in between, the session is lost with it, and is taken out of a room that it is not in.
func (d *Driver) Enter(ctx context.Context, room, user, session string) (first bool, count int, err error) {
	const op = "enter a room"
	k := d.userKeys(bucketOf(user))
	n, err := d.call(ctx, op, intentScript, []string{k.user(user)}, "enter", session, room, rand.Text()).AsInt64()
	if err != nil {
		return false, 0, unavailable(err, op)
	}
	if n == 0 {
		return false, 0, errEnded(session)
	}
	return d.inRoom(ctx, op, room, user, session, roomEnter)
}

func (d *Driver) inRoom(ctx context.Context, op, room, user, session, mode string) (bool, int, error) {
	keys, args := d.roomParts(room, user, session, mode)
	return d.roomResult(ctx, op, d.call(ctx, op, roomScript, keys, args...), room, user, session, mode)
}

// Leave implements [hubbub.Occupancy]. It writes in the other order than Enter, for the same reason.
func (d *Driver) Leave(ctx context.Context, room, user, session string) (last bool, count int, err error) {
	const op = "leave a room"
	last, count, err = d.inRoom(ctx, op, room, user, session, roomLeave)
	if err != nil {
		return false, 0, err
	}
	k := d.userKeys(bucketOf(user))
	err = d.call(ctx, op, intentScript, []string{k.user(user)}, "leave", session, room, rand.Text()).Error()
	return last, count, unavailable(err, op)
}

// Occupied implements [hubbub.Occupancy]. It asks all buckets for a few rooms each.
func (d *Driver) Occupied(ctx context.Context, after string, limit int) (page hubbub.RoomPage, err error) {
	const op = "list the rooms"
	key := func(bucket int) string { return d.roomKeys(bucket).rooms }
	names, more, err := d.merge(ctx, op, key, after, limit)
	if err != nil {
		return page, err
	}
	cmds := make([]rueidis.Completed, len(names))
	for i, name := range names {
		k := d.roomKeys(bucketOf(name))
		cmds[i] = d.b().Hget().Key(k.counts).Field(name).Build()
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return page, err
	}
	for i, name := range names {
		n, err := results[i].AsInt64()
		if err != nil && !rueidis.IsRedisNil(err) {
			return page, unavailable(err, op)
		}
		if n > 0 {
			page.Rooms = append(page.Rooms, hubbub.RoomCount{Room: name, Users: int(n)})
		}
	}
	if more && len(names) > 0 {
		page.Next = names[len(names)-1]
	}
	return page, nil
}

// frontier is a list of names in ascending order in each bucket, of which the first few are known.
type frontier struct {
	names []string
	last  []string // the last known name of each bucket; "" if all of them are known
}

// merge returns the first names after one, out of sorted sets in all buckets, and whether there are more.
func (d *Driver) merge(ctx context.Context, op string, key func(bucket int) string, after string, limit int) (names []string, more bool, err error) {
	limit = max(0, limit)
	each := 4 + 2*limit/buckets
	ask := make(map[int]string, buckets) // from where on
	for b := range buckets {
		ask[b] = after
	}
	f := frontier{last: make([]string, buckets)}
	for {
		if err := d.extend(ctx, op, key, &f, ask, each); err != nil {
			return nil, false, err
		}
		slices.Sort(f.names)
		clear(ask)
		for b, last := range f.last { // what follows there may belong to the page
			if last != "" && (len(f.names) <= limit || last < f.names[limit]) {
				ask[b] = last
			}
		}
		if len(ask) == 0 {
			return f.names[:min(limit, len(f.names))], len(f.names) > limit, nil
		}
		each *= 2
	}
}

// extend asks buckets for further names.
func (d *Driver) extend(ctx context.Context, op string, key func(int) string, f *frontier, ask map[int]string, each int) error {
	which := slices.Sorted(maps.Keys(ask))
	cmds := make([]rueidis.Completed, len(which))
	for i, b := range which {
		from := "-"
		if ask[b] != "" {
			from = "(" + ask[b]
		}
		cmds[i] = d.b().Zrange().Key(key(b)).Min(from).Max("+").Bylex().Limit(0, int64(each)).Build()
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return err
	}
	for i, b := range which {
		names, err := results[i].AsStrSlice()
		if err != nil {
			return unavailable(err, op)
		}
		f.names = append(f.names, names...)
		f.last[b] = ""
		if len(names) == each {
			f.last[b] = names[each-1]
		}
	}
	return nil
}
