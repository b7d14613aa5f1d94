package memory

import (
	"context"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/pick"
)

// Presences implements [hubbub.Directory].
func (d *Driver) Presences(_ context.Context, names []string) ([]hubbub.Presence, error) {
	now := d.options.Now()
	all := make([]hubbub.Presence, len(names))
	for i, name := range names {
		us := d.lockUser(name)
		all[i] = d.presence(us.byName[name], now)
		us.mu.Unlock()
		all[i].User = name
	}
	return all, nil
}

// presence tells about a user, who may be nil.
func (d *Driver) presence(u *user, now time.Time) hubbub.Presence {
	if u == nil {
		return hubbub.Presence{}
	}
	p := hubbub.Presence{User: u.name}
	var few [4]device
	if devices := u.devices(few[:0], now, ""); len(devices) > 0 {
		p.Online, p.Info = true, u.info
		p.Devices = make([]hubbub.DeviceInfo, len(devices))
		for i := range devices {
			p.Devices[i] = devices[i].DeviceInfo
		}
		return p
	}
	p.LastSeen = u.lastEnd()
	if d.inGrace(u, now) {
		p.Online, p.Info = true, u.info
	}
	return p
}

// inGrace tells whether a user without live sessions is still online.
func (d *Driver) inGrace(u *user, now time.Time) bool {
	return u.lastEnd().Add(d.options.Grace).After(now)
}

// isOnline tells whether a user is online.
func (d *Driver) isOnline(u *user, now time.Time) bool {
	return slices.ContainsFunc(u.sessions, func(s *session) bool { return s.live(now) }) || d.inGrace(u, now)
}

// Count implements [hubbub.Directory].
func (d *Driver) Count(context.Context) (hubbub.Counts, error) {
	now := d.options.Now()
	if d.nodes.allLive(now) {
		return d.count(func(us *users) hubbub.Counts {
			users := len(us.byName) - us.gone.n - us.overdue(now.Add(-d.options.Grace))
			return hubbub.Counts{Users: users, Sessions: us.sessions}
		}), nil
	}
	return d.count(func(us *users) (c hubbub.Counts) {
		for _, u := range us.byName {
			if d.isOnline(u, now) {
				c.Users++
			}
			for _, s := range u.sessions {
				if s.live(now) {
					c.Sessions++
				}
			}
		}
		return c
	}), nil
}

func (d *Driver) count(of func(*users) hubbub.Counts) (sum hubbub.Counts) {
	for i := range d.users {
		us := &d.users[i]
		us.mu.Lock()
		c := of(us)
		us.mu.Unlock()
		sum.Users += c.Users
		sum.Sessions += c.Sessions
	}
	return sum
}

// allLive tells whether no lease has run out that nobody has reaped.
func (ns *nodes) allLive(now time.Time) bool {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	for _, n := range ns.byName {
		if n.lease != nil && !n.lease.live(now) {
			return false
		}
	}
	return true
}

// Online implements [hubbub.Directory]. With a platform or attribute and no room it looks at everybody who is online at each
// call, which takes about a microsecond for each. Otherwise it looks at those in the room, or only at those on the page.
func (d *Driver) Online(_ context.Context, f hubbub.Filter, after string, limit int) (page hubbub.PresencePage, err error) {
	now := d.options.Now()
	var names []string
	var more bool
	if f == (hubbub.Filter{}) && d.nodes.allLive(now) {
		names, page.Total, more = d.online.page(after, max(0, limit))
		page.Total -= d.overdue(now)
	} else {
		names, page.Total, more = d.selectOnline(&f, now, after, limit).Names()
	}
	if more && len(names) > 0 {
		page.Next = names[len(names)-1]
	}
	page.Users, err = d.Presences(context.Background(), names)
	page.Users = slices.DeleteFunc(page.Users, func(p hubbub.Presence) bool { return !p.Online })
	return page, err
}

// overdue counts those whose grace is over, but who were not told offline yet.
func (d *Driver) overdue(now time.Time) (n int) {
	for i := range d.users {
		us := &d.users[i]
		us.mu.Lock()
		n += us.overdue(now.Add(-d.options.Grace))
		us.mu.Unlock()
	}
	return n
}

// overdue counts those in the grace list who were not seen since.
func (us *users) overdue(since time.Time) (n int) {
	for u := us.grace.front; u != nil && !u.seen.After(since); u = u.next {
		n++
	}
	return n
}

// selectOnline looks at all who could match a filter.
func (d *Driver) selectOnline(f *hubbub.Filter, now time.Time, after string, limit int) *pick.First {
	sel := &pick.First{After: after, Limit: max(0, limit)}
	if f.Room == "" {
		for i := range d.users {
			d.selectShard(&d.users[i], f, now, sel)
		}
		return sel
	}
	for _, u := range d.members(f.Room) {
		us := d.lockUser(u.name)
		if matches(u, f, now) {
			sel.Add(u.name)
		}
		us.mu.Unlock()
	}
	return sel
}

// selectShard adds those of a shard who are online and match a filter without room.
func (d *Driver) selectShard(us *users, f *hubbub.Filter, now time.Time, to *pick.First) {
	us.mu.Lock()
	defer us.mu.Unlock()
	all := *f == hubbub.Filter{}
	for _, u := range us.byName {
		if all && d.isOnline(u, now) || !all && matches(u, f, now) {
			to.Add(u.name)
		}
	}
}

// matches tells whether a user has a live session for which all holds that a filter says.
func matches(u *user, f *hubbub.Filter, now time.Time) bool {
	return slices.ContainsFunc(u.sessions, func(s *session) bool {
		if !s.live(now) || f.Platform != "" && f.Platform != s.Platform {
			return false
		}
		if f.Attr != "" {
			if value, ok := s.Attrs[f.Attr]; !ok || value != f.Value {
				return false
			}
		}
		return f.Room == "" || slices.ContainsFunc(s.rooms, func(r *room) bool { return r.name == f.Room })
	})
}

// SessionsOf implements [hubbub.Directory].
func (d *Driver) SessionsOf(_ context.Context, name string) ([]hubbub.SessionRecord, error) {
	us := d.lockUser(name)
	defer us.mu.Unlock()
	u := us.byName[name]
	if u == nil {
		return nil, nil
	}
	now := d.options.Now()
	var all []hubbub.SessionRecord
	for _, s := range u.sessions {
		if s.live(now) {
			all = append(all, s.SessionRecord)
		}
	}
	return all, nil
}
