package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

const (
	// leaseBeyond is how much longer than one attempt nobody else gets an item.
	leaseBeyond = 5 * time.Second
	// patience is how long a claimed item may wait for a worker. What is left of leaseBeyond is for the settlement.
	patience = 3 * time.Second

	shortestPause = time.Millisecond
	longestPause  = time.Second
	// settleAtOnce is the most that one transaction of the outbox settles.
	settleAtOnce = 256
)

// lane delivers to one target. One goroutine claims, Concurrency workers make attempts, and one goroutine settles what came of
// them, many at a time: while it waits for the outbox the next ones come together.
type lane struct {
	// Immutable after newLane.
	*target
	outbox    hubbub.Outbox
	now       func() time.Time
	logger    *slog.Logger
	observe   func(target, outcome string, took time.Duration)
	transport *http.Transport

	// Safe for concurrent use.
	work   chan job               // Concurrency items that wait for a worker; a full one stops the claiming
	done   chan hubbub.Settlement // as many; a full one stops the workers
	fresh  chan struct{}          // holds one signal: there will be something to claim
	again  chan struct{}          // holds one signal: there may be something to claim now
	health health
}

// job is a claimed item.
type job struct {
	item  hubbub.OutboxItem
	until time.Time // when an attempt must have begun
	probe bool      // the target is down, and this one shows whether it still is
}

func newLane(s *Sender, t *target) *lane {
	return &lane{
		target: t, outbox: s.o.Outbox, now: s.o.Now, logger: s.o.Logger.With("target", t.Name), observe: s.o.Observe,
		transport: newTransport(t, s.resolver),
		work:      make(chan job, t.Concurrency), done: make(chan hubbub.Settlement, t.Concurrency),
		fresh: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
}

// signal puts one into a channel, if it does not hold one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run delivers until stop ends; attempts that are under way then go on until attempts ends, and what became of them is said until
// store ends. It returns when all goroutines have.
func (l *lane) run(stop, attempts, store context.Context) {
	defer l.transport.CloseIdleConnections()
	var workers, settler sync.WaitGroup
	settler.Go(func() { l.settle(store) })
	for range l.Concurrency {
		workers.Go(func() { l.try(stop, attempts) })
	}
	l.claim(stop, store)
	close(l.work)
	workers.Wait()
	close(l.done)
	settler.Wait()
}

// claim hands items to the workers until stop ends.
func (l *lane) claim(stop, store context.Context) {
	var trouble trouble
	p := pause{length: shortestPause}
	for stop.Err() == nil {
		most, probe := l.health.allow(l.now(), l.Concurrency, l.Timeout)
		var items []hubbub.OutboxItem
		if most > 0 {
			var err error
			until := time.Now().Add(patience)
			items, err = l.outbox.Claim(store, l.Name, most, l.Timeout+leaseBeyond)
			trouble.tell(l.logger, "webhooks cannot be taken from the outbox", err)
			l.handOver(stop, items, until, probe)
		}
		if probe && len(items) == 0 {
			l.health.wake()
		}
		if len(items) > 0 {
			p.length = shortestPause
		}
		if len(items) < most || most == 0 {
			p.wait(stop, l)
		}
	}
}

func (l *lane) handOver(stop context.Context, items []hubbub.OutboxItem, until time.Time, probe bool) {
	for _, item := range items {
		select {
		case l.work <- job{item, until, probe}:
		case <-stop.Done():
			l.done <- l.giveBack(&item)
		}
	}
}

// pause is how long the outbox is left alone when there was nothing in it.
type pause struct{ length time.Duration }

// wait waits until there may be something to claim. Where something was just put into the outbox, its transaction may still be
// running: then the pauses begin anew, from the shortest.
func (p *pause) wait(stop context.Context, l *lane) {
	timer := time.NewTimer(p.length)
	defer timer.Stop()
	for {
		select {
		case <-stop.Done():
			return
		case <-timer.C:
			p.length = min(2*p.length, longestPause)
			return
		case <-l.again:
			p.length = shortestPause
			return
		case <-l.fresh:
			if p.length > shortestPause {
				p.length = shortestPause
				timer.Reset(p.length)
			}
		}
	}
}

// try makes attempts until there is nothing to do any more. After the end of stop it begins none.
func (l *lane) try(stop, attempts context.Context) {
	for j := range l.work {
		if stop.Err() != nil || time.Now().After(j.until) || !j.probe && l.health.rests(l.now()) {
			l.done <- l.giveBack(&j.item)
			continue
		}
		l.done <- l.deliver(attempts, &j.item)
	}
}

// giveBack is the settlement of an item with which nothing was tried.
func (l *lane) giveBack(item *hubbub.OutboxItem) hubbub.Settlement {
	return hubbub.Settlement{Target: l.Name, ID: item.ID, Outcome: hubbub.OutcomeRetry, Retry: l.now(), Error: item.Error}
}

// deliver makes an attempt and says what became of it.
func (l *lane) deliver(ctx context.Context, item *hubbub.OutboxItem) hubbub.Settlement {
	began := time.Now()
	got := l.attempt(ctx, item)
	took := time.Since(began)
	if got.delivered {
		l.health.worked(l.logger)
		l.observe(l.Name, Delivered, took)
		return hubbub.Settlement{Target: l.Name, ID: item.ID, Outcome: hubbub.OutcomeDelivered}
	}
	if ctx.Err() != nil {
		return l.giveBack(item)
	}
	now := l.now()
	l.health.failed(l.logger, now, got)
	if age := now.Sub(item.Time); age >= l.RetryFor {
		l.observe(l.Name, Dead, took)
		l.logger.Error("a webhook is given up; it can be replayed for 30 days", "id", item.ID, "attempts", item.Attempts+1, "error", got.why)
		return hubbub.Settlement{Target: l.Name, ID: item.ID, Outcome: hubbub.OutcomeDead, Error: got.why}
	}
	l.observe(l.Name, Failed, took)
	retry := now.Add(max(backoff(item.Attempts), got.retryAfter))
	return hubbub.Settlement{Target: l.Name, ID: item.ID, Outcome: hubbub.OutcomeRetry, Retry: retry, Error: got.why}
}

// settle says what became of items until there are none any more.
func (l *lane) settle(store context.Context) {
	var trouble trouble
	for first := range l.done {
		batch := append(make([]hubbub.Settlement, 0, settleAtOnce), first)
		for more := true; more && len(batch) < settleAtOnce; {
			select {
			case s, ok := <-l.done:
				if more = ok; ok {
					batch = append(batch, s)
				}
			default:
				more = false
			}
		}
		l.settleBatch(store, &trouble, batch)
		signal(l.again)
	}
}

// settleBatch tries until the outbox has taken the batch. What it does not take before the end of store is delivered again when its lease ends.
func (l *lane) settleBatch(store context.Context, t *trouble, batch []hubbub.Settlement) {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := l.outbox.Settle(store, batch)
		t.tell(l.logger, "what became of webhooks cannot be said to the outbox; they may be delivered once more", err)
		if err == nil {
			return
		}
		select {
		case <-store.Done():
			return
		case <-time.After(pause):
		}
	}
}

// trouble logs the first of several errors in a row.
type trouble struct{ there bool }

func (t *trouble) tell(logger *slog.Logger, what string, err error) {
	if err != nil && !t.there {
		logger.Error(what, "err", err)
	}
	t.there = err != nil
}
