package client

import (
	"context"
	"sync"
)

// queue is what waits for the handlers, which one goroutine calls in order.
type queue struct {
	limit int // bytes from which on nothing more is read

	mu     sync.Mutex
	change sync.Cond // of anything below
	tasks  []task
	bytes  int
	calls  int  // of the program that wait for a reply
	closed bool // no more tasks come
}

type task struct {
	size int
	run  func()
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.change.L = &q.mu
	return q
}

// push adds a task. It never blocks: who reads from the network calls wait before.
func (q *queue) push(size int, run func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	size += 128 // what a small task costs
	q.tasks = append(q.tasks, task{size, run})
	q.bytes += size
	q.change.Broadcast()
}

// wait returns when the next frame may be read: there is room, or a call waits for what may be in it. It returns false if there
// is far too much.
func (q *queue) wait() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes > q.limit && q.calls == 0 && !q.closed {
		q.change.Wait()
	}
	return q.bytes <= 4*q.limit
}

// full tells whether too much waits already, so that only what cannot be had later may be added.
func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes > q.limit
}

// room returns when there is room, or false when ctx has ended before.
func (q *queue) room(ctx context.Context) bool {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.change.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes > q.limit && !q.closed && ctx.Err() == nil {
		q.change.Wait()
	}
	return !q.closed && ctx.Err() == nil
}

// call counts calls that wait.
func (q *queue) call(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls += n
	q.change.Broadcast()
}

// close lets run return: at once, or when all tasks are done.
func (q *queue) close(drop bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if drop {
		q.tasks = nil
	}
	q.change.Broadcast()
}

// run does the tasks until the queue is closed.
func (q *queue) run() {
	for {
		t, ok := q.next()
		if !ok {
			return
		}
		t.run()
		q.done(t)
	}
}

func (q *queue) next() (task, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.tasks) == 0 {
		if q.closed {
			return task{}, false
		}
		q.change.Wait()
	}
	t := q.tasks[0]
	q.tasks[0] = task{}
	q.tasks = q.tasks[1:]
	return t, true
}

func (q *queue) done(t task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= t.size
	q.change.Broadcast()
}
