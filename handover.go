package hubbub

import (
	"context"
	"sync"
)

const (
	// maxHandover is how many transitions may wait to be handed over. What is decided beyond that is left to Reap, which returns it
	// again and again.
	maxHandover = 1 << 16
	// handoverStep is how many are handed over in one transaction at most, so that no other writer waits long.
	handoverStep = 500
	// lastTries is how often a hub that is being closed tries to hand something over before it gives up.
	lastTries = 3
)

// handover gives what the registry has decided to the store and to Options.OnTransition, in the order of the decisions, and confirms it.
// One goroutine does it, from New until Close has seen it finish, and takes all that waits at once: so the decisions of many who come
// at the same time cost one transaction.
type handover struct {
	// Immutable after New.
	hub  *Hub
	stop func()
	wake chan struct{} // buffered; something waits

	// Guarded by mu, which is taken while drivers hold locks.
	mu       sync.Mutex
	most     int // that may wait
	waiting  []Transition
	behind   behind              // what was left out
	known    map[string]struct{} // ids of what waits or is being handed over, and of told
	reaping  bool                // the registry is asked for what is not confirmed, which may be what we are about to confirm
	told     []string            // ids of what was handed over meanwhile
	in, out  uint64              // how many have come, and how many were handed over or given up
	progress chan struct{}       // closed when out rises, or failed is set
	closing  bool
	failed   error // why nothing is handed over any more
}

func (q *handover) init(h *Hub) {
	q.hub, q.most = h, maxHandover
	q.wake, q.progress = make(chan struct{}, 1), make(chan struct{})
	q.known = map[string]struct{}{}
}

// add has transitions handed over, but those that are being so already. It does not block.
func (q *handover) add(transitions []Transition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range transitions {
		if _, again := q.known[t.ID]; again || q.failed != nil {
			continue
		}
		if q.behind.waits(&t) || len(q.waiting) >= q.most {
			q.behind.leave(&t)
			continue
		}
		q.behind.back(&t)
		t.Left = nil // is told to rooms, by who has made the decision
		q.known[t.ID] = struct{}{}
		q.waiting = append(q.waiting, t)
		q.in++
	}
	signal(q.wake)
}

// takeOver adds what must be handed over before all else. The registry does not know it, so that all of it must fit.
func (q *handover) takeOver(lost []Transition) {
	q.mu.Lock()
	q.most += len(lost)
	q.mu.Unlock()
	q.add(lost)
}

// giveBack ends the room that takeOver has made for n transitions.
func (q *handover) giveBack(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.most -= n
}

// reap asks the registry, and adds what it returns. What it decides itself it may have told already.
func (q *handover) reap(ask func() ([]Transition, error)) ([]Transition, error) {
	q.mu.Lock()
	q.reaping = true
	q.mu.Unlock()
	transitions, err := ask()
	q.add(transitions)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reaping = false
	q.forget(q.told)
	q.told = nil
	return transitions, err
}

// forget lets ids be added again. The caller holds mu.
func (q *handover) forget(ids []string) {
	for _, id := range ids {
		delete(q.known, id)
	}
}

