package memory

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// users are the users of one shard, those who are online and those whose last seen is remembered.
type users struct {
	mu sync.Mutex
	// Guarded by mu.
	byName     map[string]*user
	grace      userList // without session, but still online; the first whose time is over in front
	gone       userList // offline; who left first in front
	sessions   int
	generation uint64
	revoked    revocations
}

// user is somebody who is online or was seen. It is online while it has sessions or is in the grace list. All is guarded by
// the lock of the shard, but for the name.
type user struct {
	name     string // immutable
	sessions []*session
	info     []byte    // the newest that was said; nil when offline
	seen     time.Time // when the last session ended
	came     string    // the session with which the user came online
	erased   bool      // forgotten when offline, unless another session is opened before

	in         *userList
	prev, next *user
}

// session is an open session.
type session struct {
	hubbub.SessionRecord
	generation uint64
	since      uint64 // the generation of the first session in the unbroken presence of this device
	lease      *lease // of its node
	rooms      []*room
}

// live tells whether the session's node is alive; if not, the session is as good as ended.
func (s *session) live(now time.Time) bool { return s.lease.live(now) }

// device is a device that a user is online with.
type device struct {
	hubbub.DeviceInfo
	since uint64
}

// devices appends the devices with sessions of living nodes, the first to come first. A platform narrows them down.
func (u *user) devices(all []device, now time.Time, platform string) []device {
	for _, s := range u.sessions {
		if !s.live(now) || platform != "" && platform != s.Platform {
			continue
		}
		at := slices.IndexFunc(all, func(d device) bool { return d.Device == s.Device })
		if at < 0 {
			at = len(all)
			all = append(all, device{hubbub.DeviceInfo{Device: s.Device, Platform: s.Platform}, s.since})
		}
		all[at].Sessions++
		all[at].since = min(all[at].since, s.since)
	}
	if len(all) > 1 {
		slices.SortStableFunc(all, func(a, b device) int { return cmp.Compare(a.since, b.since) })
	}
	return all
}

// lastEnd returns when the last session ended, as far as no session is live.
func (u *user) lastEnd() time.Time {
	end := u.seen
	for _, s := range u.sessions {
		if at := s.lease.end(); at.After(end) {
			end = at
		}
	}
	return end
}

// lockUser returns the shard of a user, with its lock held.
func (d *Driver) lockUser(name string) *users {
	us := &d.users[shard(d, name)]
	us.mu.Lock()
	return us
}

// end removes a session for a reason. If its node was lost, it has ended then, not only now. The caller settles the user
// afterwards.
func (d *Driver) end(us *users, u *user, s *session, why hubbub.EndReason, now time.Time) hubbub.Transition {
	at := now
	if !s.live(now) {
		at = s.lease.end()
	}
	u.sessions = slices.DeleteFunc(u.sessions, func(other *session) bool { return other == s })
	us.sessions--
	if at.After(u.seen) {
		u.seen = at
	}
	if why != hubbub.EndClosed {
		d.nodes.tell(s.Node, ended{s.ID, why})
	}
	return d.transition(hubbub.Transition{
		Kind: hubbub.SessionDisconnected, User: u.name, Session: s.SessionRecord, Why: why, Time: at, Left: d.leaveAll(u, s),
	}, s.ID)
}

// endLost ends those sessions of a user whose node's lease has run out.
func (d *Driver) endLost(us *users, u *user, now time.Time) (all []hubbub.Transition) {
	for _, s := range slices.Clone(u.sessions) {
		if !s.live(now) {
			all = append(all, d.end(us, u, s, hubbub.EndNodeLost, now))
		}
	}
	return append(all, d.settle(us, u, now)...)
}

// settle begins the grace of a user without session, and takes those offline whose grace is over.
func (d *Driver) settle(us *users, u *user, now time.Time) []hubbub.Transition {
	if len(u.sessions) > 0 || u.in == &us.gone {
		return nil
	}
	over := u.seen.Add(d.options.Grace)
	if over.After(now) {
		us.grace.add(u)
		return nil
	}
	for us.gone.n >= max(1, d.options.LastSeenUsers/shards) {
		us.forget(us.gone.front)
	}
	u.info = nil
	us.gone.add(u)
	if u.erased {
		us.forget(u)
	}
	d.online.remove(u.name)
	came := hubbub.TransitionID(hubbub.UserOnline, u.name, u.came)
	return []hubbub.Transition{d.transition(hubbub.Transition{Kind: hubbub.UserOffline, User: u.name, Time: over}, came)}
}

func (us *users) forget(u *user) {
	us.gone.remove(u)
	delete(us.byName, u.name)
}

// transition gives a transition its id, which follows from the id of something, and keeps it until it is confirmed.
func (d *Driver) transition(t hubbub.Transition, of string) hubbub.Transition {
	t.ID = hubbub.TransitionID(t.Kind, t.User, of)
	p := d.pendingOf(t.ID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(t, d.options.Now().Add(d.options.Lease))
	return t
}

// userList is a list of users by the time when they were seen last, the earliest in front. A user is in one list at most.
type userList struct {
	front, back *user
	n           int
}

// add puts a user into the list, and takes it out of the one that it was in.
func (l *userList) add(u *user) {
	if u.in != nil {
		u.in.remove(u)
	}
	before := l.back
	for before != nil && before.seen.After(u.seen) { // rarely: a node that is reaped was lost some time ago
		before = before.prev
	}
	u.in, u.prev = l, before
	if before == nil {
		u.next, l.front = l.front, u
	} else {
		u.next, before.next = before.next, u
	}
	if u.next == nil {
		l.back = u
	} else {
		u.next.prev = u
	}
	l.n++
}

func (l *userList) remove(u *user) {
	if u.prev == nil {
		l.front = u.next
	} else {
		u.prev.next = u.next
	}
	if u.next == nil {
		l.back = u.prev
	} else {
		u.next.prev = u.prev
	}
	u.in, u.prev, u.next = nil, nil, nil
	l.n--
}
