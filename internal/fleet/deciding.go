package fleet

import (
	"cmp"
	"context"
	"slices"

	"github.com/hubbub-dev/hubbub"
)

// ledger is what the fleet knows of decisions beside what the driver does. It is guarded by the fleet's mu.
type ledger struct {
	current   *Driver                         // who decides
	restoring bool                            // what begins is not told
	pending   []decision                      // not confirmed
	open      map[string]hubbub.SessionRecord // by id
	ended     map[string]hubbub.EndReason     // sessions that were, by id
	came      map[string]string               // with which session a user came, by the session with which the user was restored
	names     map[string]string               // ids that the driver gives to transitions, by those that we give
	rooms     map[string][]string             // that sessions are in, by id
	opened    map[string]uint64               // generations, by id
	fences    []fence
}

func newLedger() ledger {
	return ledger{open: map[string]hubbub.SessionRecord{}, ended: map[string]hubbub.EndReason{}, came: map[string]string{},
		names: map[string]string{}, rooms: map[string][]string{}, opened: map[string]uint64{}}
}

// decided tells who has decided what the driver has, after what others have decided about the same users.
func (f *Fleet) decided(all []hubbub.Transition) {
	own := f.told(all)
	var earlier []hubbub.Transition
	for _, p := range f.pending {
		same := func(t hubbub.Transition) bool { return t.User == p.User }
		if p.by != f.current && slices.ContainsFunc(own, same) {
			earlier = append(earlier, p.Transition)
		}
	}
	for _, t := range own {
		f.pending = append(f.pending, decision{t, f.current})
		switch t.Kind {
		case hubbub.SessionConnected:
			f.open[t.Session.ID] = t.Session
		case hubbub.SessionDisconnected:
			delete(f.open, t.Session.ID)
			delete(f.rooms, t.Session.ID)
			f.ended[t.Session.ID] = t.Why
			if f.current != nil && kept(t.Why) {
				f.current.fences = append(f.current.fences, fence{hubbub.Target{User: t.User, Session: t.Session.ID}, t.Why, f.generation})
			}
		}
	}
	if f.current != nil && f.current.onDecision != nil && len(own) > 0 {
		f.current.onDecision(append(earlier, own...))
	}
}

// told returns transitions as they are told: without the beginnings of what is restored, and with the ids that they would have if
// nothing had been restored.
func (f *Fleet) told(all []hubbub.Transition) (told []hubbub.Transition) {
	for _, t := range all {
		if f.restoring && (t.Kind == hubbub.SessionConnected || t.Kind == hubbub.UserOnline) {
			_, _ = f.driver.Confirm(context.Background(), t.ID)
			continue
		}
		for restored, came := range f.came {
			if t.ID == offline(t.User, restored) {
				name := offline(t.User, came)
				f.names[name] = t.ID
				t.ID = name
			}
		}
		told = append(told, t)
	}
	return told
}

// offline is the id of the transition by which a user goes offline who came with a session.
func offline(user, came string) string {
	return hubbub.TransitionID(hubbub.UserOffline, user, hubbub.TransitionID(hubbub.UserOnline, user, came))
}

// OnDecision implements [hubbub.Ordered].
func (d *Driver) OnDecision(f func([]hubbub.Transition)) {
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	d.onDecision = f
}

// Open implements [hubbub.Registry].
func (d *Driver) Open(ctx context.Context, s hubbub.SessionRecord, l hubbub.DeviceLimit) (hubbub.Opened, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return hubbub.Opened{}, err
	}
	defer unlock()
	f := d.fleet
	o, err := f.driver.Open(ctx, s, l)
	o = f.toldOf(o)
	if err == nil {
		f.opens()
		f.opened[s.ID], o.Generation = f.generation, f.generation
	}
	return o, err
}

// opens makes the next generation, which is later than the time.
func (f *Fleet) opens() uint64 {
	f.generation = max(f.generation+1, uint64(f.options.Now().UnixMilli()))
	return f.generation
}

// toldOf returns what is told of it.
func (f *Fleet) toldOf(o hubbub.Opened) hubbub.Opened {
	o.Transitions = f.told(o.Transitions)
	if came, ok := f.came[o.Came]; ok {
		o.Came = came
	}
	return o
}

// Update implements [hubbub.Registry].
func (d *Driver) Update(ctx context.Context, s hubbub.SessionRecord) error {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return d.fleet.driver.Update(ctx, s)
}

// End implements [hubbub.Registry].
func (d *Driver) End(ctx context.Context, t hubbub.Target, why hubbub.EndReason) ([]hubbub.Transition, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	all, err := d.fleet.driver.End(ctx, t, why)
	if err == nil && kept(why) {
		e := fence{t, why, d.fleet.opens()}
		d.fleet.fences, d.fences = append(d.fleet.fences, e), append(d.fences, e)
	}
	return d.fleet.told(all), err
}

// Release implements [hubbub.Leases].
func (d *Driver) Release(ctx context.Context, node string) ([]hubbub.Transition, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	delete(d.fleet.members, node)
	all, err := d.fleet.driver.Release(ctx, node)
	return d.fleet.told(all), err
}

// Reap implements [hubbub.Leases].
func (d *Driver) Reap(ctx context.Context) ([]hubbub.Transition, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if d.fleet.options.Now().Before(d.blind) {
		return nil, nil
	}
	all, err := d.fleet.driver.Reap(ctx)
	return d.fleet.told(all), err
}

