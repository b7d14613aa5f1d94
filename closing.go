package hubbub

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Drain tells all sessions to come back within the window, and then closes them in stages spread over half of it, until
// ctx ends; what is left then is closed at once. Without a window all are closed at once, and told to come back within
// a second. No session can be opened any more.
func (h *Hub) Drain(ctx context.Context, window Retry) {
	pace := max(window.Max/2, 0)
	if window == (Retry{}) {
		window.Max = time.Second
	}
	h.all.Receive(Draining{window})
	left := h.shut()

	const stages = 20
	pause := time.NewTicker(max(pace/stages, time.Millisecond))
	defer pause.Stop()
	for stage := range stages {
		for _, s := range left[len(left)*stage/stages : len(left)*(stage+1)/stages] {
			s.end(EndDraining, nil, window)
		}
		if stage == stages-1 || len(left) == 0 {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
}

// shut has no session opened any more, and returns those that are open.
func (h *Hub) shut() []*Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closing = true
	return slices.Collect(maps.Keys(h.sessions))
}

// Close ends the hub: sessions that are left, also those that are being opened, and its lease. It waits until the driver, the store and
// Options.OnTransition were told of every end, or until ctx ends; then the error is that of ctx, and the lease runs out by itself. If
// they do not take it at the third try, that is the error; what a store was not told it tells the next hub that uses it.
func (h *Hub) Close(ctx context.Context) error {
	for _, s := range h.shut() {
		s.end(EndDraining, nil, Retry{})
		s.Closed()
	}
	h.all.unsubscribe()
	h.handover.close()
	defer h.handover.stop()
	err := await(ctx, &h.leaving)
	failed := h.handover.flush(ctx)
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.stop()
	if err := cmp.Or(err, await(ctx, &h.wg)); err != nil {
		return fmt.Errorf("end the hub: %w", err)
	}
	transitions, err := h.driver.Release(ctx, h.node)
	if err != nil {
		return fmt.Errorf("give the node's lease back: %w", err)
	}
	h.announce(ctx, transitions)
	failed = cmp.Or(failed, h.handover.flush(ctx))
	if h.vacancies != nil && failed == nil {
		if err := h.vacancies.look(ctx); err != nil { // otherwise the next hub tells it
			h.complain("tell which rooms are vacated", err)
		}
	}
	h.handover.stop()
	ended := await(ctx, &h.handing)
	if err := cmp.Or(failed, ended); err != nil {
		return fmt.Errorf("hand over who came and went: %w", err)
	}
	return nil
}

// begin runs f on a goroutine that Close waits for. After that nothing is begun: a subscription that has ended may still be in
// the middle of a call.
func (h *Hub) begin(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.wg.Go(f)
	}
}

// await waits for a group, or until ctx ends.
func await(ctx context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
