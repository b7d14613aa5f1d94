package hubbub

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// reconcileEvery is how often the journal is compared with the registry while nothing seems wrong.
const reconcileEvery = 10 * time.Minute

// reconciler ends in the store what is open there and is known to no node: sessions that the registry lost together with their node. What
// the registry knows it tells by itself. The first of the living nodes does it, when it has begun and after each doubt, once more when all
// are idle who had left before, and now and then; and who has found that the registry contradicts the store.
type reconciler struct {
	hub      *Hub
	wake     chan struct{}   // buffered; look anew
	suspects map[string]bool // nodes that had no lease at the last look; owned by keep
	recent   bool            // who had left right before the begin or the doubt was not idle yet at the last comparison; owned by keep
	rounds   atomic.Int32    // how many further comparisons this node makes, whether or not it is the first
}

// newReconciler returns nil if there is nothing to compare.
func newReconciler(h *Hub) *reconciler {
	if h.shared == nil || h.store == nil {
		return nil
	}
	return &reconciler{hub: h, wake: make(chan struct{}, 1), recent: true}
}

// again has the look begin anew, after a doubt.
func (r *reconciler) again() { signal(r.wake) }

// distrust has this node look anew, since the store knows open sessions of somebody who is offline by the registry: their node has them
// and restores them, or nobody has them. Then it looks once more, when all who have left before are idle.
func (r *reconciler) distrust() {
	r.rounds.Store(2)
	r.again()
}

// keep looks until the hub is closed.
func (r *reconciler) keep() {
	h := r.hub
	soon := h.o.Lease + h.o.Lease/3 // by then who lives has renewed its lease, or has lost it and was reaped
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := firstPause; ; {
		select {
		case <-h.context.Done():
			return
		case <-r.wake:
			r.suspects, r.recent = nil, true
			timer.Reset(0)
			continue
		case <-timer.C:
		}
		if h.doubt.active.Load() {
			r.suspects = nil // nobody knows who lives; we are woken when it is over
			timer.Reset(reconcileEvery)
			continue
		}
		if err := r.look(h.context); err != nil {
			h.complain("compare the journal with who is online", err)
			if !h.rest(&pause) {
				return
			}
			timer.Reset(0)
			continue
		}
		pause = firstPause
		timer.Reset(r.pause(soon))
	}
}

// pause returns how long to wait after a look.
func (r *reconciler) pause(soon time.Duration) time.Duration {
	switch {
	case r.suspects != nil:
		return soon
	case r.rounds.Load() > 0 && r.rounds.Add(-1) > 0, r.recent:
		r.recent = false
		return max(r.hub.o.Grace, 0) + 2*r.hub.o.Lease
	}
	return reconcileEvery
}

// look ends in the store the sessions of nodes that have no lease and had none at the look before. Otherwise it notes who has none. Only
// the first of the living nodes does so, and who has reason to, see distrust.
func (r *reconciler) look(ctx context.Context) error {
	h := r.hub
	open, err := h.store.OpenNodes(ctx) // before the leases: who comes meanwhile has one
	if err != nil {
		return err
	}
	nodes, err := h.shared.Nodes(ctx)
	if err != nil {
		return err
	}
	before := r.suspects
	r.suspects = nil
	if first := len(nodes) > 0 && nodes[0].Node == h.node; !first && r.rounds.Load() == 0 {
		return nil
	}
	suspects := map[string]bool{}
	for _, node := range open {
		alive := slices.ContainsFunc(nodes, func(n NodeStatus) bool { return n.Node == node })
		if !alive && node != h.node {
			suspects[node] = true
		}
	}
	if before == nil {
		r.suspects = suspects // also if there is none: users may be open who have no session
		return nil
	}
	var lost []string
	for node := range suspects {
		if before[node] {
			lost = append(lost, node)
			delete(suspects, node)
		}
	}
	if len(suspects) > 0 {
		r.suspects = suspects
	}
	slices.Sort(lost)
	h.vacancies.noteAll()
	return r.end(ctx, lost)
}

// end hands over that the sessions of lost nodes have ended, and that users have left whom nobody knows to be here.
func (r *reconciler) end(ctx context.Context, lost []string) error {
	h := r.hub
	idle := time.Now().Add(-max(h.o.Grace, 0) - 2*h.o.Lease) // whoever left since then the registry tells of
	all, err := h.store.Lost(ctx, lost, idle)
	if err != nil {
		return err
	}
	if all, err = h.withoutOnline(ctx, all); err != nil || len(all) == 0 {
		return err
	}
	h.log.Info("telling of those who were online with nodes that are gone, and are not any more", "nodes", lost, "changes", len(all))
	h.handover.takeOver(all)
	h.spread(ctx, all)
	defer h.handover.giveBack(len(all))
	return h.handover.flush(ctx)
}

// withoutOnline leaves out that users go offline who are online.
func (h *Hub) withoutOnline(ctx context.Context, all []Transition) ([]Transition, error) {
	var users []string
	for _, t := range all {
		if t.Kind == UserOffline {
			users = append(users, t.User)
		}
	}
	online := map[string]bool{}
	for some := range slices.Chunk(users, maxPage) {
		now, err := h.driver.Presences(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, p := range now {
			online[p.User] = p.Online
		}
	}
	return slices.DeleteFunc(all, func(t Transition) bool { return t.Kind == UserOffline && online[t.User] }), nil
}
