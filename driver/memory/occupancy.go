package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/pick"
)

// rooms are the rooms of one shard that somebody is in.
type rooms struct {
	mu     sync.Mutex
	byName map[string]*room
}

// room is a room that somebody is in.
type room struct {
	name string // immutable
	// Guarded by the lock of the shard.
	members map[*user]int32 // and with how many sessions
}

// Enter implements [hubbub.Occupancy].
func (d *Driver) Enter(_ context.Context, name, userName, id string) (first bool, count int, err error) {
	us := d.lockUser(userName)
	defer us.mu.Unlock()
	u, s := us.session(userName, id)
	if s == nil {
		return false, 0, errEnded(id)
	}
	rs := &d.rooms[shard(d, name)]
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.make(name)
	if !slices.Contains(s.rooms, r) {
		s.rooms = append(s.rooms, r)
		r.members[u]++
		first = r.members[u] == 1
	}
	return first, len(r.members), nil
}

func (rs *rooms) make(name string) *room {
	if r := rs.byName[name]; r != nil {
		return r
	}
	if rs.byName == nil {
		rs.byName = make(map[string]*room)
	}
	r := &room{name: name, members: make(map[*user]int32, 1)}
	rs.byName[name] = r
	return r
}

// Leave implements [hubbub.Occupancy].
func (d *Driver) Leave(_ context.Context, name, userName, id string) (last bool, count int, err error) {
	us := d.lockUser(userName)
	defer us.mu.Unlock()
	u, s := us.session(userName, id)
	at := -1
	if s != nil {
		at = slices.IndexFunc(s.rooms, func(r *room) bool { return r.name == name })
	}
	if at < 0 {
		return false, d.occupants(name), nil
	}
	r := s.rooms[at]
	s.rooms = slices.Delete(s.rooms, at, at+1)
	last, count = d.leave(r, u)
	return last, count, nil
}

// leave takes one session of a user out of a room.
func (d *Driver) leave(r *room, u *user) (last bool, count int) {
	rs := &d.rooms[shard(d, r.name)]
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.members[u]--
	if r.members[u] > 0 {
		return false, len(r.members)
	}
	delete(r.members, u)
	if len(r.members) == 0 {
		delete(rs.byName, r.name)
	}
	return true, len(r.members)
}

// leaveAll takes a session that ends out of its rooms, and returns those that the user has left by it.
func (d *Driver) leaveAll(u *user, s *session) (all []hubbub.Left) {
	for _, r := range s.rooms {
		if last, count := d.leave(r, u); last {
			all = append(all, hubbub.Left{Room: r.name, User: u.name, Info: s.Info, Count: count})
		}
	}
	s.rooms = nil
	return all
}

// occupants returns how many users are in a room.
func (d *Driver) occupants(name string) int {
	rs := &d.rooms[shard(d, name)]
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r := rs.byName[name]; r != nil {
		return len(r.members)
	}
	return 0
}

// members returns the users in a room.
func (d *Driver) members(name string) []*user {
	rs := &d.rooms[shard(d, name)]
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.byName[name]
	if r == nil {
		return nil
	}
	all := make([]*user, 0, len(r.members))
	for u := range r.members {
		all = append(all, u)
	}
	return all
}

// Occupied implements [hubbub.Occupancy].
func (d *Driver) Occupied(_ context.Context, after string, limit int) (hubbub.RoomPage, error) {
	sel := pick.First{After: after, Limit: max(0, limit)}
	for i := range d.rooms {
		rs := &d.rooms[i]
		rs.mu.Lock()
		for name := range rs.byName {
			sel.Add(name)
		}
		rs.mu.Unlock()
	}
	var page hubbub.RoomPage
	names, _, more := sel.Names()
	if more && len(names) > 0 {
		page.Next = names[len(names)-1]
	}
	for _, name := range names {
		if n := d.occupants(name); n > 0 {
			page.Rooms = append(page.Rooms, hubbub.RoomCount{Room: name, Users: n})
		}
	}
	return page, nil
}