// Confirm implements [hubbub.Leases].
func (d *Driver) Confirm(ctx context.Context, ids ...string) (int, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	f := d.fleet
	f.pending = slices.DeleteFunc(f.pending, func(p decision) bool { return slices.Contains(ids, p.ID) })
	own := slices.Clone(ids)
	for i, id := range ids {
		if name, ok := f.names[id]; ok {
			own[i] = name
		}
	}
	return f.driver.Confirm(ctx, own...)
}

// Restore implements [hubbub.Shared].
func (d *Driver) Restore(ctx context.Context, s hubbub.SessionRecord, was hubbub.Opened, l hubbub.DeviceLimit) (hubbub.Restored, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return hubbub.Restored{}, err
	}
	defer unlock()
	f := d.fleet
	if why, ended := f.ended[s.ID]; ended {
		return hubbub.Restored{Ended: why}, nil
	}
	open, err := f.driver.SessionsOf(ctx, s.User)
	if err != nil {
		return hubbub.Restored{}, err
	}
	known := slices.ContainsFunc(open, func(other hubbub.SessionRecord) bool { return other.ID == s.ID })
	revoked, err := f.driver.Revoked(ctx, s)
	if err != nil {
		return hubbub.Restored{}, err
	}
	if known && revoked {
		ends, err := f.driver.End(ctx, hubbub.Target{User: s.User, Session: s.ID}, hubbub.EndRevoked)
		return hubbub.Restored{Opened: hubbub.Opened{Transitions: f.told(ends)}, Ended: hubbub.EndRevoked}, err
	}
	if known {
		return hubbub.Restored{Opened: hubbub.Opened{Came: was.Came}, Rooms: slices.Clone(f.rooms[s.ID])}, nil
	}
	if revoked {
		return d.restoreRevoked(s), nil
	}
	f.restoring = true
	o, err := f.driver.Open(ctx, s, hubbub.DeviceLimit{})
	o = f.toldOf(o)
	f.restoring = false
	if err != nil {
		return hubbub.Restored{}, err
	}
	f.generation = max(f.generation, was.Generation)
	f.open[s.ID], f.opened[s.ID], o.Generation = s, was.Generation, was.Generation
	if o.Came == s.ID {
		f.came[s.ID], o.Came = was.Came, was.Came
	}
	ends, err := d.stop(ctx, s)
	if err != nil || len(ends) > 0 {
		o.Transitions = append(o.Transitions, ends...)
		return hubbub.Restored{Opened: o, Ended: f.ended[s.ID]}, err
	}
	return d.limit(ctx, s, l, hubbub.Restored{Opened: o})
}

// restoreRevoked tells that a session has ended which nothing was known of.
func (d *Driver) restoreRevoked(s hubbub.SessionRecord) hubbub.Restored {
	ends := []hubbub.Transition{{ID: hubbub.TransitionID(hubbub.SessionDisconnected, s.User, s.ID), Kind: hubbub.SessionDisconnected,
		User: s.User, Session: s, Why: hubbub.EndRevoked, Time: d.fleet.options.Now()}}
	d.fleet.decided(ends)
	return hubbub.Restored{Opened: hubbub.Opened{Transitions: ends}, Ended: hubbub.EndRevoked}
}

// limit ends what is too much with a session that was restored.
func (d *Driver) limit(ctx context.Context, s hubbub.SessionRecord, l hubbub.DeviceLimit, r hubbub.Restored) (hubbub.Restored, error) {
	open, err := d.fleet.driver.SessionsOf(ctx, s.User)
	if err != nil {
		return r, err
	}
	slices.SortStableFunc(open, func(a, b hubbub.SessionRecord) int {
		return cmp.Or(cmp.Compare(d.fleet.opened[a.ID], d.fleet.opened[b.ID]), a.Connected.Compare(b.Connected))
	})
	for _, other := range tooMany(open, s.Platform, l) {
		ends, err := d.fleet.driver.End(ctx, hubbub.Target{User: s.User, Session: other.ID}, hubbub.EndReplaced)
		if err != nil {
			return r, err
		}
		r.Transitions = append(r.Transitions, d.fleet.told(ends)...)
		if other.ID == s.ID {
			r.Ended = hubbub.EndReplaced
		} else {
			r.Replaced = append(r.Replaced, other)
		}
	}
	return r, nil
}

// tooMany returns those of a user's sessions that give way. All are in the order in which they came.
func tooMany(all []hubbub.SessionRecord, platform string, l hubbub.DeviceLimit) (yield []hubbub.SessionRecord) {
	counts := func(s hubbub.SessionRecord) bool { return !l.PerPlatform || s.Platform == platform }
	var devices []string
	for _, s := range all {
		if counts(s) && !slices.Contains(devices, s.Device) {
			devices = append(devices, s.Device)
		}
	}
	switch {
	case l.Max <= 0 || len(devices) <= l.Max:
		devices = nil
	case l.Refuse:
		devices = devices[l.Max:]
	default:
		devices = devices[:len(devices)-l.Max]
	}
	stay := 0
	for _, s := range all {
		if counts(s) && slices.Contains(devices, s.Device) || l.Sessions > 0 && stay >= l.Sessions {
			yield = append(yield, s)
			continue
		}
		stay++
	}
	return yield
}
