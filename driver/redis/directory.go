package redis

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/pick"
)

// namesAtOnce is how many users are read in one round trip.
const namesAtOnce = 512

// people reads users, each once, with the leases by which their sessions are alive.
func (d *Driver) people(ctx context.Context, op string, names []string) (map[string]*user, *leases, error) {
	now := d.nowMs()
	users := make(map[string]*user, len(names))
	for some := range slices.Chunk(names, namesAtOnce) {
		cmds := make([]rueidis.Completed, len(some))
		for i, name := range some {
			k := d.userKeys(bucketOf(name))
			cmds[i] = d.b().Hgetall().Key(k.user(name)).Build()
		}
		results, err := d.trip(ctx, op, cmds...)
		if err != nil {
			return nil, nil, err
		}
		for i, name := range some {
			fields, err := results[i].AsStrMap()
			if err != nil {
				return nil, nil, unavailable(err, op)
			}
			u := parseUser(name, fields, now)
			u.forgetOld(now, d.options.LastSeen)
			users[name] = u
		}
	}
	ls, err := d.leasesFor(ctx, now, func(yield func(string) bool) {
		for _, u := range users {
			for _, s := range u.sessions {
				if !yield(s.lease) {
					return
				}
			}
		}
	})
	return users, ls, err
}

// Presences implements [hubbub.Directory].
func (d *Driver) Presences(ctx context.Context, names []string) ([]hubbub.Presence, error) {
	users, ls, err := d.people(ctx, "read who is online", names)
	if err != nil {
		return nil, err
	}
	now := d.nowMs()
	all := make([]hubbub.Presence, len(names))
	for i, name := range names {
		all[i] = d.presence(users[name], ls, now)
	}
	return all, nil
}

func (d *Driver) presence(u *user, ls *leases, now int64) hubbub.Presence {
	p := hubbub.Presence{User: u.name}
	for _, dev := range u.devices(ls, now, "") {
		p.Devices = append(p.Devices, dev.DeviceInfo)
	}
	if len(p.Devices) == 0 {
		p.LastSeen = fromMillis(u.lastEnd(ls, now))
	}
	if p.Online = d.isOnline(u, ls, now); p.Online && u.info != "" {
		p.Info = json.RawMessage(u.info)
	}
	return p
}

// isOnline tells whether a user has a live session, or had one until less than the grace period ago.
func (d *Driver) isOnline(u *user, ls *leases, now int64) bool {
	if slices.ContainsFunc(u.sessions, func(s *session) bool { return ls.alive(s.lease, now) }) {
		return true
	}
	return u.online && u.lastEnd(ls, now)+max(0, d.options.Grace).Milliseconds() > now
}

// SessionsOf implements [hubbub.Directory].
func (d *Driver) SessionsOf(ctx context.Context, name string) ([]hubbub.SessionRecord, error) {
	users, ls, err := d.people(ctx, "list a user's sessions", []string{name})
	if err != nil {
		return nil, err
	}
	now := d.nowMs()
	var all []hubbub.SessionRecord
	for _, s := range users[name].sessions {
		if ls.alive(s.lease, now) {
			all = append(all, s.SessionRecord)
		}
	}
	return all, nil
}

// SessionsOn implements [hubbub.Shared]. The cursor is the number of the next bucket.
func (d *Driver) SessionsOn(ctx context.Context, node, after string) (some []hubbub.SessionRecord, next string, err error) {
	const op, atOnce = "list a node's sessions", 32
	from := min(max(int(integer(after)), 0), buckets)
	to := min(from+atOnce, buckets)
	ids, err := d.leasesIn(ctx, op, node, from, to)
	if err != nil {
		return nil, "", err
	}
	var cmds []rueidis.Completed
	for i, of := range ids {
		k := d.userKeys(from + i)
		for _, id := range of {
			cmds = append(cmds, d.b().Smembers().Key(k.of(id)).Build())
		}
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, "", err
	}
	for _, r := range results {
		members, err := r.AsStrSlice()
		if err != nil {
			return nil, "", unavailable(err, op)
		}
		for _, m := range members {
			user, id, _ := strings.Cut(m, " ")
			some = append(some, hubbub.SessionRecord{ID: id, User: user, Node: node})
		}
	}
	if to < buckets {
		next = strconv.Itoa(to)
	}
	return some, next, nil
}

