package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The memory of people who say nothing is what the process mostly has, and by default Go lets the heap grow to twice of what is
// live before it collects, and keeps that from the system for good. Two fifths of it is enough for a large heap. A small
// one may grow by smallRoom, since collecting it all the time would cost more than the memory is worth.
const (
	roomPercent  = 40
	mostPercent  = 400
	smallRoom    = 8 << 20
	liveHeapName = "/gc/heap/live:bytes"
)

// tuneCollector has the collector follow the size of the heap from now on, unless the operator has set GOGC.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		(&cycle{}).again()
	}
}

// cycle is garbage from the start, so that its finalizer runs after the next collection.
type cycle struct{ sample [1]metrics.Sample }

// again sets the percentage for the next collection, and has itself called after that.
func (c *cycle) again() {
	c.sample[0].Name = liveHeapName
	metrics.Read(c.sample[:])
	percent := mostPercent
	if live := c.sample[0].Value.Uint64(); live > 0 {
		percent = min(mostPercent, max(roomPercent, int(smallRoom*100/live)))
	}
	debug.SetGCPercent(percent)
	runtime.SetFinalizer(c, (*cycle).again)
}
