package hubbub

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// restoreWorkers is how many sessions of a node are restored at once.
	restoreWorkers = 32
	// restoreSpread is how long a node waits at most before it begins: all nodes hear at the same time that the server is back.
	restoreSpread = 500 * time.Millisecond
	// restoreAsks is the part of a lease for which the store is asked before sessions are restored.
	restoreAsks = 4
	// comebacks is how many clients per second come back to where they were, if all must connect again.
	comebacks = 1000
)

// doubt is what the node does when its driver may have lost what it knew of the node's sessions, see [Renewal].
type doubt struct {
	wake   chan struct{} // buffered; the driver is in doubt
	active atomic.Bool   // there is doubt, or was a moment ago

	mu     sync.Mutex
	failed error // why the sessions could not be restored the last time
}

// comeback is the window in which n clients come back.
func comeback(n int) Retry {
	return Retry{Max: min(max(time.Second, time.Duration(n)*time.Second/comebacks), time.Minute)}
}

// keepRestored restores the node's sessions whenever the driver is in doubt, until the hub is closed. Nothing waits for it, least of all
// the renewing of the lease.
func (h *Hub) keepRestored() {
	later := time.NewTimer(h.o.Lease) // for what others were still about to tell the store when the node has asked it
	defer later.Stop()
	away := false // the store did not answer the last time
	for {
		select {
		case <-h.context.Done():
			return
		case <-later.C:
			was := away
			if away = !h.lookForEnds(); away {
				later.Reset(h.o.Lease)
			} else if was { // others could not tell it either
				later.Reset(h.o.Lease + h.o.Lease/3)
			}
			continue
		case <-h.doubt.wake:
		}
		if !h.sleep(rand.N(restoreSpread)) {
			return
		}
		for pause := firstPause; ; {
			err := h.restore(h.context)
			h.doubt.mu.Lock()
			h.doubt.failed = err
			h.doubt.mu.Unlock()
			if err == nil {
				break
			}
			h.complain("restore the sessions of this node", err)
			if !h.rest(&pause) {
				return
			}
		}
		later.Reset(h.o.Lease + h.o.Lease/3)
	}
}

// restore tells the driver again what it must know of this node: what was revoked, and the sessions with their rooms. What it knows of
// sessions that are not here any more is ended. It does not wait long for the store: until sessions are restored their users may be taken for
// offline. What was revoked, or had ended, is ended when the store answers.
func (h *Hub) restore(ctx context.Context) error {
	asked, stop := context.WithTimeout(ctx, h.o.Lease/restoreAsks)
	missing := h.askStore(asked)
	stop()
	ended, err := h.shared.Remind(ctx)
	if err != nil {
		return fmt.Errorf("tell the driver again which sessions were ended: %w", err)
	}
	h.announce(ctx, ended)
	sessions := h.open()
	window := comeback(len(sessions))
	err = atOnce(ctx, sessions, restoreWorkers, func(ctx context.Context, s *Session) error { return s.restore(ctx, window) })
	if err != nil {
		return err
	}
	h.settleDebts()
	if err := h.endStrays(ctx); err != nil {
		return fmt.Errorf("end sessions that are not here any more: %w", err)
	}
	if missing != nil {
		return missing // all of it again, with what the store says
	}
	h.shared.Restored(h.node)
	select {
	case <-h.doubt.wake: // this doubt is settled. If there is another one, the next renewal says so
	default:
	}
	h.doubt.active.Store(false)
	if h.reconcile != nil {
		h.reconcile.again()
	}
	h.log.Info("hub: the sessions of this node are registered again", "sessions", len(sessions))
	return nil
}

// askStore has the driver know what was revoked, and ends the sessions that have ended by what the store knows.
func (h *Hub) askStore(ctx context.Context) error {
	if err := h.loadRevocations(ctx); err != nil {
		return fmt.Errorf("load what was revoked: %w", err)
	}
	if err := h.endKnown(ctx, h.open()); err != nil {
		return fmt.Errorf("look which sessions have ended: %w", err)
	}
	return nil
}

// open returns the sessions that are open.
func (h *Hub) open() []*Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.sessions))
}