// leasesIn returns the leases of a node in each of some buckets.
func (d *Driver) leasesIn(ctx context.Context, op, node string, from, to int) ([][]string, error) {
	cmds := make([]rueidis.Completed, 0, to-from)
	for bucket := from; bucket < to; bucket++ {
		k := d.userKeys(bucket)
		cmds = append(cmds, d.b().Hgetall().Key(k.leases).Build())
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, err
	}
	all := make([][]string, to-from)
	for i, r := range results {
		nodes, err := r.AsStrMap()
		if err != nil {
			return nil, unavailable(err, op)
		}
		for id, of := range nodes {
			if of == node {
				all[i] = append(all[i], id)
			}
		}
	}
	return all, nil
}

// Online implements [hubbub.Directory]. Without a filter it asks all buckets for a few names each, and of a room it reads a page. With a
// platform or attribute it looks at everybody in the room, or at everybody who is online.
func (d *Driver) Online(ctx context.Context, f hubbub.Filter, after string, limit int) (page hubbub.PresencePage, err error) {
	const op = "list who is online"
	limit = max(0, limit)
	var names []string
	var more bool
	switch f {
	case hubbub.Filter{}:
		key := func(bucket int) string { return d.userKeys(bucket).online }
		if names, more, err = d.merge(ctx, op, key, after, limit); err != nil {
			return page, err
		}
		if page.Total, err = d.total(ctx, after == ""); err != nil {
			return page, err
		}
	case hubbub.Filter{Room: f.Room}:
		return d.present(ctx, f.Room, after, limit)
	default:
		first := &pick.First{After: after, Limit: limit}
		if err := d.selectOnline(ctx, op, f, first); err != nil {
			return page, err
		}
		names, page.Total, more = first.Names()
	}
	if more && len(names) > 0 {
		page.Next = names[len(names)-1]
	}
	page.Users, err = d.Presences(ctx, names)
	page.Users = slices.DeleteFunc(page.Users, func(p hubbub.Presence) bool { return !p.Online })
	return page, err
}

// selectOnline looks at all who could match a filter.
func (d *Driver) selectOnline(ctx context.Context, op string, f hubbub.Filter, to *pick.First) error {
	if f.Room != "" {
		now := d.nowMs()
		return d.eachIn(ctx, op, f.Room, "", namesAtOnce, nil, func(u *user, ls *leases) bool {
			if u.matches(&f, ls, now) {
				to.Add(u.name)
			}
			return true
		})
	}
	for bucket := range buckets {
		if err := d.selectIn(ctx, op, bucket, f, to); err != nil {
			return err
		}
	}
	return nil
}

// selectIn looks at all of a bucket.
func (d *Driver) selectIn(ctx context.Context, op string, bucket int, f hubbub.Filter, to *pick.First) error {
	k := d.userKeys(bucket)
	for after := "-"; ; {
		results, err := d.trip(ctx, op, d.b().Zrange().Key(k.online).Min(after).Max("+").Bylex().Limit(0, namesAtOnce).Build())
		if err != nil {
			return err
		}
		names, err := results[0].AsStrSlice()
		if err != nil {
			return unavailable(err, op)
		}
		users, ls, err := d.people(ctx, op, names)
		if err != nil {
			return err
		}
		now := d.nowMs()
		for name, u := range users {
			if u.matches(&f, ls, now) {
				to.Add(name)
			}
		}
		if len(names) < namesAtOnce {
			return nil
		}
		after = "(" + names[len(names)-1]
	}
}

// matches tells whether a user has a live session for which all holds that a filter says.
func (u *user) matches(f *hubbub.Filter, ls *leases, now int64) bool {
	return slices.ContainsFunc(u.sessions, func(s *session) bool {
		if !ls.alive(s.lease, now) || f.Platform != "" && f.Platform != s.Platform {
			return false
		}
		if f.Attr != "" {
			if value, ok := s.Attrs[f.Attr]; !ok || value != f.Value {
				return false
			}
		}
		return f.Room == "" || slices.Contains(s.rooms, f.Room)
	})
}
