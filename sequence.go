package hubbub

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// sequence brings the messages of one stream into the order of their positions, each once, however the bus brings them. Its
// owner guards it, and fetches from the log what accept calls missing.
type sequence struct {
	last     Position // of the latest message that was let through
	known    bool     // last is right, also if it is zero
	fetching bool     // the owner reads what is missing
	waiting  []Posted // what came meanwhile, at most maxWaiting; the log has the rest
	more     bool     // there was more than that, or something may have been lost since
	sought   int      // how many of waiting came before the log was read last
}

const maxWaiting = 256

// verdict is what to do with a message.
type verdict uint8

const (
	dropIt    verdict = iota // it is known, or will be fetched
	deliverIt                // it is the next
	fetchIt                  // messages before it are missing: fetch, then deliver
)

// accept judges a message that the bus has brought.
func (q *sequence) accept(e Posted) verdict {
	p := e.Message.Position
	switch {
	case p == (Position{}):
		return deliverIt
	case q.fetching:
		if len(q.waiting) == maxWaiting {
			q.more = true
			return dropIt
		}
		q.waiting = append(q.waiting, e)
		return dropIt
	case !q.known:
		q.known, q.last = true, p
		return deliverIt
	case p.Epoch == q.last.Epoch && p.Offset <= q.last.Offset:
		return dropIt
	case q.lacks(e):
		q.fetching = true
		q.waiting = append(q.waiting, e)
		return fetchIt
	}
	q.last = p
	return deliverIt
}

// lacks tells that messages before one that is new were not let through.
func (q *sequence) lacks(e Posted) bool {
	if e.Message.Position.Epoch != q.last.Epoch {
		return e.Previous > 0
	}
	return e.Previous > q.last.Offset
}

// follows tells whether a message is the next for sure, and takes it then. Otherwise it is left to the bus.
func (q *sequence) follows(e Posted) bool {
	p := e.Message.Position
	if !q.known || q.fetching || p.Epoch != q.last.Epoch || e.Previous != q.last.Offset || p.Offset <= q.last.Offset {
		return false
	}
	q.last = p
	return true
}

// knows tells that a message at this position would be dropped.
func (q *sequence) knows(p Position) bool {
	return q.known && !q.fetching && p.Epoch == q.last.Epoch && p.Offset <= q.last.Offset
}

// miss says that something may have been lost, and tells whether the owner has to begin to read what is missing. Who reads already may have read
// before that, and reads once more.
func (q *sequence) miss() (begin bool) {
	if q.fetching {
		q.more = true
		return false
	}
	q.fetching = true
	return true
}

// fetched takes a page that was read after from, and returns those of its messages that are new. They may be delivered.
func (q *sequence) fetched(page Page) []Message {
	for i, m := range page.Messages {
		if m.Position.Epoch != q.last.Epoch || m.Position.Offset > q.last.Offset {
			fresh := page.Messages[i:]
			q.last = fresh[len(fresh)-1].Position
			return fresh
		}
	}
	return nil
}

// resume ends the fetching and returns what has waited and can be delivered now. It tells true if something is missing again. What the log
// did not have when it was read after a message had come it will not have later: that was erased, or was lost together with the message, if the
// log is of another epoch.
func (q *sequence) resume() (ready []Posted, again bool) {
	waiting, more, sought := q.waiting, q.more, q.sought
	q.waiting, q.more, q.sought, q.fetching = nil, false, 0, false
	for i, e := range waiting {
		if i < sought && q.lacks(e) {
			if e.Message.Position.Epoch != q.last.Epoch {
				continue
			}
			q.last.Offset = e.Previous
		}
		switch q.accept(e) {
		case deliverIt:
			ready = append(ready, e)
		case fetchIt:
			q.waiting = append(q.waiting, waiting[i+1:]...)
			return ready, true
		}
	}
	q.fetching = more // what did not fit is in the log
	return ready, more
}

// catchUp reads what is missing in a stream until deliver, which is called with mu held, tells that nothing is. While
// the log does not answer, what comes waits.
func (h *Hub) catchUp(stream Stream, mu *sync.Mutex, q *sequence, deliver func(Page) bool) {
	for pause := firstPause; ; {
		mu.Lock()
		last := q.last
		q.sought = len(q.waiting)
		mu.Unlock()
		page, err := h.logOf(stream).After(h.context, stream, last, maxPage)
		if err != nil {
			h.complain("read missed messages", err)
			if !h.rest(&pause) {
				return
			}
			continue
		}
		mu.Lock()
		done := deliver(page)
		mu.Unlock()
		if done {
			return
		}
	}
}

// firstPause is how long to wait before a call that has failed is made again; each further time it is twice as long.
const firstPause = 50 * time.Millisecond

// rest waits for a pause, and makes the next one longer. It tells false if the hub is closed.
func (h *Hub) rest(pause *time.Duration) bool { return rest(h.context, pause) }

// rest waits for a pause, more or less, and makes the next one longer. It tells false if ctx ends. Nodes that wait for the same thing do
// not all try again in the same moment.
func rest(ctx context.Context, pause *time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(*pause*3/4 + rand.N(*pause/2)):
	}
	*pause = min(2**pause, 5*time.Second)
	return true
}
