package redis

import (
	"testing"

	"github.com/redis/rueidis"
)

// SetHook has f called before and after each step, which fails if f says so.
func (d *Driver) SetHook(f func(step string, before bool) error) { d.registry.hook = f }

// Entries counts what is due, now or later, in all buckets.
func (d *Driver) Entries(t testing.TB) (n int64) {
	for bucket := range buckets {
		k := d.userKeys(bucket)
		for _, cmd := range []rueidis.Completed{d.b().Zcard().Key(k.due).Build(), d.b().Zcard().Key(k.grace).Build(),
			d.b().Hlen().Key(k.todo).Build()} {
			some, err := d.do(t.Context(), cmd).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			n += some
		}
	}
	return n
}

// Reencode reads what is kept of a user and writes it again.
func Reencode(fields map[string]string) map[string]string {
	return parseUser("ann", fields, 0).encode()
}

// ReadKept reads a value of each other kind that is kept.
func ReadKept(value string) {
	parsePending("id", value)
	parseLeaving(value)
	parseLeases(map[string]string{fieldNode + "n": value, fieldLost + "l": value, fieldEpoch: value})
}

// EnterHalf enters a room as the room knows it, or as the session knows it: the other half is lost.
func (d *Driver) EnterHalf(t testing.TB, room, user, session string, asRoom bool) {
	var err error
	if asRoom {
		_, _, err = d.inRoom(t.Context(), "enter a room", room, user, session, roomEnter)
	} else {
		k := d.userKeys(bucketOf(user))
		err = d.call(t.Context(), "enter a room", intentScript, []string{k.user(user)}, "enter", session, room, "1").Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Doubt is what follows when contact was lost.
func (d *Driver) Doubt() { d.doubt() }

// BucketOf is the bucket of a user.
func BucketOf(name string) int { return bucketOf(name) }
