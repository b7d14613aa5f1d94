// Package fleet lets tests have several nodes in one process: instances of a driver that share what is in memory, as those of several
// processes share a server, which can be cut off from it, and the server be emptied.
package fleet

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// Fleet is what the instances share.
type Fleet struct {
	// Immutable.
	options memory.Options
	bus     *memory.Driver // of which only the bus is used; it lives on when the rest is emptied

	posting sync.Mutex // held while a message is appended and published

	// Guarded by mu, which is held while the driver decides something, so that one decides after the other. What only asks, and what nobody
	// has to be told of, is passed on without it.
	mu         sync.Mutex
	driver     *memory.Driver
	generation uint64             // of the session that was opened last; is not lost
	members    map[string]*member // by the names of the nodes
	ledger
	kept map[string]scrap // see hubbub.Scratch
}

// member is a node, as it said it is.
type member struct {
	status hubbub.NodeStatus
	until  time.Time // of its lease
	doubts int       // reasons there ever were to be in doubt
	told   int       // how many of them a renewal has told
	healed int       // how many of them the node has dealt with
}

// New returns an empty fleet. The options are as for the driver; Lease and Grace must be set.
func New(o memory.Options) *Fleet {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Fleet{options: o, bus: memory.New(o), members: map[string]*member{}, kept: map[string]scrap{}}
	f.fill()
	return f
}

// fill makes the driver, empty. The caller holds mu, or nobody else knows the fleet.
func (f *Fleet) fill() {
	f.driver = memory.New(f.options)
	f.ledger = newLedger()
	f.driver.OnDecision(f.decided)
}

// Empty loses all that is in memory, as a server does that is restarted without its data. All nodes that live are in doubt.
func (f *Fleet) Empty() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fill()
	clear(f.kept)
	for _, m := range f.members {
		m.doubts++
		m.until = time.Time{}
	}
}

// Driver returns another instance, which is a [hubbub.Shared], a [hubbub.Poster] and a [hubbub.Scratch].
func (f *Fleet) Driver() *Driver { return &Driver{fleet: f} }

// Driver is one node's instance.
type Driver struct {
	fleet *Fleet

	// Guarded by the fleet's mu.
	onDecision func([]hubbub.Transition)
	fences     []fence   // what it has ended
	blind      time.Time // until when nobody is reaped, since others may come back with us

	mu   sync.Mutex
	away error // what calls answer; nil while the server is there
	hang bool  // calls wait for their context instead
	hush bool  // nothing can be published
	ears map[*ear]struct{}
}

var (
	_ hubbub.Driver  = (*Driver)(nil)
	_ hubbub.Shared  = (*Driver)(nil)
	_ hubbub.Ordered = (*Driver)(nil)
	_ hubbub.Poster  = (*Driver)(nil)
	_ hubbub.Scratch = (*Driver)(nil)
)

// Cut takes the server away: calls answer Unavailable, and nothing that is published arrives. With hang calls do not answer at all
// before their contexts end.
func (d *Driver) Cut(hang bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away, d.hang = hubbub.Errorf(hubbub.Unavailable, "the server is away; try again"), hang
}

// Hush takes away only the part of the server by which events are published, or brings it back. Nobody is told that anything was missed.
func (d *Driver) Hush(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hush = on
}

// Heal brings the server back. Subscribers are told that they may have missed something, and, as after a connection that is made
// anew, the node is in doubt and reaps nobody for a lease.
func (d *Driver) Heal(node string) {
	d.mu.Lock()
	d.away, d.hang = nil, false
	ears := make([]*ear, 0, len(d.ears))
	for e := range d.ears {
		ears = append(ears, e)
	}
	d.mu.Unlock()
	d.Doubt(node)
	for _, e := range ears {
		e.to.Missed()
	}
}

// Doubt has a node be in doubt.
func (d *Driver) Doubt(node string) {
	f := d.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.members[node]; m != nil {
		m.doubts++
	}
	d.blind = f.options.Now().Add(f.options.Lease)
}

// reach returns an error if the server is away.
func (d *Driver) reach(ctx context.Context) error {
	d.mu.Lock()
	away, hang := d.away, d.hang
	d.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return away
}

// deciding locks the fleet for a call that may decide something.
func (d *Driver) deciding(ctx context.Context) (unlock func(), err error) {
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	f := d.fleet
	f.mu.Lock()
	f.current = d
	return func() {
		f.current = nil
		f.mu.Unlock()
	}, nil
}

// at returns what is in memory.
func (d *Driver) at(ctx context.Context) (*memory.Driver, error) {
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	return d.fleet.driver, nil
}

// Renew implements [hubbub.Leases].
func (d *Driver) Renew(ctx context.Context, s hubbub.NodeStatus) (hubbub.Renewal, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return hubbub.Renewal{}, err
	}
	defer unlock()
	f, now := d.fleet, d.fleet.options.Now()
	m := f.members[s.Node]
	if m == nil {
		m = &member{until: now.Add(1)}
		f.members[s.Node] = m
	}
	if !m.until.After(now) {
		m.doubts++
	}
	m.status, m.until = s, now.Add(f.options.Lease)
	if m.told == m.healed { // the first renewal that tells of a doubt: what comes later is told again
		m.told = m.doubts
	}
	r, err := f.driver.Renew(ctx, s)
	r.Doubt = m.doubts > m.healed
	return r, err
}

// Restored implements [hubbub.Shared].
func (d *Driver) Restored(node string) {
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	if m := d.fleet.members[node]; m != nil {
		m.healed = m.told
	}
}

// Doubtful implements [hubbub.Shared].
func (d *Driver) Doubtful(node string) bool {
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	m := d.fleet.members[node]
	return m == nil || m.doubts > m.healed
}

// Nodes implements [hubbub.Shared].
func (d *Driver) Nodes(ctx context.Context) ([]hubbub.NodeStatus, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var all []hubbub.NodeStatus
	for _, m := range d.fleet.members {
		if m.until.After(d.fleet.options.Now()) {
			all = append(all, m.status)
		}
	}
	slices.SortFunc(all, func(a, b hubbub.NodeStatus) int { return cmp.Compare(a.Node, b.Node) })
	return all, nil
}

// SessionsOn implements [hubbub.Shared], 100 at a time.
func (d *Driver) SessionsOn(ctx context.Context, node, after string) (some []hubbub.SessionRecord, next string, err error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	for _, s := range d.fleet.open {
		if s.Node == node && s.ID > after {
			some = append(some, hubbub.SessionRecord{ID: s.ID, User: s.User, Node: s.Node})
		}
	}
	slices.SortFunc(some, func(a, b hubbub.SessionRecord) int { return cmp.Compare(a.ID, b.ID) })
	if len(some) > 100 {
		some = some[:100]
		next = some[99].ID
	}
	return some, next, nil
}
