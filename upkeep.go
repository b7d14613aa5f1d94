package hubbub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// trimStep is how many messages the log may drop in one step, so that no sender waits long for it.
const trimStep = 250

// owed is an end of sessions that the driver could not be told.
type owed struct {
	target  Target
	why     EndReason
	session *Session // that ends; nil if it is not one of this node
}

// keepLease renews the node's lease until the hub is closed. It waits for nothing else: a store that hangs must not make a dead
// node of this one.
func (h *Hub) keepLease() {
	tick := time.NewTicker(h.o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-h.context.Done():
			return
		case <-tick.C:
			h.renew()
		}
	}
}

// keepOrder reaps, and repeats what the driver did not take, until the hub is closed.
func (h *Hub) keepOrder() {
	tick := time.NewTicker(h.o.Lease / 3)
	defer tick.Stop()
	// Who is gone with a lost node is told soon after the lease has run out. Looking costs nothing while nothing is due.
	look := time.NewTicker(h.o.Lease / 10)
	defer look.Stop()
	// While somebody's grace may run out, looking often keeps "offline" in time. Of 15,000 who are gone with a node most of the time is theirs that
	// is left then.
	step := min(max(h.o.Grace/50, 50*time.Millisecond), 250*time.Millisecond)
	grace := time.NewTimer(time.Hour)
	defer grace.Stop()
	var until time.Time // when the last grace that this node has caused is over
	for {
		select {
		case <-h.context.Done():
			return
		case <-h.ending:
			until = time.Now().Add(max(h.o.Grace, 0) + step)
			grace.Reset(step)
		case <-grace.C:
			h.reap()
			if time.Now().Before(until.Add(step)) {
				grace.Reset(step)
			}
		case <-tick.C:
			h.settleDebts()
			h.sayAgain(h.context)
		case <-look.C:
			h.reap()
		}
	}
}

// keepTrim drops old messages until the hub is closed.
func (h *Hub) keepTrim() {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-h.context.Done():
			return
		case <-tick.C:
			h.trim(h.driver)
			if h.store != nil {
				h.trim(h.store)
			}
		}
	}
}

// Healthy tells whether the driver answers: nil, or why the node's lease could not be renewed the last time, or why the driver could not be
// told again which sessions the node has.
func (h *Hub) Healthy() error {
	h.mu.Lock()
	renewal := h.renewal
	h.mu.Unlock()
	if renewal != nil {
		return fmt.Errorf("renew the node's lease: %w", renewal)
	}
	h.doubt.mu.Lock()
	defer h.doubt.mu.Unlock()
	if h.doubt.failed != nil {
		return fmt.Errorf("restore the sessions of the node: %w", h.doubt.failed)
	}
	return nil
}

// renew keeps the lease, and ends the sessions that were to be ended without our noticing.
func (h *Hub) renew() {
	renewal, err := h.driver.Renew(h.context, h.status())
	h.mu.Lock()
	h.renewal = err
	h.mu.Unlock()
	if h.shared != nil {
		h.shared.away.Store(err != nil)
	}
	if err != nil {
		h.complain("renew the node's lease", err)
		return
	}
	ended := h.those(renewal.Ended)
	window := comeback(len(ended))
	for s, why := range ended {
		s.end(why, nil, window)
	}
	if renewal.Doubt && h.shared != nil {
		h.inDoubt()
	}
}

// inDoubt has the node's sessions restored.
func (h *Hub) inDoubt() {
	h.doubt.active.Store(true)
	signal(h.doubt.wake)
}

// settleDebts tells the driver again what it did not take, until it does not take something again: many waits for a driver that is away
// would be long.
func (h *Hub) settleDebts() {
	h.mu.Lock()
	debts := h.owed
	h.owed = nil
	h.mu.Unlock()
	for i, d := range debts {
		if h.settle(d) {
			continue
		}
		h.mu.Lock()
		h.owed = append(debts[i+1:], h.owed...) // what has failed is the last now
		h.mu.Unlock()
		return
	}
}

// those returns the sessions of this node that are among the ids.
func (h *Hub) those(ids map[string]EndReason) map[*Session]EndReason {
	if len(ids) == 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	found := map[*Session]EndReason{}
	for s := range h.sessions {
		if why, ok := ids[s.id]; ok {
			found[s] = why
		}
	}
	return found
}

