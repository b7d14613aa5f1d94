package redis

import (
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// decision is what is decided about a user in one step: it changes u, and takes down what must be told and done because of it. It is a
// pure function of what was read, which is made again when somebody else has decided about the user meanwhile.
type decision struct {
	// Known before.
	u      *user
	now    int64 // in ms
	time   time.Time
	grace  int64 // in ms
	leases *leases
	by     string        // the instance that decides, see registry.names
	others []keptPending // what others have decided about the user and nobody has confirmed, in its order
	untold int           // how much of the user nobody has confirmed

	// Decided.
	told   []keptPending
	left   []keptLeaving
	fences []fence
}

// mostUntold is how many transitions of a user may wait to be confirmed until no further session is opened. All of them are read with each
// decision: while the store of the nodes is away, somebody who comes and goes all the time would take more and more time from all others.
const mostUntold = 4096

// retryUntold is when who is refused because of it may try again.
const retryUntold = 10 * time.Second

// alive tells whether the session's node is alive; if not, the session is as good as ended.
func (c *decision) alive(s *session) bool { return c.leases.alive(s.lease, c.now) }

// device is a device that a user is online with.
type device struct {
	hubbub.DeviceInfo
	since int64
}

// devices returns the devices with sessions of living nodes, the first to come first. A platform narrows them down.
func (u *user) devices(ls *leases, now int64, platform string) (all []device) {
	for _, s := range u.sessions {
		if !ls.alive(s.lease, now) || platform != "" && platform != s.Platform {
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
	slices.SortStableFunc(all, func(a, b device) int { return int(min(max(a.since-b.since, -1), 1)) })
	return all
}

// lastEnd returns when the last session ended, as far as no session is alive.
func (u *user) lastEnd(ls *leases, now int64) int64 {
	end := u.seen
	for _, s := range u.sessions {
		end = max(end, ls.end(s.lease, now))
	}
	return end
}

// transition has something told, and kept until it is confirmed. Its id follows from the id of something.
func (c *decision) transition(t hubbub.Transition, of string) hubbub.Transition {
	t.User = c.u.name
	t.ID = hubbub.TransitionID(t.Kind, t.User, of)
	c.told = append(c.told, keptPending{Transition: t, by: c.by, order: c.u.tick(c.now)})
	return t
}

// end ends a session for a reason. If its node was lost, it has ended then, not only now. The caller settles the user afterwards.
func (c *decision) end(s *session, why hubbub.EndReason) hubbub.Transition {
	at := c.now
	if !c.alive(s) {
		at = min(at, c.leases.end(s.lease, c.now))
	}
	c.u.sessions = slices.DeleteFunc(c.u.sessions, func(other *session) bool { return other == s })
	c.u.seen = max(c.u.seen, at)
	t := c.transition(hubbub.Transition{Kind: hubbub.SessionDisconnected, Session: s.SessionRecord, Why: why, Time: fromMillis(at)}, s.ID)
	tell := why != hubbub.EndClosed && why != hubbub.EndDraining // its node does not know, or may not
	if tell {
		c.u.bury(s.ID, ended{why, c.now + keptEnded.Milliseconds()})
	}
	if tell || len(s.rooms) > 0 {
		c.left = append(c.left, keptLeaving{keptPending: c.told[len(c.told)-1], Rooms: s.rooms, Tell: tell})
	}
	return t
}

// endThose ends the sessions that are selected, in their order.
func (c *decision) endThose(why hubbub.EndReason, selects func(*session) bool) (n int) {
	for _, s := range slices.Clone(c.u.sessions) {
		if selects(s) {
			c.end(s, why)
			n++
		}
	}
	return n
}

// endLost ends the sessions whose node's lease has run out, and then takes the user offline whose grace is over.
func (c *decision) endLost() {
	c.endThose(hubbub.EndNodeLost, func(s *session) bool { return !c.alive(s) })
	c.settle()
}

// settle takes a user without session offline when the grace is over. While there is mercy nobody is: sessions that are forgotten, since the
// server has lost what was written last, may yet be restored.
func (c *decision) settle() {
	u := c.u
	if len(u.sessions) > 0 || !u.online || u.seen+c.grace > c.now || c.now < c.leases.mercy {
		return
	}
	came := hubbub.TransitionID(hubbub.UserOnline, u.name, u.came)
	c.transition(hubbub.Transition{Kind: hubbub.UserOffline, Time: fromMillis(u.seen + c.grace)}, came)
	u.online, u.info = false, ""
	if u.erased {
		u.forget()
	}
}

// forget forgets all but revocations, and why sessions were ended.
func (u *user) forget() { u.came, u.seen, u.info, u.erased = "", 0, "", false }

// open decides about a new session of a node with a lease.
func (c *decision) open(r *hubbub.SessionRecord, l hubbub.DeviceLimit, lease string) (o hubbub.Opened, err error) {
	if c.u.isRevoked(r, c.time) {
		return o, errRevoked()
	}
	if c.untold > mostUntold {
		return o, &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: retryUntold,
			Message: "too much is still to be told of this user's sessions, since what keeps it does not answer; try again later"}
	}
	yield, err := c.yield(r, l)
	if err != nil {
		return o, err
	}
	c.endLost()
	for _, s := range yield {
		o.Replaced = append(o.Replaced, s.SessionRecord)
		c.end(s, hubbub.EndReplaced)
	}
	s := c.add(r, lease, c.u.tick(c.now))
	c.u.info, c.u.erased = string(r.Info), false
	o.Generation = uint64(s.generation)
	c.transition(hubbub.Transition{Kind: hubbub.SessionConnected, Session: *r, Time: fromMillis(c.now)}, r.ID)
	if !c.u.online {
		c.comeOnline(r.ID)
	}
	o.Came = c.u.came
	return o, nil
}

func (c *decision) comeOnline(came string) {
	c.u.online, c.u.came = true, came
	c.transition(hubbub.Transition{Kind: hubbub.UserOnline, Time: fromMillis(c.now)}, came)
}

// add gives the user a session.
func (c *decision) add(r *hubbub.SessionRecord, lease string, generation int64) *session {
	s := &session{SessionRecord: *r, lease: lease, generation: generation, since: generation}
	for _, other := range c.u.sessions {
		if other.Device == s.Device {
			s.since = min(s.since, other.since)
		}
	}
	c.u.sessions = append(c.u.sessions, s)
	c.u.sort()
	delete(c.u.ended, r.ID)
	return s
}

// yield returns the sessions that must give way to a new one, or why there may be no new one. It changes nothing.
func (c *decision) yield(r *hubbub.SessionRecord, l hubbub.DeviceLimit) (yield []*session, err error) {
	platform := ""
	if l.PerPlatform {
		platform = r.Platform
	}
	devices := c.u.devices(c.leases, c.now, platform)
	tooMany := len(devices) + 1 - l.Max
	known := slices.ContainsFunc(devices, func(d device) bool { return d.Device == r.Device })
	if l.Max <= 0 || known {
		tooMany = 0
	}
	if tooMany > 0 && l.Refuse {
		return nil, hubbub.Errorf(hubbub.Conflict,
			"the user is signed in on as many devices as are allowed (%d); sign out on one of them first", l.Max)
	}
	stay := 0
	for _, s := range c.u.sessions {
		switch {
		case s.ID == r.ID:
			return nil, hubbub.Errorf(hubbub.Conflict, "the session %q is open already; each needs an id of its own", r.ID)
		case !c.alive(s):
		case (platform == "" || platform == s.Platform) && among(devices[:max(0, tooMany)], s.Device):
			yield = append(yield, s)
		default:
			stay++
		}
	}
	if l.Sessions > 0 && stay >= l.Sessions {
		return nil, hubbub.Errorf(hubbub.Conflict,
			"the user has as many sessions as are allowed (%d); close one of them first", l.Sessions)
	}
	return yield, nil
}

func among(devices []device, name string) bool {
	return slices.ContainsFunc(devices, func(d device) bool { return d.Device == name })
}

// update decides about a newer record of a session.
func (c *decision) update(r hubbub.SessionRecord) error {
	s := c.u.session(r.ID)
	if s == nil {
		return errEnded(r.ID)
	}
	r.Device, r.Platform, r.Connected, r.Node = s.Device, s.Platform, s.Connected, s.Node
	if c.u.isRevoked(&r, c.time) {
		return errRevoked()
	}
	s.SessionRecord, s.raw = r, ""
	c.u.info = string(r.Info)
	return nil
}

func errRevoked() error {
	return hubbub.Errorf(hubbub.Unauthorized, "these credentials were revoked; sign in again")
}

func errEnded(id string) error {
	return hubbub.Errorf(hubbub.NotFound, "the session %q has ended; open a new one", id)
}

func selects(t *hubbub.Target, s *session) bool {
	return (t.Session == "" || t.Session == s.ID) && (t.Except == "" || t.Except != s.ID) &&
		(t.Device == "" || t.Device == s.Device) && (t.ExceptDevice == "" || t.ExceptDevice != s.Device) &&
		(t.Token == "" || t.Token == s.Token) && (t.IssuedBefore.IsZero() || s.Issued.Before(t.IssuedBefore))
}
