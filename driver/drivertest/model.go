package drivertest

import (
	"cmp"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// registryModel is what the registry should know, written down as plainly as possible.
type registryModel struct {
	clock *Clock
	limit hubbub.DeviceLimit
	nodes map[string]*leaseModel // nil for those that were lost
	users map[string]*userModel
	// missed has for each node the sessions that have ended since it renewed, and why, but for those that closed.
	missed map[string]map[string]hubbub.EndReason
	ended  map[string]bool // all sessions that have ended
	count  int             // sessions that were opened
}

type leaseModel struct{ until time.Time }

type userModel struct {
	name     string
	sessions []*sessionModel // as they were opened
	online   bool            // as far as was told
	seen     time.Time       // when the last session ended
	info     string
}

type sessionModel struct {
	hubbub.SessionRecord
	since int // number of the session with which the device came
	lease *leaseModel
	rooms []string
}

func (m *registryModel) live(s *sessionModel) bool { return s.lease.until.After(m.clock.Now()) }

// sessions returns the live sessions of a user.
func (m *registryModel) sessions(u *userModel) []*sessionModel {
	return slices.DeleteFunc(slices.Clone(u.sessions), func(s *sessionModel) bool { return !m.live(s) })
}

// lastEnd is when the last session of a user without live sessions has ended.
func (u *userModel) lastEnd() time.Time {
	end := u.seen
	for _, s := range u.sessions {
		if s.lease.until.After(end) {
			end = s.lease.until
		}
	}
	return end
}

// isOnline tells whether a user should be shown as online.
func (m *registryModel) isOnline(u *userModel) bool {
	return len(m.sessions(u)) > 0 || u.online && u.lastEnd().Add(Grace).After(m.clock.Now())
}

// devices returns the live devices of a user that count for a platform, the first to come first.
func (m *registryModel) devices(u *userModel, platform string) []string {
	live := m.sessions(u)
	slices.SortStableFunc(live, func(a, b *sessionModel) int { return cmp.Compare(a.since, b.since) })
	var all []string
	for _, s := range live {
		if !slices.Contains(all, s.Device) && (!m.limit.PerPlatform || s.Platform == platform) {
			all = append(all, s.Device)
		}
	}
	return all
}

// end ends a session and returns what is told.
func (m *registryModel) end(u *userModel, s *sessionModel, why hubbub.EndReason) string {
	at := m.clock.Now()
	if s.lease.until.Before(at) {
		at = s.lease.until
	}
	if at.After(u.seen) {
		u.seen = at
	}
	u.sessions = slices.DeleteFunc(u.sessions, func(other *sessionModel) bool { return other == s })
	m.ended[s.ID] = true
	if why != hubbub.EndClosed {
		if m.missed[s.Node] == nil {
			m.missed[s.Node] = map[string]hubbub.EndReason{}
		}
		m.missed[s.Node][s.ID] = why
	}
	return "-" + s.ID + " " + string(why)
}

// settle takes a user offline whose grace is over.
func (m *registryModel) settle(u *userModel) []string {
	if len(u.sessions) > 0 || !u.online || u.seen.Add(Grace).After(m.clock.Now()) {
		return nil
	}
	u.online, u.info = false, ""
	return []string{"offline " + u.name}
}

// overdue ends what is lost of a user and returns what is told.
func (m *registryModel) overdue(u *userModel) (story []string) {
	for _, s := range slices.Clone(u.sessions) {
		if !m.live(s) {
			story = append(story, m.end(u, s, hubbub.EndNodeLost))
		}
	}
	return append(story, m.settle(u)...)
}

// open opens a session, and returns what is told or why it is refused.
func (m *registryModel) open(s *sessionModel) (story []string, refused hubbub.Reason) {
	u, lease := m.users[s.User], m.nodes[s.Node]
	if lease == nil || !lease.until.After(m.clock.Now()) {
		return nil, hubbub.Unavailable
	}
	devices := m.devices(u, s.Platform)
	known := slices.Contains(devices, s.Device)
	var yield []string // devices
	if m.limit.Max > 0 && !known && len(devices) >= m.limit.Max {
		if m.limit.Refuse {
			return nil, hubbub.Conflict
		}
		yield = devices[:len(devices)+1-m.limit.Max]
	}
	yields := func(other *sessionModel) bool {
		return slices.Contains(yield, other.Device) && (!m.limit.PerPlatform || other.Platform == s.Platform)
	}
	live := m.sessions(u)
	stay := len(slices.DeleteFunc(slices.Clone(live), yields))
	if m.limit.Sessions > 0 && stay >= m.limit.Sessions {
		return nil, hubbub.Conflict
	}
	story = m.overdue(u)
	for _, other := range live {
		if yields(other) {
			story = append(story, m.end(u, other, hubbub.EndReplaced))
		}
	}
	m.add(u, s, lease)
	story = append(story, "+"+s.ID)
	if !u.online {
		u.online = true
		story = append(story, "online "+u.name)
	}
	return story, ""
}

func (m *registryModel) add(u *userModel, s *sessionModel, lease *leaseModel) {
	m.count++
	s.since, s.lease = m.count, lease
	for _, other := range u.sessions {
		if other.Device == s.Device {
			s.since = min(s.since, other.since)
		}
	}
	u.sessions = append(u.sessions, s)
	u.info = string(s.Info)
}

// in returns the users with a session in a room, and of how many sessions that is one that is not lost.
func (m *registryModel) in(room string) (users, live []string) {
	for _, u := range m.users {
		for _, s := range u.sessions {
			if !slices.Contains(s.rooms, room) {
				continue
			}
			users = append(users, u.name)
			if m.live(s) {
				live = append(live, u.name)
			}
		}
	}
	slices.Sort(users)
	slices.Sort(live)
	return slices.Compact(users), slices.Compact(live)
}