// take waits for something to hand over. It returns nil when ctx ends.
func (q *handover) take(ctx context.Context) []Transition {
	for {
		q.mu.Lock()
		n := min(len(q.waiting), handoverStep)
		some := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		if len(q.waiting) == 0 {
			q.waiting = nil // so that what was handed over can be collected
		}
		q.mu.Unlock()
		if n > 0 {
			return some
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// run hands over what comes, until ctx ends or the hub gives up.
func (q *handover) run(ctx context.Context) {
	for {
		some := q.take(ctx)
		if some == nil {
			q.fail(errClosed())
			return
		}
		if err := q.insist(ctx, some); err != nil {
			q.fail(err)
			return
		}
	}
}

// insist hands over until all is taken. It returns an error when ctx ends, or the hub is being closed and it has failed too often.
func (q *handover) insist(ctx context.Context, some []Transition) error {
	tries := 0
	for pause := firstPause; ; {
		n, err := q.hub.handOver(ctx, some)
		q.confirm(ctx, some[:n])
		some = some[n:]
		if err == nil {
			return nil
		}
		if n > 0 {
			pause, tries = firstPause, 0
		}
		if q.isClosing() {
			if tries++; tries == lastTries {
				return err
			}
			pause = firstPause
		}
		q.hub.complain("hand over who came and went", err)
		if !rest(ctx, &pause) {
			return err
		}
	}
}

func (q *handover) isClosing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closing
}

// confirm tells the registry that transitions were handed over.
func (q *handover) confirm(ctx context.Context, some []Transition) {
	if len(some) == 0 {
		return
	}
	ids := make([]string, len(some))
	for i, t := range some {
		ids[i] = t.ID
	}
	if _, err := q.hub.driver.Confirm(ctx, ids...); err != nil {
		q.hub.complain("confirm who came and went", err) // the registry tells it again, and the store knows it
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out += uint64(len(some))
	if q.reaping {
		q.told = append(q.told, ids...)
	} else {
		q.forget(ids)
	}
	q.tell()
}

// tell wakes those who wait for progress. The caller holds mu.
func (q *handover) tell() {
	close(q.progress)
	q.progress = make(chan struct{})
}

func (q *handover) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failed, q.waiting, q.known, q.behind = err, nil, nil, behind{}
	q.tell()
}

// flush waits until all is handed over that was added before, or ctx ends.
func (q *handover) flush(ctx context.Context) error {
	q.mu.Lock()
	until := q.in
	q.mu.Unlock()
	for {
		q.mu.Lock()
		done, failed, progress := q.out >= until, q.failed, q.progress
		q.mu.Unlock()
		if done {
			return nil
		}
		if failed != nil {
			return failed
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close has what fails be given up soon.
func (q *handover) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closing = true
}

// handOverAll gives transitions to the store and to Options.OnTransition, and returns how many of them, from the first on, both have taken.
// The store comes first with what begins, and last with what ends. So whatever has been told to have begun is open in the store, and
// is told to have ended even if the process dies between any two steps.
func (h *Hub) handOverAll(ctx context.Context, all []Transition) (taken int, err error) {
	if h.o.OnTransition == nil {
		if err := h.record(ctx, all); err != nil {
			return 0, err
		}
		return len(all), nil
	}
	for len(all) > taken {
		n, err := h.handOverRun(ctx, run(all[taken:]))
		taken += n
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// run returns the transitions at the beginning that all begin something, or all end something.
func run(all []Transition) []Transition {
	for i := range all {
		if all[i].begins() != all[0].begins() {
			return all[:i]
		}
	}
	return all
}

func (t *Transition) begins() bool { return t.Kind == SessionConnected || t.Kind == UserOnline }

// handOverRun hands over transitions that all begin something, or all end something.
func (h *Hub) handOverRun(ctx context.Context, some []Transition) (taken int, err error) {
	begins := some[0].begins()
	if begins {
		if err := h.record(ctx, some); err != nil {
			return 0, err
		}
	}
	for taken < len(some) && err == nil {
		if err = h.o.OnTransition(ctx, some[taken]); err == nil {
			taken++
		}
	}
	if !begins {
		if err := h.record(ctx, some[:taken]); err != nil {
			return 0, err
		}
	}
	return taken, err
}

// record has the store take transitions, and in the same transaction what is reported of them.
func (h *Hub) record(ctx context.Context, some []Transition) error {
	if h.store == nil || len(some) == 0 {
		return nil
	}
	return h.store.Record(ctx, some, h.reported(some))
}

// reported is what is reported of transitions.
func (h *Hub) reported(some []Transition) (items []OutboxItem) {
	if h.o.Report != nil {
		for _, t := range some {
			items = append(items, h.o.Report(t)...)
		}
	}
	return items
}
