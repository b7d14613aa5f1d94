package memory

import (
	"context"
)

// Erase implements [hubbub.Eraser], all at once. Open sessions and the grace of a user stay as they are, but when the user goes offline
// nothing is remembered, unless somebody has signed in meanwhile. Two things are left to go by themselves: idempotency keys of
// messages that nothing is kept of, after [hubbub.KeyLife], and transitions that nobody has confirmed, since somebody must hear of them.
func (d *Driver) Erase(_ context.Context, user string) (more bool, err error) {
	d.eraseUser(user)
	d.erasePairs(user)
	for _, s := range d.takers[shard(d, user)].of(user) {
		d.eraseIn(s, user)
	}
	return false, nil
}

// eraseUser forgets when a user was last seen, and what was revoked.
func (d *Driver) eraseUser(name string) {
	us := d.lockUser(name)
	defer us.mu.Unlock()
	delete(us.revoked.byUser, name)
	switch u := us.byName[name]; {
	case u == nil:
	case u.in == &us.gone:
		us.forget(u)
	default:
		u.erased = true
	}
}

// erasePairs forgets the streams that a user has with others. What begins under their names has another epoch.
func (d *Driver) erasePairs(user string) {
	var pairs []*stream
	for i := range d.streams.shards {
		shard := &d.streams.shards[i]
		shard.mu.Lock()
		for name, s := range shard.byName {
			if name.Room == "" && (name.Pair[0] == user || name.Pair[1] == user) {
				pairs = append(pairs, s)
			}
		}
		shard.mu.Unlock()
	}
	for _, s := range pairs {
		s.mu.Lock()
		for s.kept.len() > 0 {
			s.drop()
		}
		if !s.forgotten {
			d.forget(s)
		}
		s.mu.Unlock()
	}
}

// eraseIn erases what a user has sent to a room, its keys, and what the user has read there.
func (d *Driver) eraseIn(s *stream, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.name.Room == "" {
		return
	}
	erased := map[uint64]bool{}
	for i := range s.kept.len() {
		if m := *s.kept.at(i); m.From.User == user {
			erased[m.Position.Offset] = true
			s.erase(i)
		}
	}
	if s.keys != nil {
		s.keys.forget(erased)
	}
	if s.takers != nil {
		delete(s.takers.room, user)
	}
	d.takers[shard(d, user)].remove(user, s)
}
