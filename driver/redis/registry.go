package redis

import (
	"context"
	"crypto/rand"

	"github.com/hubbub-dev/hubbub"
)

var (
	_ hubbub.Registry    = (*Driver)(nil)
	_ hubbub.Revocations = (*Driver)(nil)
	_ hubbub.Leases      = (*Driver)(nil)
	_ hubbub.Directory   = (*Driver)(nil)
	_ hubbub.Occupancy   = (*Driver)(nil)
	_ hubbub.Ordered     = (*Driver)(nil)
	_ hubbub.Shared      = (*Driver)(nil)
)

// initRegistry makes what the instance remembers of the registry. At first it takes nobody for dead, and looks everywhere.
func (d *Driver) initRegistry() {
	r := &d.registry
	r.view, r.nodes = parseLeases(nil), make(map[string]*ownNode)
	r.reaping, r.loading, r.counts.loading, r.turn.last = newLock(), newLock(), newLock(), d.nowMs()
	for i := range r.locks {
		r.names[i] = rand.Text()
		r.locks[i], r.users[i], r.rooms[i] = newLock(), newUserKeys(d.options.Prefix, i), newRoomKeys(d.options.Prefix, i)
	}
	d.doubt()
	d.onDial(d.doubt)
}

// Open implements [hubbub.Registry].
func (d *Driver) Open(ctx context.Context, r hubbub.SessionRecord, l hubbub.DeviceLimit) (o hubbub.Opened, err error) {
	lease, err := d.leaseOf(ctx, r.Node)
	if err != nil {
		return o, err
	}
	c, err := d.decideOne(ctx, "open a session", r.User, func(c *decision) (err error) {
		o, err = c.open(&r, l, lease)
		return err
	})
	if err != nil {
		return hubbub.Opened{}, err
	}
	o.Transitions = c.transitions()
	return o, nil
}

// Update implements [hubbub.Registry].
func (d *Driver) Update(ctx context.Context, r hubbub.SessionRecord) error {
	_, err := d.decideOne(ctx, "update a session", r.User, func(c *decision) error { return c.update(r) })
	return err
}

// End implements [hubbub.Registry].
func (d *Driver) End(ctx context.Context, t hubbub.Target, why hubbub.EndReason) ([]hubbub.Transition, error) {
	c, err := d.decideOne(ctx, "end sessions", t.User, func(c *decision) error {
		c.endTarget(&t, why)
		return nil
	})
	if err != nil || len(c.told) == 0 {
		return nil, err
	}
	return c.transitions(), nil
}

// Restore implements [hubbub.Shared].
func (d *Driver) Restore(ctx context.Context, s hubbub.SessionRecord, was hubbub.Opened, l hubbub.DeviceLimit) (r hubbub.Restored, err error) {
	lease, err := d.leaseOf(ctx, s.Node)
	if err != nil {
		return r, err
	}
	c, err := d.decideOne(ctx, "restore a session", s.User, func(c *decision) error {
		r = c.restore(&s, was, l, lease)
		return nil
	})
	if err != nil {
		return hubbub.Restored{}, err
	}
	r.Transitions = c.transitions()
	return r, nil
}

// eraseUser forgets when a user was last seen. Open sessions and the grace of a user stay as they are, but when the user goes offline
// nothing is remembered, unless somebody has signed in meanwhile. Transitions that nobody has confirmed stay, since somebody must hear of
// them, and so do revocations.
func (d *Driver) eraseUser(ctx context.Context, name string) (more bool, err error) {
	_, err = d.decideOne(ctx, "erase a user", name, func(c *decision) error {
		if c.u.erased = c.u.online; !c.u.online {
			c.u.forget()
		}
		return nil
	})
	return false, err
}
