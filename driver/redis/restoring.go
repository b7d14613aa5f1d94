package redis

import (
	"slices"
	"strconv"

	"github.com/hubbub-dev/hubbub"
)

// restore decides about a session that its node has, whatever the registry knows of it.
func (c *decision) restore(r *hubbub.SessionRecord, was hubbub.Opened, l hubbub.DeviceLimit, lease string) hubbub.Restored {
	if e, ok := c.u.ended[r.ID]; ok {
		return hubbub.Restored{Ended: e.why}
	}
	s := c.u.session(r.ID)
	known := s != nil
	if why := c.endUntold(r.ID); why != "" && !known {
		return hubbub.Restored{Ended: why}
	}
	if known && s.lease != lease {
		s.lease, s.raw = lease, "" // before those of lost leases are ended
	}
	c.endLost()
	if !known {
		s = c.addRestored(r, was, lease)
	}
	var restored hubbub.Restored
	restored.Generation, restored.Came = uint64(s.generation), c.u.came
	restored.Rooms = slices.Clone(s.rooms)
	begin := len(c.told)
	stopped := c.u.stopped(s)
	switch {
	case c.u.isRevoked(r, c.time):
		c.end(s, hubbub.EndRevoked)
	case known:
	case stopped != "":
		c.end(s, stopped)
	default:
		c.limit(s, l)
	}
	for _, t := range c.told[begin:] {
		if t.Transition.Session.ID == r.ID {
			restored.Ended = t.Transition.Why
			continue
		}
		restored.Replaced = append(restored.Replaced, t.Transition.Session)
	}
	c.settle()
	return restored
}

// endUntold returns why a session has ended that others have ended, or this instance without an answer, and that nobody has confirmed yet; ""
// if it is not among them.
func (c *decision) endUntold(id string) hubbub.EndReason {
	for _, p := range c.others {
		if p.Kind == hubbub.SessionDisconnected && p.Session.ID == id {
			return p.Why
		}
	}
	return ""
}

// addRestored adds a session of which nothing is known. Its place among the others is the one that it had.
func (c *decision) addRestored(r *hubbub.SessionRecord, was hubbub.Opened, lease string) *session {
	generation := int64(was.Generation)
	if generation <= 0 { // it is not known: by the clock of its node
		generation = max(r.Connected.UnixMilli(), 1)
	}
	for slices.ContainsFunc(c.u.sessions, func(s *session) bool { return s.generation == generation }) {
		generation++
	}
	c.u.clock = max(c.u.clock, generation)
	s := c.add(r, lease, generation)
	if s == c.u.sessions[len(c.u.sessions)-1] || c.u.info == "" {
		c.u.info = string(r.Info)
	}
	c.u.erased = false
	switch {
	case c.u.online:
	case c.u.came == was.Came && was.Came != "":
		// That the user went offline then was decided and told, and can be told once: this is a new time of being online.
		c.comeOnline(r.ID + "~" + strconv.FormatInt(c.u.tick(c.now), 36))
	default:
		c.u.online, c.u.came = true, was.Came
	}
	return s
}

// limit has those give way who are too many beside a session that was restored: with Refuse who came last, otherwise who came first.
func (c *decision) limit(s *session, l hubbub.DeviceLimit) {
	platform := ""
	if l.PerPlatform {
		platform = s.Platform
	}
	devices := c.u.devices(c.leases, c.now, platform)
	if tooMany := len(devices) - l.Max; l.Max > 0 && tooMany > 0 {
		yield := devices[:tooMany]
		if l.Refuse {
			yield = devices[l.Max:]
		}
		c.endThose(hubbub.EndReplaced, func(s *session) bool {
			return (platform == "" || platform == s.Platform) && among(yield, s.Device)
		})
	}
	if l.Sessions > 0 && len(c.u.sessions) > l.Sessions {
		last := c.u.sessions[l.Sessions:]
		c.endThose(hubbub.EndReplaced, func(s *session) bool { return slices.Contains(last, s) })
	}
}
