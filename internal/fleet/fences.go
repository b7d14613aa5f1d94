package fleet

import (
	"context"
	"maps"
	"slices"

	"github.com/hubbub-dev/hubbub"
)

// fence is an end of sessions that holds also for those that were opened up to a generation and are restored later.
type fence struct {
	target hubbub.Target
	why    hubbub.EndReason
	until  uint64
}

// stops tells whether a session has ended by it.
func (e fence) stops(s hubbub.SessionRecord, generation uint64) bool {
	t := e.target
	return s.User == t.User && generation <= e.until && (t.Session == "" || t.Session == s.ID) && (t.Except == "" || t.Except != s.ID) &&
		(t.Device == "" || t.Device == s.Device) && (t.ExceptDevice == "" || t.ExceptDevice != s.Device) &&
		(t.Token == "" || t.Token == s.Token) && (t.IssuedBefore.IsZero() || s.Issued.Before(t.IssuedBefore))
}

// kept tells whether ends for this reason are remembered.
func kept(why hubbub.EndReason) bool {
	return why == hubbub.EndReplaced || why == hubbub.EndLoggedOut || why == hubbub.EndRevoked
}

// decision is a transition and who decided it.
type decision struct {
	hubbub.Transition
	by *Driver
}

// Remind implements [hubbub.Shared].
func (d *Driver) Remind(ctx context.Context) (told []hubbub.Transition, err error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	f := d.fleet
	f.fences = append(f.fences, d.fences...)
	for _, s := range slices.Collect(maps.Values(f.open)) {
		ends, err := d.stop(ctx, s)
		if err != nil {
			return told, err
		}
		told = append(told, ends...)
	}
	return told, nil
}

// stop ends a session that has ended by one of the fences.
func (d *Driver) stop(ctx context.Context, s hubbub.SessionRecord) ([]hubbub.Transition, error) {
	f := d.fleet
	for _, e := range f.fences {
		if e.stops(s, f.opened[s.ID]) {
			ends, err := f.driver.End(ctx, hubbub.Target{User: s.User, Session: s.ID}, e.why)
			return f.told(ends), err
		}
	}
	return nil, nil
}