// atOnce does something with each of all, with so many at once, until it fails for one. It returns when nothing of it runs any more.
func atOnce[T any](ctx context.Context, all []T, workers int, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(workers, len(all)) {
		running.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				if err := do(ctx, all[i]); err != nil {
					cancel(err)
				}
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// restore makes sure that the driver knows the session and which rooms it is in, and which it has left. It is ended if it was ended
// elsewhere meanwhile; then its client comes back within the window, if it may.
func (s *Session) restore(ctx context.Context, window Retry) error {
	s.ops.Lock()
	defer s.ops.Unlock()
	if s.person == nil || s.stay() != nil || s.ended() {
		return nil // it is wound up, by who then restores it before its end, if that must be
	}
	before, known, err := s.reinstate(ctx, window)
	if err != nil || !known {
		return err
	}
	for _, name := range before {
		if s.room(name) != nil {
			continue
		}
		if err := s.hub.unseat(ctx, name, s); err != nil {
			return fmt.Errorf("leave the room %q again: %w", name, err)
		}
	}
	s.mu.Lock()
	rooms := slices.Clone(s.rooms)
	s.mu.Unlock()
	for _, m := range rooms {
		if err := m.room.reenter(ctx, s); err != nil {
			if AsError(err).Reason == NotFound {
				return nil // it was ended a moment ago
			}
			return fmt.Errorf("enter the room %q again: %w", m.room.name, err)
		}
	}
	return nil
}

// reinstate makes sure that the driver knows the session, without its rooms. It returns those that the driver has it in, and false if the
// session was ended. The caller holds ops.
func (s *Session) reinstate(ctx context.Context, window Retry) (rooms []string, known bool, err error) {
	h := s.hub
	restored, err := h.shared.Restore(ctx, s.record(s.Identity()), s.was(), h.o.Devices)
	if err != nil {
		return nil, false, fmt.Errorf("restore a session: %w", err)
	}
	h.replace(ctx, s, restored.Replaced)
	h.announce(ctx, restored.Transitions)
	if restored.Ended != "" {
		s.end(restored.Ended, nil, window)
		return nil, false, nil
	}
	if restored.Came != "" {
		s.came = restored.Came
	}
	return restored.Rooms, true, nil
}

// revive restores the session after an error that says the driver does not know it, and tells whether to try again what has failed.
// Otherwise it returns the error to tell: Unavailable unless the session is gone, since its client may come back and try again. A registry
// that was emptied is known to be so only when the lease is renewed. The caller holds ops.
func (s *Session) revive(ctx context.Context, err error) (again bool, _ error) {
	h := s.hub
	if err == nil || AsError(err).Reason != NotFound {
		return false, err
	}
	if h.shared != nil && !s.ended() {
		if failed := h.endKnown(ctx, []*Session{s}); failed != nil {
			h.complain("look whether a session has ended", failed)
			return false, failed
		}
	}
	if h.shared != nil && !s.ended() {
		_, known, failed := s.reinstate(ctx, comeback(h.Len()))
		if failed != nil {
			h.complain("restore a session", failed)
			return false, failed
		}
		if known {
			return true, nil
		}
	}
	if err := s.stay(); err != nil {
		return false, err
	}
	return false, Errorf(Unavailable, "this session is about to be closed; try again when you are connected again, if you may come back")
}

// reenter tells the driver that a session is in the room. Nobody is told: those in the room know that the user is there, since nobody has
// said that the user has left. While sessions are restored the driver may count too few, and what the node has heard before is
// nearer to the truth.
func (r *room) reenter(ctx context.Context, s *Session) error {
	first, count, err := r.hub.driver.Enter(ctx, r.name, s.user, s.id)
	if err != nil {
		return err
	}
	if first && count == 1 {
		r.hub.vacancies.note(r.name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count = max(r.count, count)
	return nil
}

// endStrays ends what the driver knows of sessions of this node that are not here.
func (h *Hub) endStrays(ctx context.Context) error {
	for after := ""; ; {
		some, next, err := h.shared.SessionsOn(ctx, h.node, after)
		if err != nil {
			return err
		}
		for _, s := range h.strays(some) {
			transitions, err := h.driver.End(ctx, Target{User: s.User, Session: s.ID}, EndClosed)
			if err != nil {
				return err
			}
			h.announce(ctx, transitions)
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// strays returns those of the sessions that are not here.
func (h *Hub) strays(some []SessionRecord) []SessionRecord {
	here := map[string]bool{}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.sessions {
		here[s.id] = true
	}
	return slices.DeleteFunc(slices.Clone(some), func(s SessionRecord) bool { return here[s.ID] })
}

// sleep waits, and tells false if the hub is closed.
func (h *Hub) sleep(d time.Duration) bool {
	select {
	case <-h.context.Done():
		return false
	case <-time.After(d):
		return true
	}
}
