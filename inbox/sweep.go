package inbox

import (
	"context"
	"time"

	"github.com/hubbub-dev/hubbub"
)

const (
	sweepEvery = 500 * time.Millisecond
	sweepDue   = 256 // publications that one round delivers a step of
	sweepOff   = 200 // notices that one round removes
)

// Start begins to publish what is scheduled and to remove what expires, at most a second late, until [Inbox.Close]. It is
// called at most once, and not after Close.
func (in *Inbox) Start() {
	ctx, stop := context.WithCancel(context.Background())
	swept := make(chan struct{})
	in.sweeper.mu.Lock()
	in.sweeper.stop, in.sweeper.ended = stop, swept
	in.sweeper.mu.Unlock()
	go func() {
		defer close(swept)
		in.sweepOn(ctx)
	}()
}

// Close ends what Start began and waits for it, or until ctx ends, whose error it returns then. The other methods still work.
// Without Start it does nothing.
func (in *Inbox) Close(ctx context.Context) error {
	in.sweeper.mu.Lock()
	stop, ended := in.sweeper.stop, in.sweeper.ended
	in.sweeper.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sweepOn sweeps until ctx ends.
func (in *Inbox) sweepOn(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		err := in.sweep(ctx)
		if ctx.Err() != nil {
			return
		}
		in.sweeping.note(err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep works in rounds of small steps until nothing is left, so that many notices that expire at once do not hold up what is to be
// published, nor a publication for many the others. It returns an error of the last round that had one.
func (in *Inbox) sweep(ctx context.Context) (err error) {
	for more := true; more && ctx.Err() == nil; {
		delivered, failed := in.sweepIn(ctx)
		removed, alsoFailed := in.sweepOut(ctx)
		more = delivered || removed
		for _, e := range []error{failed, alsoFailed} {
			if e != nil {
				err = e
			}
		}
	}
	return err
}

// sweepIn takes a step of each publication that is due, and tells whether there is more to do at once. One that fails does not
// keep the others back; it is tried again at the next sweep.
func (in *Inbox) sweepIn(ctx context.Context) (more bool, err error) {
	due, err := in.o.Store.Due(ctx, sweepDue)
	if err != nil {
		return false, err
	}
	done := 0
	for _, id := range due {
		if _, busy := in.delivering.Load(id); busy {
			continue
		}
		step, failed := in.step(ctx, true, func() (hubbub.Step, error) { return in.o.Store.Deliver(ctx, id) })
		if failed != nil {
			err = failed
			continue
		}
		more = more || step.More
		done++
	}
	return more || done == sweepDue, err
}

// sweepOut removes some of what has expired, and tells whether there is more to do at once.
func (in *Inbox) sweepOut(ctx context.Context) (more bool, err error) {
	in.announcing.Lock()
	defer in.announcing.Unlock()
	r, err := in.o.Store.Expire(ctx, sweepOff)
	if err != nil {
		return false, err
	}
	in.tellRemoved(ctx, r, "")
	return r.More, nil
}
