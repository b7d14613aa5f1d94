package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

type transition = hubbub.Transition

var (
	renewScript   = newScript("renew")
	releaseScript = newScript("release")
)

// ownNode is a node that renews its lease here.
type ownNode struct {
	lease    string
	until    int64
	epoch    string
	doubts   uint64 // of the registry, when it renewed last
	reasons  uint64 // how often there was reason to doubt since it renewed first
	settled  uint64 // how many of these are settled by its having restored its sessions
	restores bool   // it was told to restore, and has not said that it has done so
	by       uint64 // how many reasons will be settled by that: those that there were when it was told first
}

// keptStatus is how a node's status is kept.
type keptStatus struct {
	Version  string  `json:"v,omitempty"`
	Started  int64   `json:"t,omitempty"` // in Unix ns
	Sessions int     `json:"s,omitempty"`
	Rooms    int     `json:"r,omitempty"`
	CPU      float64 `json:"c,omitempty"`
	Memory   int64   `json:"m,omitempty"`
}

// Renew implements [hubbub.Leases]. What it takes from the list of the node's ended sessions is gone with a lost answer; then there is
// doubt, and the node learns it by restoring its sessions.
func (d *Driver) Renew(ctx context.Context, n hubbub.NodeStatus) (hubbub.Renewal, error) {
	const op = "renew the node's lease"
	now := ""
	if d.options.Now != nil {
		now = formatMs(d.nowMs())
	}
	status := plainJSON(keptStatus{n.Version, nanos(n.Started), n.Sessions, n.Rooms, n.CPU, n.Memory})
	asked := time.Now()
	result := d.call(ctx, op, renewScript, []string{d.leasesKey(), d.statusKey(), d.missedKey(n.Node)},
		n.Node, rand.Text(), formatMs(d.options.Lease.Milliseconds()), now, status, rand.Text())
	answer, err := result.AsStrSlice()
	if err != nil || len(answer) < 5 {
		d.doubt()
		return hubbub.Renewal{}, d.refused(err, op)
	}
	if d.options.Now == nil {
		d.setOffset(time.UnixMilli(integer(answer[2])), asked, time.Now())
	}
	renewed := ownNode{lease: answer[0], until: integer(answer[1]), epoch: answer[3]}
	r := hubbub.Renewal{Doubt: d.renewed(n.Node, renewed, answer[4] == "late")}
	if missed := answer[5:]; len(missed) > 1 {
		r.Ended = make(map[string]hubbub.EndReason, len(missed)/2)
		for i := 0; i+1 < len(missed); i += 2 {
			r.Ended[missed[i]] = hubbub.EndReason(missed[i+1])
		}
	}
	return r, nil
}

// renewed takes down a renewal, and tells whether there is doubt.
func (d *Driver) renewed(name string, now ownNode, late bool) bool {
	r := &d.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seeOwn(name, &now)
	n := r.nodes[name]
	if n == nil {
		now.doubts = r.doubts.Load()
		r.nodes[name] = &now
		return false
	}
	emptied := n.epoch != now.epoch
	if emptied {
		d.doubt()
		r.lookEverywhere()
	}
	doubts := r.doubts.Load() // after the answer, so that a server that was dialed for it counts
	if doubts != n.doubts || n.lease != now.lease || emptied || late {
		n.reasons++
	}
	n.lease, n.until, n.epoch, n.doubts = now.lease, now.until, now.epoch, doubts
	if n.reasons == n.settled {
		return false
	}
	if !n.restores {
		n.restores, n.by = true, n.reasons
	}
	return true
}

// seeOwn puts a renewed lease into the view. The caller holds mu.
func (r *registry) seeOwn(name string, n *ownNode) {
	ls := *r.view
	ls.byID, ls.byNode = maps.Clone(ls.byID), maps.Clone(ls.byNode)
	if old := ls.byNode[name]; old != n.lease {
		delete(ls.byID, old) // whether it is lost is not known here: it is asked when a session of it is met
	}
	ls.byNode[name], ls.byID[n.lease] = n.lease, lease{node: name, until: n.until}
	if ls.epoch == "" {
		ls.epoch = n.epoch
	}
	r.view = &ls
	r.writes.Add(1)
}

// Restored implements [hubbub.Shared].
func (d *Driver) Restored(node string) {
	r := &d.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.nodes[node]; n != nil && n.restores {
		n.restores, n.settled = false, n.by
	}
}

// Doubtful implements [hubbub.Shared]. A connection that is made anew gives reason to doubt before its first command.
func (d *Driver) Doubtful(node string) bool {
	r := &d.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[node]
	return n == nil || n.reasons != n.settled || n.doubts != r.doubts.Load()
}

// Release implements [hubbub.Leases]. If this process dies in between, the lease counts as lost, and others end what is left of it.
func (d *Driver) Release(ctx context.Context, node string) ([]hubbub.Transition, error) {
	const op = "release the node's lease"
	now := d.nowMs()
	id, err := d.call(ctx, op, releaseScript, []string{d.leasesKey(), d.statusKey(), d.missedKey(node)},
		node, formatMs(now), formatMs(now+claimTime(d.options.Lease))).ToString()
	if err != nil {
		return nil, unavailable(err, op)
	}
	r := &d.registry
	r.mu.Lock()
	delete(r.nodes, node)
	r.mu.Unlock()
	if id == "" {
		return nil, nil
	}
	if _, err := d.loadLeases(ctx); err != nil {
		return nil, err
	}
	all, err := d.endLease(ctx, id, hubbub.EndDraining)
	if err != nil {
		return all, err
	}
	return all, d.forgetLease(ctx, id, node)
}

// Nodes implements [hubbub.Shared].
func (d *Driver) Nodes(ctx context.Context) ([]hubbub.NodeStatus, error) {
	const op = "list the nodes"
	ls, err := d.loadLeases(ctx)
	if err != nil {
		return nil, err
	}
	results, err := d.trip(ctx, op, d.b().Hgetall().Key(d.statusKey()).Build())
	if err != nil {
		return nil, err
	}
	statuses, err := results[0].AsStrMap()
	if err != nil {
		return nil, unavailable(err, op)
	}
	var all []hubbub.NodeStatus
	now := d.nowMs()
	for _, node := range slices.Sorted(maps.Keys(ls.byNode)) {
		if !ls.alive(ls.byNode[node], now) {
			continue
		}
		var k keptStatus
		_ = json.Unmarshal([]byte(statuses[node]), &k) // what cannot be read is not known
		all = append(all, hubbub.NodeStatus{Node: node, Version: k.Version, Started: fromNanos(k.Started), Sessions: k.Sessions,
			Rooms: k.Rooms, CPU: k.CPU, Memory: k.Memory})
	}
	return all, nil
}

func errNoLease(node string) error {
	return hubbub.Errorf(hubbub.Unavailable, "the node %q has no lease; it must renew before it opens sessions", node)
}
