package rpc

import (
	"sync"
	"sync/atomic"
)

// maxIdle is how many goroutines of the staff wait for more to do.
const maxIdle = 64

// errand is a request that runs beside the others of its conn.
type errand struct {
	peer   *peer
	method *method
	call   *call
}

// staff are the goroutines that do errands. Some stay when they have nothing to do: the stack of one that has worked is as large as the
// work needs, while a new one would have to grow it, and copy it, each time.
type staff struct {
	next    chan errand
	left    chan struct{} // closed when nobody shall wait for more
	idle    atomic.Int32
	errands sync.WaitGroup
	workers sync.WaitGroup
	ended   sync.Once
}

func newStaff() *staff { return &staff{next: make(chan errand), left: make(chan struct{})} }

// do has somebody do an errand, and does not wait for it.
func (s *staff) do(e errand) {
	s.errands.Add(1)
	select {
	case s.next <- e:
	default:
		s.workers.Go(func() { s.work(e) })
	}
}

// work does an errand and those that come after it.
func (s *staff) work(e errand) {
	for more := true; more; {
		e.run()
		s.errands.Done()
		e, more = s.another()
	}
}

// another waits for an errand. There is no more if enough others wait, or all shall leave.
func (s *staff) another() (errand, bool) {
	defer s.idle.Add(-1)
	if s.idle.Add(1) > maxIdle {
		return errand{}, false
	}
	select {
	case e := <-s.next:
		return e, true
	case <-s.left:
		return errand{}, false
	}
}

// wait waits until all errands are done.
func (s *staff) wait() { s.errands.Wait() }

// leave ends the goroutines. Errands that come later are done all the same.
func (s *staff) leave() {
	s.ended.Do(func() { close(s.left) })
	s.workers.Wait()
}

func (e errand) run() {
	defer e.peer.free()
	defer e.peer.rescue()
	e.call.run(e.peer.conn.Context(), e.method)
	e.call.done()
}
