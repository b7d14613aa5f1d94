package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
)

const (
	// leaseBeyond is how much longer than one attempt nobody else gets an item: as long as the outbox may take to say that it is claimed, the
	// item waits for a worker, and the outbox takes to be told what became of it.
	leaseBeyond = 5 * time.Second
	patience    = 2 * time.Second // of these for a worker
	// quick is how long the attempts of a target take of which items are claimed before there is a worker for them.
	quick = 100 * time.Millisecond

	// ahead is how many items are claimed then, for each worker. The outbox has a commit to make before it knows what became of some, and the
	// workers would wait for it; with 2 they did nothing for a third of the time.
	ahead = 4

	shortestPause = time.Millisecond
	longestPause  = time.Second
	longestSpare  = 50 * time.Millisecond
	// settleAtOnce is the most that one transaction of the outbox settles, so that other writers do not wait long.
	settleAtOnce = 256
)

// lane delivers to one target. One goroutine claims items, Concurrency workers make attempts, and one goroutine settles what became of them.
// Claims and settlements have many items at a time: while the outbox is busy with some, the next ones come together.
type lane struct {
	// Immutable after newLane.
	*target
	outbox    hubbub.Outbox
	now       func() time.Time
	logger    *slog.Logger
	observe   func(target, outcome string, took time.Duration)
	transport *http.Transport

	// Safe for concurrent use.
	claimed atomic.Int32           // items with which the workers are not done
	quick   atomic.Bool            // the last attempt was
	work    chan job               // ahead times Concurrency, which is never full; see room
	done    chan hubbub.Settlement // as many; a full one stops the workers, and so the claiming
	fresh   chan struct{}          // holds one signal: there will be something to claim
	again   chan struct{}          // holds one signal: there may be something to claim now
	idle    chan struct{}          // holds one signal: a worker is done with an item
	health  health
	flight  flight
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
		work:      make(chan job, ahead*t.Concurrency), done: make(chan hubbub.Settlement, ahead*t.Concurrency),
		fresh: make(chan struct{}, 1), again: make(chan struct{}, 1), idle: make(chan struct{}, 1),
	}
}

// signal puts one into a channel, if it does not hold one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run delivers until stop ends; attempts that are under way then go on until cut ends, and what became of them is said until gone
// ends. It returns when all goroutines have.
func (l *lane) run(stop, cut, gone context.Context) {
	defer l.transport.CloseIdleConnections()
	var workers, settler sync.WaitGroup
	settler.Go(func() { l.settle(gone) })
	for range l.Concurrency {
		workers.Go(func() { l.deliver(stop, cut) })
	}
	l.claim(stop, gone)
	close(l.work)
	workers.Wait()
	close(l.done)
	settler.Wait()
}

// room tells how many items may be claimed: as many as there are workers without one, or more while they are done quickly, so that they do not
// wait for the outbox. Then it tells 0 while there would be few, since a claim costs the outbox as much as all that is claimed already.
func (l *lane) room() int {
	claimed := int(l.claimed.Load())
	if !l.quick.Load() {
		return l.Concurrency - claimed
	}
	if room := ahead*l.Concurrency - claimed; room >= l.Concurrency {
		return room
	}
	return 0
}

// claim hands items to the workers, until stop ends.
func (l *lane) claim(stop, gone context.Context) {
	var trouble trouble
	p := pause{length: shortestPause}
	for stop.Err() == nil {
		room := l.room()
		if room <= 0 {
			p.wait(stop, l, l.idle)
			continue
		}
		most, probe := l.health.allow(l.now(), room, l.Timeout)
		var items []hubbub.OutboxItem
		var took time.Duration
		if most > 0 {
			began := time.Now()
			var err error
			items, err = l.outbox.Claim(gone, l.Name, most, l.Timeout+leaseBeyond)
			trouble.tell(l.logger, "webhooks cannot be taken from the outbox", err)
			took = time.Since(began)
		}
		items = l.flight.begin(items)
		l.handOver(items, probe)
		if len(items) > 0 {
			p.length = shortestPause
		}
		if len(items) < l.Concurrency {
			spare(stop, min(took, longestSpare))
		}
		if probe || len(items) < room {
			p.wait(stop, l, nil)
		}
	}
}

// spare leaves the outbox alone for as long as it took to give few items, so that a busy one spends no more than half of its time on claims,
// and gives more with the next.
func spare(stop context.Context, took time.Duration) {
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stop.Done():
	}
}

func (l *lane) handOver(items []hubbub.OutboxItem, probe bool) {
	if probe && len(items) == 0 {
		l.health.wake()
	}
	l.claimed.Add(int32(len(items)))
	until := time.Now().Add(patience)
	for _, item := range items {
		l.work <- job{item, until, probe}
	}
}

// pause is how long the outbox is left alone when there was nothing in it.
type pause struct{ length time.Duration }

// wait waits until there may be something to claim, or idle has a signal. Where something was just put into the outbox, its transaction may
// still be running: then the pauses begin anew, from the shortest.
func (p *pause) wait(stop context.Context, l *lane, idle <-chan struct{}) {
	timer := time.NewTimer(p.length)
	defer timer.Stop()
	for {
		select {
		case <-stop.Done():
			return
		case <-timer.C:
			p.length = min(2*p.length, longestPause)
			return
		case <-idle:
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

// deliver makes attempts until there is nothing to do any more. After the end of stop it begins none.
func (l *lane) deliver(stop, cut context.Context) {
	for j := range l.work {
		if stop.Err() != nil || time.Now().After(j.until) || !j.probe && l.health.rests(l.now()) {
			l.done <- l.giveBack(&j.item)
		} else {
			l.done <- l.deliverOne(cut, &j.item)
		}
		l.claimed.Add(-1)
		signal(l.idle)
	}
}

// giveBack is the settlement of an item with which nothing was tried, or not to its end.
func (l *lane) giveBack(item *hubbub.OutboxItem) hubbub.Settlement {
	return hubbub.Settlement{Target: l.Name, ID: item.ID, Outcome: hubbub.OutcomeRetry, Retry: l.now(), Error: item.Error}
}

// deliverOne makes an attempt and says what became of it.
func (l *lane) deliverOne(ctx context.Context, item *hubbub.OutboxItem) hubbub.Settlement {
	began := time.Now()
	got := l.attempt(ctx, item)
	took := time.Since(began)
	l.quick.Store(took < quick)
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
	retry := now.Add(max(l.health.wait(backoff(item.Attempts)), got.retryAfter))
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
	defer l.flight.end(batch)
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
		logger.Error(what, "error", err)
	}
	t.there = err != nil
}
