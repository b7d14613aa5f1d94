package hubbub

import (
	"container/heap"
	"sync"
	"time"
)

// expiries ends sessions when their identities expire. They share one timer: one for each would take more memory than most
// else of a session.
type expiries struct {
	mu    sync.Mutex
	queue expiryQueue
	timer *time.Timer // for the first of the queue; nil before there ever was one
}

// expiry is when a session ends.
type expiry struct {
	at      int64 // Unix milliseconds, rounded up
	session *Session
}

// set has a session end at a time, in place of what was set before. The zero time means never.
func (x *expiries) set(s *Session, when time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.expires > 0 {
		heap.Remove(&x.queue, s.expires-1)
	}
	if !when.IsZero() {
		heap.Push(&x.queue, expiry{when.Add(time.Millisecond - 1).UnixMilli(), s})
	}
	x.wind()
}

// wind sets the timer. The caller holds mu.
func (x *expiries) wind() {
	if len(x.queue) == 0 {
		if x.timer != nil {
			x.timer.Stop()
		}
		return
	}
	wait := time.Until(time.UnixMilli(x.queue[0].at))
	if x.timer == nil {
		x.timer = time.AfterFunc(wait, x.end)
		return
	}
	x.timer.Reset(wait)
}

// end ends the sessions whose time has come.
func (x *expiries) end() {
	for _, s := range x.due() {
		s.end(EndExpired, nil, Retry{})
	}
}

func (x *expiries) due() (all []*Session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for now := time.Now().UnixMilli(); len(x.queue) > 0 && x.queue[0].at <= now; {
		all = append(all, heap.Pop(&x.queue).(expiry).session)
	}
	x.wind()
	return all
}

// expiryQueue is a heap: the first to expire is in front. Each session knows its place.
type expiryQueue []expiry

func (q expiryQueue) Len() int           { return len(q) }
func (q expiryQueue) Less(i, j int) bool { return q[i].at < q[j].at }

func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].session.expires, q[j].session.expires = i+1, j+1
}

func (q *expiryQueue) Push(e any) {
	next := e.(expiry)
	*q = append(*q, next)
	next.session.expires = len(*q)
}

func (q *expiryQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = expiry{}
	*q = (*q)[:last]
	e.session.expires = 0
	return e
}
