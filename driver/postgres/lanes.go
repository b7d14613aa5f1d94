package postgres

import (
	"context"
	"slices"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// lanes have those who append to the same stream at the same time share a transaction. They would wait for each other anyway, since the
// row of a stream is locked until the commit, each with a connection, and a commit takes as long as the disk needs. It also has
// the messages of a stream told in their order.
//
// Of those who append to a stream one leads: it takes all who wait, commits their messages and answers them, and then the next one
// who came meanwhile leads. So there is no goroutine beside those of the callers.
type lanes struct {
	mu sync.Mutex
	of map[hubbub.Stream]*lane // of the streams to which somebody appends
}

// lane has those who wait, in the order of their coming. The first one leads next.
type lane struct{ waiting []*sending }

// sending is a message that is being appended.
type sending struct {
	draft *hubbub.Draft
	lead  chan struct{} // gets something when it is to lead
	done  chan struct{} // closed when the rest is valid
	a     hubbub.Appended
	err   error
}

// One transaction takes at most so many messages, and no further one when their data are so much.
const laneMessages, laneBytes = 128, 1 << 20

// enter adds a message to the lane of its stream.
func (l *lanes) enter(d *hubbub.Draft) *sending {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &sending{draft: d, lead: make(chan struct{}, 1), done: make(chan struct{})}
	if l.of == nil {
		l.of = make(map[hubbub.Stream]*lane)
	}
	one := l.of[d.Message.Stream]
	if one == nil {
		one = &lane{}
		l.of[d.Message.Stream] = one
		w.lead <- struct{}{}
	}
	one.waiting = append(one.waiting, w)
	return w
}

// take returns who shares the transaction of who leads, which is the first of them.
func (l *lanes) take(name hubbub.Stream) []*sending {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.of[name]
	n, size := 0, 0
	for n < min(len(one.waiting), laneMessages) && size < laneBytes {
		size += len(one.waiting[n].draft.Message.Data)
		n++
	}
	all := slices.Clone(one.waiting[:n])
	one.waiting = slices.Delete(one.waiting, 0, n)
	return all
}

// next lets the next one lead.
func (l *lanes) next(name hubbub.Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pass(name)
}

func (l *lanes) pass(name hubbub.Stream) {
	one := l.of[name]
	if len(one.waiting) == 0 {
		delete(l.of, name)
		return
	}
	one.waiting[0].lead <- struct{}{} // has room: who leads is taken out before another one comes to the front
}

// withdraw takes out who does not want to wait any more, and tells false if its transaction has begun.
func (l *lanes) withdraw(w *sending) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := w.draft.Message.Stream
	one := l.of[name]
	if one == nil {
		return false
	}
	i := slices.Index(one.waiting, w)
	if i < 0 {
		return false
	}
	one.waiting = slices.Delete(one.waiting, i, i+1)
	select {
	case <-w.lead:
		l.pass(name)
	default:
	}
	return true
}

// Append implements [hubbub.Log].
func (s *Store) Append(ctx context.Context, d hubbub.Draft) (hubbub.Appended, error) {
	if err := s.usable(ctx); err != nil {
		return hubbub.Appended{}, err
	}
	w := s.lanes.enter(&d)
	select {
	case <-w.lead:
		s.lead(context.WithoutCancel(ctx), d.Message.Stream)
	case <-w.done:
	case <-ctx.Done():
		if s.lanes.withdraw(w) {
			return hubbub.Appended{}, ctx.Err()
		}
		<-w.done
	}
	if w.err != nil {
		return hubbub.Appended{}, w.err
	}
	return w.a, nil
}

// lead appends what waits for a stream, and answers.
func (s *Store) lead(ctx context.Context, name hubbub.Stream) {
	all := s.lanes.take(name)
	err := unavailable(nil, "the server has a fault within; look into its log") // if something panics
	defer func() {
		for _, w := range all {
			if err != nil {
				w.err = err
			}
			if d := w.draft; w.err == nil && !w.a.Repeated && d.Accepted != nil {
				d.Accepted(w.a)
			}
			close(w.done)
		}
		s.lanes.next(name)
	}()
	if err = s.appendAll(ctx, name, all); isInvalid(err) && len(all) > 1 {
		// What is wrong with one of them must not concern the others.
		for _, w := range all {
			if failed := s.appendAll(ctx, name, []*sending{w}); failed != nil {
				w.err = failed
			}
		}
		err = nil
	}
}
