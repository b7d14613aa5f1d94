package main

import "container/heap"

// station is a core, or several that share a queue: who comes first is served first. Times are in µs.
type station struct {
	free []float64 // when each core is free again
	busy float64   // time that cores have worked
}

func newStation(cores int) *station { return &station{free: make([]float64, cores)} }

// serve takes work that comes at a time, and returns when it is done.
func (s *station) serve(at, cost float64) float64 {
	first := 0
	for i := range s.free {
		if s.free[i] < s.free[first] {
			first = i
		}
	}
	s.free[first] = max(s.free[first], at) + cost
	s.busy += cost
	return s.free[first]
}

// clock runs events in the order of their times.
type clock struct {
	now    float64
	events events
	number int
}

type event struct {
	at     float64
	number int // those of the same time in the order in which they were made
	do     func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].number < e[j].number
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(v any)   { *e = append(*e, v.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (c *clock) at(t float64, do func()) {
	c.number++
	heap.Push(&c.events, event{t, c.number, do})
}

// run goes on until nothing is left to do, or a time is reached.
func (c *clock) run(until float64) {
	for len(c.events) > 0 && c.events[0].at <= until {
		e := heap.Pop(&c.events).(event)
		c.now = e.at
		e.do()
	}
}

// step is a part of some work: on a station, then over the network.
type step struct {
	on   *station
	cost float64
	way  float64 // to the next step
}

// work goes through steps, and calls done at the end.
func (c *clock) work(steps []step, done func()) {
	if len(steps) == 0 {
		done()
		return
	}
	end := steps[0].on.serve(c.now, steps[0].cost)
	c.at(end+steps[0].way, func() { c.work(steps[1:], done) })
}
