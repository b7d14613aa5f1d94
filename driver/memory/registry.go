package memory

import (
	"context"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Open implements [hubbub.Registry].
func (d *Driver) Open(_ context.Context, r hubbub.SessionRecord, l hubbub.DeviceLimit) (hubbub.Opened, error) {
	us := d.lockUser(r.User)
	defer us.mu.Unlock()
	now := d.options.Now()
	lease, err := d.nodes.leaseOf(r.Node, now)
	if err != nil {
		return hubbub.Opened{}, err
	}
	if us.revoked.revoked(&r, now) {
		return hubbub.Opened{}, errRevoked()
	}
	u := us.byName[r.User]
	yield, err := decide(u, &r, l, now)
	if err != nil {
		return hubbub.Opened{}, err
	}
	var o hubbub.Opened
	if u != nil {
		o.Transitions = d.endLost(us, u, now)
		u = us.byName[r.User] // who was erased is forgotten by going offline
	}
	online := u != nil && u.in != &us.gone
	if u == nil {
		u = us.make(r.User)
	}
	for _, s := range yield {
		o.Replaced = append(o.Replaced, s.SessionRecord)
		o.Transitions = append(o.Transitions, d.end(us, u, s, hubbub.EndReplaced, now))
	}
	o.Generation = d.add(us, u, &session{SessionRecord: r, lease: lease})
	o.Transitions = append(o.Transitions,
		d.transition(hubbub.Transition{Kind: hubbub.SessionConnected, User: u.name, Session: r, Time: now}, r.ID))
	if u.in != nil {
		u.in.remove(u)
	}
	if !online {
		u.came = r.ID
		d.online.add(u.name)
		o.Transitions = append(o.Transitions,
			d.transition(hubbub.Transition{Kind: hubbub.UserOnline, User: u.name, Time: now}, r.ID))
	}
	o.Came = u.came
	d.decided(o.Transitions)
	return o, nil
}

// make returns a new user, who is in no list.
func (us *users) make(name string) *user {
	if us.byName == nil {
		us.byName = make(map[string]*user)
	}
	u := &user{name: name}
	us.byName[name] = u
	return u
}

// add gives a user a session, and returns its generation.
func (d *Driver) add(us *users, u *user, s *session) uint64 {
	us.generation++
	s.generation, s.since = us.generation, us.generation
	for _, other := range u.sessions {
		if other.Device == s.Device {
			s.since = min(s.since, other.since)
		}
	}
	u.sessions = append(u.sessions, s)
	u.info, u.erased = s.Info, false
	us.sessions++
	return s.generation
}

// decide returns the sessions that must give way to a new one, or why there may be no new one. It changes nothing.
func decide(u *user, r *hubbub.SessionRecord, l hubbub.DeviceLimit, now time.Time) (yield []*session, err error) {
	if u == nil {
		return nil, nil
	}
	platform := ""
	if l.PerPlatform {
		platform = r.Platform
	}
	devices := u.devices(nil, now, platform)
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
	for _, s := range u.sessions {
		switch {
		case s.ID == r.ID:
			return nil, hubbub.Errorf(hubbub.Conflict, "the session %q is open already; each needs an id of its own", r.ID)
		case !s.live(now):
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

func errRevoked() error {
	return hubbub.Errorf(hubbub.Unauthorized, "these credentials were revoked; sign in again")
}

// Update implements [hubbub.Registry].
func (d *Driver) Update(_ context.Context, r hubbub.SessionRecord) error {
	us := d.lockUser(r.User)
	defer us.mu.Unlock()
	u, s := us.session(r.User, r.ID)
	if s == nil {
		return errEnded(r.ID)
	}
	r.Device, r.Platform, r.Connected, r.Node = s.Device, s.Platform, s.Connected, s.Node
	if us.revoked.revoked(&r, d.options.Now()) {
		return errRevoked()
	}
	s.SessionRecord = r
	u.info = r.Info
	return nil
}

// session returns a session of a user, nil if there is none.
func (us *users) session(name, id string) (*user, *session) {
	u := us.byName[name]
	if u == nil {
		return nil, nil
	}
	for _, s := range u.sessions {
		if s.ID == id {
			return u, s
		}
	}
	return u, nil
}

func errEnded(id string) error {
	return hubbub.Errorf(hubbub.NotFound, "the session %q has ended; open a new one", id)
}

// End implements [hubbub.Registry].
func (d *Driver) End(_ context.Context, t hubbub.Target, why hubbub.EndReason) ([]hubbub.Transition, error) {
	us := d.lockUser(t.User)
	defer us.mu.Unlock()
	u := us.byName[t.User]
	if u == nil {
		return nil, nil
	}
	now := d.options.Now()
	var all []hubbub.Transition
	for _, s := range slices.Clone(u.sessions) {
		if selects(&t, s) {
			all = append(all, d.end(us, u, s, why, now))
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	all = append(all, d.settle(us, u, now)...)
	d.decided(all)
	return all, nil
}

func selects(t *hubbub.Target, s *session) bool {
	return (t.Session == "" || t.Session == s.ID) && (t.Except == "" || t.Except != s.ID) &&
		(t.Device == "" || t.Device == s.Device) && (t.ExceptDevice == "" || t.ExceptDevice != s.Device) &&
		(t.Token == "" || t.Token == s.Token) && (t.IssuedBefore.IsZero() || s.Issued.Before(t.IssuedBefore))
}

// Revoke implements [hubbub.Revocations].
func (d *Driver) Revoke(_ context.Context, r hubbub.Revocation) error {
	us := d.lockUser(r.User)
	defer us.mu.Unlock()
	if !over(r, d.options.Now()) {
		us.revoked.add(r)
	}
	return nil
}

// Revoked implements [hubbub.Revocations].
func (d *Driver) Revoked(_ context.Context, r hubbub.SessionRecord) (bool, error) {
	us := d.lockUser(r.User)
	defer us.mu.Unlock()
	return us.revoked.revoked(&r, d.options.Now()), nil
}

// Blocked implements [hubbub.Revocations].
func (d *Driver) Blocked(_ context.Context, user string) (blocked bool, until time.Time, err error) {
	us := d.lockUser(user)
	defer us.mu.Unlock()
	r, blocked := us.revoked.block(user, d.options.Now())
	return blocked, r.Until, nil
}

// Unblock implements [hubbub.Revocations].
func (d *Driver) Unblock(_ context.Context, user string) (bool, error) {
	us := d.lockUser(user)
	defer us.mu.Unlock()
	_, blocked := us.revoked.block(user, d.options.Now())
	if blocked {
		us.revoked.unblock(user)
	}
	return blocked, nil
}
