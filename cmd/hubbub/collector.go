package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// The memory of people who say nothing is what the process mostly has, and by default Go lets the heap grow to twice of what is
// live before it collects, and keeps that from the system for good. Two fifths of it is enough for a large heap. A small
// one may grow by smallRoom, since collecting it all the time would cost more than the memory is worth. While there is so much to do that it
// would be collected all the time nevertheless, it may grow by busyRoom, which is given back afterwards.
const (
	roomPercent  = 40
	mostPercent  = 400
	smallRoom    = 8 << 20
	busyRoom     = 64 << 20
	often        = 125 * time.Millisecond // collections that are nearer to each other mean that there is much to do
	restAfter    = time.Second            // without a collection there is not; smallRoom in often is as much as busyRoom in that
	liveHeapName = "/gc/heap/live:bytes"
)

// tuneCollector has the collector follow the size of the heap from now on, unless the operator has set GOGC.
func tuneCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	t := &tuner{}
	t.calm = time.AfterFunc(restAfter, t.rest)
	(&cycle{t}).again()
}

// cycle is garbage from the start, so that its finalizer runs after the next collection.
type cycle struct{ *tuner }

// again has the tuner set the percentage for the next collection, and itself called after that.
func (c *cycle) again() {
	c.collected()
	runtime.SetFinalizer(c, (*cycle).again)
}

// tuner decides how much the heap may grow. Its methods may be called concurrently.
type tuner struct {
	calm *time.Timer // calls rest

	mu      sync.Mutex
	last    time.Time // a collection ended
	busy    bool
	percent int
}

func (t *tuner) collected() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.busy = t.busy || now.Sub(t.last) < often
	t.last = now
	t.set()
	t.calm.Reset(restAfter)
}

// rest gives the system back what was needed while there was much to do.
func (t *tuner) rest() {
	t.mu.Lock()
	was := t.percent
	t.busy = false
	t.set()
	more := was > t.percent
	t.mu.Unlock()
	if more {
		debug.FreeOSMemory()
	}
}

// set sets the percentage for the next collection. The caller holds mu.
func (t *tuner) set() {
	sample := []metrics.Sample{{Name: liveHeapName}}
	metrics.Read(sample)
	t.percent = percent(sample[0].Value.Uint64(), t.busy)
	debug.SetGCPercent(t.percent)
}

func percent(live uint64, busy bool) int {
	room, most := uint64(smallRoom), uint64(mostPercent)
	if busy {
		room, most = busyRoom, busyRoom*100/(4<<20) // a heap of 4 MiB is not collected by Go
	}
	return int(min(most, max(roomPercent, room*100/max(live, 1))))
}
