package memory

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// nodes are the leases and what the nodes may have missed.
type nodes struct {
	mu     sync.RWMutex
	byName map[string]*node
}

// node is a node that lives, or was lost and may come back.
type node struct {
	lease *lease // nil when the node was lost
	lost  time.Time
	ended ring[ended] // since the node's last renewal
}

// ended is a session that somebody has ended.
type ended struct {
	session string
	why     hubbub.EndReason
}

const (
	maxEnded  = 1 << 20   // how many ended sessions a node is told of; of more, the newest
	forgetOld = time.Hour // how long a lost node may come back and hear which of its sessions have ended
)

// lease is one unbroken life of a node. A lease that was lost does not come back: its node gets a new one.
type lease struct {
	until atomic.Int64 // in Unix ns
}

func (l *lease) live(now time.Time) bool { return l.until.Load() > now.UnixNano() }

func (l *lease) end() time.Time { return time.Unix(0, l.until.Load()) }

// leaseOf returns the lease of a node that lives.
func (ns *nodes) leaseOf(name string, now time.Time) (*lease, error) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	if n := ns.byName[name]; n != nil && n.lease != nil && n.lease.live(now) {
		return n.lease, nil
	}
	return nil, hubbub.Errorf(hubbub.Unavailable, "the node %q has no lease; it must renew before it opens sessions", name)
}

// tell notes that a session of a node was ended.
func (ns *nodes) tell(name string, e ended) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	n := ns.byName[name]
	if n == nil {
		return
	}
	if n.ended.len() == maxEnded {
		n.ended.pop()
	}
	n.ended.push(e)
}

// Renew implements [hubbub.Leases].
func (d *Driver) Renew(_ context.Context, status hubbub.NodeStatus) (r hubbub.Renewal, err error) {
	name := status.Node
	ns := &d.nodes
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.byName == nil {
		ns.byName = make(map[string]*node)
	}
	n := ns.byName[name]
	if n == nil {
		n = &node{}
		ns.byName[name] = n
	}
	if n.lease == nil {
		n.lease = &lease{}
	}
	n.lease.until.Store(d.options.Now().Add(d.options.Lease).UnixNano())
	if n.ended.len() > 0 {
		r.Ended = make(map[string]hubbub.EndReason, n.ended.len())
	}
	for n.ended.len() > 0 {
		e := n.ended.pop()
		r.Ended[e.session] = e.why
	}
	return r, nil
}

// Release implements [hubbub.Leases].
func (d *Driver) Release(_ context.Context, name string) ([]hubbub.Transition, error) {
	ns := &d.nodes
	ns.mu.Lock()
	n := ns.byName[name]
	delete(ns.byName, name)
	ns.mu.Unlock()
	if n == nil || n.lease == nil {
		return nil, nil
	}
	now := d.options.Now()
	n.lease.until.Store(min(n.lease.until.Load(), now.UnixNano()))
	var all []hubbub.Transition
	for i := range d.users {
		all = append(all, d.endAll(&d.users[i], map[*lease]bool{n.lease: true}, hubbub.EndDraining, now)...)
	}
	return all, nil
}

// Reap implements [hubbub.Leases]. It also forgets revocations, users and nodes whose time is over.
func (d *Driver) Reap(_ context.Context) ([]hubbub.Transition, error) {
	now := d.options.Now()
	lost := d.nodes.lose(now)
	var all []hubbub.Transition
	for i := range d.pending {
		all = append(all, d.pending[i].overdue(now, now.Add(d.options.Lease))...)
	}
	for i := range d.users {
		if len(lost) > 0 {
			all = append(all, d.endAll(&d.users[i], lost, hubbub.EndNodeLost, now)...)
		}
		all = append(all, d.reapUsers(&d.users[i], now)...)
	}
	return all, nil
}

// lose returns the leases that have run out, each to one caller only.
func (ns *nodes) lose(now time.Time) map[*lease]bool {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	var lost map[*lease]bool
	for name, n := range ns.byName {
		switch {
		case n.lease == nil && now.Sub(n.lost) > forgetOld:
			delete(ns.byName, name)
		case n.lease != nil && !n.lease.live(now):
			if lost == nil {
				lost = make(map[*lease]bool)
			}
			lost[n.lease] = true
			n.lease, n.lost = nil, now
		}
	}
	return lost
}

// endAll ends the sessions in one shard that belong to leases.
func (d *Driver) endAll(us *users, of map[*lease]bool, why hubbub.EndReason, now time.Time) (all []hubbub.Transition) {
	us.mu.Lock()
	defer us.mu.Unlock()
	defer func() { d.decided(all) }()
	for _, u := range us.byName {
		ended := false
		for i := len(u.sessions) - 1; i >= 0; i-- {
			if s := u.sessions[i]; of[s.lease] {
				ended = true
				all = append(all, d.end(us, u, s, why, now))
			}
		}
		if ended {
			all = append(all, d.settle(us, u, now)...)
		}
	}
	return all
}

// reapUsers does what is due for the users of one shard.
func (d *Driver) reapUsers(us *users, now time.Time) (all []hubbub.Transition) {
	us.mu.Lock()
	defer us.mu.Unlock()
	defer func() { d.decided(all) }()
	for u := us.grace.front; u != nil && !u.seen.Add(d.options.Grace).After(now); u = us.grace.front {
		all = append(all, d.settle(us, u, now)...)
	}
	for u := us.gone.front; u != nil && now.Sub(u.seen) > d.options.LastSeen; u = us.gone.front {
		us.forget(u)
	}
	us.revoked.sweep(now)
	return all
}

// Confirm implements [hubbub.Leases].
func (d *Driver) Confirm(_ context.Context, ids ...string) (n int, err error) {
	for _, id := range ids {
		p := d.pendingOf(id)
		p.mu.Lock()
		if p.confirm(id) {
			n++
		}
		p.mu.Unlock()
	}
	return n, nil
}