// settle tells the driver that sessions have ended, and the others what has changed by it. If the driver is away it is owed, and settle
// tells false.
func (h *Hub) settle(d owed) bool {
	transitions, err := h.driver.End(h.context, d.target, d.why)
	if err == nil && len(transitions) == 0 && d.session != nil && h.shared != nil && !d.why.decided() {
		transitions, err = h.endUnknown(d)
	}
	if err != nil {
		h.complain("end a session", err)
		h.owe(d)
		return false
	}
	h.announce(h.context, transitions)
	return true
}

// owe has the driver be told of an end with the next tick.
func (h *Hub) owe(d owed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.owed = append(h.owed, d)
}

// decided tells whether it is the registry that ends sessions for this reason.
func (r EndReason) decided() bool {
	return r == EndReplaced || r == EndLoggedOut || r == EndRevoked || r == EndNodeLost
}

// endUnknown ends a session that the registry does not know, since it was emptied: that the session has come is known outside, and so must be
// that it has ended. If it was ended already, since only the answer was lost, the registry knows it until that is told, and then the store does.
func (h *Hub) endUnknown(d owed) ([]Transition, error) {
	s := d.session
	if h.store != nil {
		if ended, err := h.store.Endings(h.context, []string{s.id}); err == nil && ended[s.id] != "" {
			return nil, nil
		}
	}
	restored, err := h.shared.Restore(h.context, s.record(s.Identity()), s.was(), DeviceLimit{})
	if err != nil || restored.Ended != "" {
		return restored.Transitions, err
	}
	h.announce(h.context, restored.Transitions)
	return h.driver.End(h.context, d.target, d.why)
}

func (h *Hub) reap() {
	transitions, err := h.handover.reap(func() ([]Transition, error) { return h.driver.Reap(h.context) })
	if err != nil {
		h.complain("look for dead nodes and users who have left", err)
		return
	}
	h.spread(h.context, transitions)
}

func (h *Hub) trim(log Log) {
	for more := true; more; {
		var err error
		if more, err = log.Trim(h.context, trimStep); err != nil {
			h.complain("drop old messages", err)
			return
		}
	}
}

// complaints are when something was complained of last.
type complaints struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// complain logs what failed behind the hub, but not that the hub is closed. Of the same thing it does so once per second: when a server is
// away, it fails for each session.
func (h *Hub) complain(what string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	c := &h.complaints
	c.mu.Lock()
	now := time.Now()
	again := now.Sub(c.last[what]) < time.Second
	if c.last == nil {
		c.last = map[string]time.Time{}
	}
	if !again {
		c.last[what] = now
	}
	c.mu.Unlock()
	if !again {
		h.log.Error("hub: "+what+" failed; it is tried again", "error", err)
	}
}

// announce tells all who must know what the registry has decided, and has it handed over, unless the driver has done so already.
func (h *Hub) announce(ctx context.Context, transitions []Transition) {
	if !h.ordered {
		h.handover.add(transitions)
	}
	h.spread(ctx, transitions)
}

// spread tells those who are online what the registry has decided.
func (h *Hub) spread(ctx context.Context, transitions []Transition) {
	changed := map[string]struct{}{}
	var all []Tiding
	for _, t := range transitions {
		changed[t.User] = struct{}{}
		if t.Kind == SessionDisconnected {
			h.ended()
		}
		for _, left := range t.Left {
			if r, ok := h.rooms.get(left.Room); ok {
				r.setSize(left.Count) // a room where nobody is told of it has a size, too
			}
			if left.Count == 0 {
				h.vacancies.note(left.Room)
			}
			if h.tellsPresence(left.Room, left.Count) {
				all = append(all, Tiding{Topic{TopicRoom, left.Room}, left})
			}
		}
	}
	h.tellAll(ctx, append(all, presenceTidings(changed)...))
}

// ended wakes keepOrder, which then looks for graces that are over.
func (h *Hub) ended() { signal(h.ending) }

// signal puts one into a channel that holds one, if it does not hold it already.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tellPresence tells a room who came or went, if it wants to know.
func (h *Hub) tellPresence(ctx context.Context, room string, count int, e Event) {
	if !h.tellsPresence(room, count) {
		return
	}
	if err := h.driver.Publish(ctx, Topic{TopicRoom, room}, e); err != nil {
		h.complain("tell a room who came or went", err)
	}
}

// tellsPresence tells whether a room with so many people wants to know who comes and goes.
func (h *Hub) tellsPresence(room string, count int) bool {
	rule, err := h.rule(room)
	return err == nil && !rule.Quiet && !rule.HidePresence && count <= h.o.Limits.SmallRoom
}
