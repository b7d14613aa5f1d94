package reactor

import (
	"runtime"
	"sync"
)

// Task is work for a goroutine other than the loop's: handlers, which may block.
type Task interface{ Run() }

// crew is the goroutines that do a loop's tasks. Mostly one does all tasks of a turn and ends: a goroutine for each measured 2.5 µs more per
// message, for its stack, which has to grow for every handler anew. When one is stuck in a task, another takes the rest.
type crew struct {
	mu    sync.Mutex
	queue []Task
	next  int // index of the first task that nobody has taken
}

// Run gives a task to the loop's crew, at once after this turn's reading. Loop only.
func (c *Conn) Run(t Task) { c.loop.tasks = append(c.loop.tasks, t) }

// staff has the turn's tasks done, or at least begun, before it returns. It also lets all other goroutines run.
func (l *loop) staff() {
	if len(l.tasks) > 0 {
		l.crew.add(l.tasks)
		clear(l.tasks)
		l.tasks = l.tasks[:0]
	}
	for !l.crew.idle() {
		go l.crew.work()
		runtime.Gosched()
	}
}

func (w *crew) add(tasks []Task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, tasks...)
}

// idle says that every task was taken.
func (w *crew) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next == len(w.queue)
}

// work does tasks until none is left.
func (w *crew) work() {
	for t := w.take(); t != nil; t = w.take() {
		t.Run()
	}
}

func (w *crew) take() Task {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == len(w.queue) {
		w.queue, w.next = w.queue[:0], 0
		return nil
	}
	t := w.queue[w.next]
	w.queue[w.next] = nil
	w.next++
	return t
}
