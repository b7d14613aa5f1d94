package drivertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// The driver under test must be configured with these.
const (
	Grace = 5 * time.Second  // how long a user without a session is still online
	Lease = 10 * time.Second // how long a node that does not renew is taken for alive
)

// Clock is a clock that a test moves. It may be used concurrently.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at some time, in whole milliseconds, until it is moved.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)} }

// Now returns the clock's time. It is what the driver must take for the present.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Parallel is for the functions that make what a suite tests, where that is a server which is waited for most of the time. What it returns
// has each test of a suite run beside the others from where it is called first; those that have begun, and the suite, go on.
func Parallel(suite *testing.T) func(*testing.T) {
	var begun sync.Map
	begun.Store(suite, true)
	return func(t *testing.T) {
		if _, again := begun.LoadOrStore(t, true); !again {
			t.Parallel()
		}
	}
}

// Run tests a driver. driver returns a new one that knows nothing of the others, has the [Grace] and [Lease] of this package
// and lives by the clock. It is called for each test, and cleans up after itself with t.Cleanup.
func Run(t *testing.T, driver func(t *testing.T, clock *Clock) hubbub.Driver) {
	RunLog(t, driver)
	whole := wholeRig(driver)
	run(t, whole, busTests(), deviceTests(), sessionTests(), leaseTests(), directoryTests(), roomTests(), blockTests())
	if _, ok := driver(t, NewClock()).(hubbub.Ordered); ok {
		run(t, whole, decisionTests())
	}
	t.Run("model of the registry", func(t *testing.T) { modelRegistry(t, driver) })
}

// RunLog is the part of [Run] that is about messages: of the driver it uses the Log, Conversations and Eraser, and if it is a
// [hubbub.Poster] or a [hubbub.Pipeline] also that and the Bus.
func RunLog(t *testing.T, driver func(t *testing.T, clock *Clock) hubbub.Driver) {
	streams := func(tb *testing.T, clock *Clock) *streamRig {
		return &streamRig{base: base{tb, clock}, streams: driver(tb, clock), forgets: true}
	}
	run(t, streams, logTests(), keyTests(), conversationTests(), forgettingTests())
	modelLog(t, streams)
	erasing := func(tb *testing.T, clock *Clock) *eraseRig {
		d := driver(tb, clock)
		return &eraseRig{streamRig{base: base{tb, clock}, streams: d, forgets: true}, d}
	}
	run(t, erasing, eraseTests())
	modelErase(t, erasing)
	if _, ok := driver(t, NewClock()).(hubbub.Poster); ok {
		run(t, wholeRig(driver), postTests())
	}
	if _, ok := driver(t, NewClock()).(hubbub.Pipeline); ok {
		run(t, wholeRig(driver), pipelineTests())
	}
}

func wholeRig(driver func(t *testing.T, clock *Clock) hubbub.Driver) func(*testing.T, *Clock) *rig {
	return func(tb *testing.T, clock *Clock) *rig {
		d := driver(tb, clock)
		return &rig{streamRig{base: base{tb, clock}, streams: d, forgets: true}, d}
	}
}

// test is one test of the suite. R is what it needs: a rig of its own kind, with which each file of tests begins.
type test[R any] struct {
	name string
	run  func(r R)
}

// run runs tests, each with a rig of its own.
func run[R any](t *testing.T, rig func(*testing.T, *Clock) R, tables ...[]test[R]) {
	for _, tests := range tables {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) { test.run(rig(t, NewClock())) })
		}
	}
}

// tb is what a test of this package and one of package rapid have in common.
type tb interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// base is what all rigs have.
type base struct {
	tb
	clock *Clock
}

// streams are messages under test, of a driver or a store.
type streams interface {
	hubbub.Log
	hubbub.Conversations
}

// streamRig is for tests of messages.
type streamRig struct {
	base
	streams
	forgets bool // streams of which nothing is kept begin again after an hour
}

// rig is a driver under test.
type rig struct {
	streamRig
	hubbub.Driver
}

// must fails the test if there is an error.
func (r *base) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%v", err)
	}
}

// refused fails the test unless there is an error for a reason.
func (r *base) refused(err error, reason hubbub.Reason) {
	r.Helper()
	var e *hubbub.Error
	if !errors.As(err, &e) || e.Reason != reason {
		r.Fatalf("want an error with the reason %q, got %v", reason, err)
	}
}

// patience is how long the suite waits for what should happen at once. It is used up only by a test that fails.
const patience = 30 * time.Second

// eventually polls until a condition holds. what completes the sentence "waited in vain for".
func (r *base) eventually(what string, condition func() bool) {
	r.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			r.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

// atOnce runs n functions at the same time and waits for them.
func atOnce(n int, do func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			do(i)
		})
	}
	close(begin)
	wg.Wait()
}
