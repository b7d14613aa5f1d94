package redis

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// countsAge is how old counts may be.
const countsAge = time.Second

// cachedCounts are the last counts.
type cachedCounts struct {
	loading lock // one counts at a time

	mu     sync.Mutex
	counts hubbub.Counts
	at     int64 // in ms; 0 for never
	total  int   // of users
	since  int64 // when total was counted, in ms; 0 for never
	writes uint64
}

func (c *cachedCounts) get(now int64) (hubbub.Counts, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts, c.at != 0 && recent(c.at, now)
}

func recent(at, now int64) bool { return now >= at && now-at < countsAge.Milliseconds() }

// Count implements [hubbub.Directory].
func (d *Driver) Count(ctx context.Context) (hubbub.Counts, error) {
	c := &d.registry.counts
	if counts, ok := c.get(d.nowMs()); ok {
		return counts, nil
	}
	if err := c.loading.take(ctx); err != nil {
		return hubbub.Counts{}, err
	}
	defer c.loading.release()
	now := d.nowMs()
	if counts, ok := c.get(now); ok {
		return counts, nil
	}
	counts, err := d.countNow(ctx, now, true)
	if err != nil {
		return hubbub.Counts{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.at = counts, now
	return counts, nil
}

// total counts the users who are online for a list of them. For its further pages it need not be counted again, as long as this instance
// has decided nothing. The first page is counted with it: with time alone graces and leases end.
func (d *Driver) total(ctx context.Context, first bool) (int, error) {
	c := &d.registry.counts
	now, writes := d.nowMs(), d.registry.writes.Load()
	c.mu.Lock()
	total, ok := c.total, c.since != 0 && recent(c.since, now) && c.writes == writes
	c.mu.Unlock()
	if ok && !first {
		return total, nil
	}
	counts, err := d.countNow(ctx, now, false)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total, c.since, c.writes = counts.Users, now, writes
	return counts.Users, nil
}

// countNow adds up what all buckets say. Sessions of dead nodes that nobody has ended yet are subtracted, and so are users who had no other
// ones when their grace is over: these must be read one by one, but only in the moments until they are reaped.
func (d *Driver) countNow(ctx context.Context, now int64, sessions bool) (sum hubbub.Counts, err error) {
	const op = "count who is online"
	ls, dead, err := d.deadLeases(ctx, now)
	if err != nil {
		return sum, err
	}
	// What is asked of each bucket, and what the answers are added to or subtracted from.
	var cmds []rueidis.Completed
	add := []*int{&sum.Users, nil}
	sub := []*int{nil, &sum.Users}
	for bucket := range buckets {
		k := d.userKeys(bucket)
		cmds = append(cmds, d.b().Zcard().Key(k.online).Build(), d.b().Zcount().Key(k.grace).Min("-inf").Max(formatMs(now)).Build())
		if !sessions {
			continue
		}
		cmds = append(cmds, d.b().Get().Key(k.count).Build())
		for _, id := range dead {
			cmds = append(cmds, d.b().Scard().Key(k.of(id)).Build())
		}
	}
	if sessions {
		add, sub = append(add, &sum.Sessions), append(sub, nil)
		for range dead {
			add, sub = append(add, nil), append(sub, &sum.Sessions)
		}
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return sum, err
	}
	for i, r := range results {
		n, err := r.AsInt64()
		if err != nil && !rueidis.IsRedisNil(err) {
			return sum, unavailable(err, op)
		}
		if to := add[i%len(add)]; to != nil {
			*to += int(n)
		}
		if from := sub[i%len(sub)]; from != nil {
			*from -= int(n)
		}
	}
	overdue, err := d.overdue(ctx, op, ls, dead, now)
	sum.Users -= overdue
	return sum, err
}

// deadLeases returns the leases, and those that have run out though their sessions may not have been ended yet.
func (d *Driver) deadLeases(ctx context.Context, now int64) (ls *leases, dead []string, err error) {
	ls, err = d.leasesFor(ctx, now, maps.Keys(d.knownLeases().byID))
	if err != nil {
		return nil, nil, err
	}
	for id := range ls.byID {
		if !ls.alive(id, now) {
			dead = append(dead, id)
		}
	}
	return ls, dead, nil
}

// overdue counts the users who count as online but had only sessions of dead nodes, and whose grace is over.
func (d *Driver) overdue(ctx context.Context, op string, ls *leases, dead []string, now int64) (n int, err error) {
	grace := max(0, d.options.Grace).Milliseconds()
	dead = slices.DeleteFunc(slices.Clone(dead), func(id string) bool { return ls.end(id, now)+grace > now })
	for _, id := range dead {
		members, err := d.sessionsOf(ctx, op, id)
		if err != nil {
			return 0, err
		}
		users, ls, err := d.people(ctx, op, usersOf(members))
		if err != nil {
			return 0, err
		}
		for _, u := range users {
			if u.overdueBy(id, ls, now, grace) {
				n++
			}
		}
	}
	return n, nil
}

// overdueBy tells whether a user is overdue, and is to be counted with a lease: with the least of those that the sessions have, so that who had
// several counts once.
func (u *user) overdueBy(id string, ls *leases, now, grace int64) bool {
	if !u.online || len(u.sessions) == 0 || u.lastEnd(ls, now)+grace > now {
		return false
	}
	for _, s := range u.sessions {
		if ls.alive(s.lease, now) || s.lease < id {
			return false
		}
	}
	return true
}
