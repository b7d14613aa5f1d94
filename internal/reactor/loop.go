package reactor

import (
	"runtime"
	"sync"
	"time"
)

// readSize is the loop's one buffer: how much of one socket is read before the next has its turn.
const readSize = 64 << 10

type op uint8

const (
	opCall      op = iota // call fn
	opSend                // send b, or packet if it is not nil
	opBroadcast           // put packet into fan's log
)

// command is what other goroutines ask of a loop.
type command struct {
	op     op
	conn   *Conn
	b      []byte
	packet *Packet
	fan    *Fan
	except []*Conn
	fn     func()
}

// loop owns conns. Its goroutine runs while it has some.
type loop struct {
	// Immutable.
	index int
	slice int
	clock Clock
	nudge chan struct{} // wakes a loop that has no poller; capacity 1

	// Guarded by mu.
	mu      sync.Mutex
	inbox   []command // grows with what is posted: bounded by the conns' send limits and the fans' logs
	running bool
	parked  parking
	done    chan struct{}   // closed when run returns; nil before the first run
	work    *sync.WaitGroup // goroutines that carry bytes for this run's conns
	poller  *poller         // nil until the first socket needs it; the loop's goroutine reads it without mu

	crew crew // has a mutex of its own

	// Owned by the loop's goroutine.
	spare   []command // the inbox of the turn before, to be filled again
	conns   int
	now     time.Duration // at the start of this turn
	seq     uint64        // number of the last broadcast in this loop
	active  []*part       // parts with members still to be visited
	dirty   []*Conn       // conns to be flushed at the end of the turn
	tasks   []Task        // what this turn has for the crew
	slow    []slowConn    // conns that went over their limits in this turn
	more    []*Conn       // conns that have more to read than one turn allows
	wheel   wheel
	alarm   time.Duration // when the armed clock timer rings; 0 means none is armed
	disarm  func() bool
	buf     []byte
	out     [][]byte // scratch: what one write gathers
	news    []entry  // scratch: what one visit gathers
	joined  joined   // scratch: what the last visit wrote
	batches [][]item // spare pending lists
}

// parking says how a loop waits, and so how it is woken.
type parking uint8

const (
	awake parking = iota
	inPoller
	onChannel
)

func newLoop(index int, cfg Config) *loop {
	return &loop{index: index, slice: cfg.Slice, clock: cfg.Clock, nudge: make(chan struct{}, 1)}
}

// post hands a command to the loop. The commands of one goroutine are carried out in the order of its calls.
func (l *loop) post(c command) {
	l.mu.Lock()
	l.inbox = append(l.inbox, c)
	switch l.parked {
	case inPoller:
		l.poller.wake() // with mu held, since a loop that stops closes its poller
	case onChannel:
		l.nudge <- struct{}{}
	}
	l.parked = awake
	if !l.running {
		l.running = true
		l.done = make(chan struct{})
		l.work = new(sync.WaitGroup)
		go l.run(l.done, l.work)
	}
	l.mu.Unlock()
}

// call is post for what is rare.
func (l *loop) call(fn func()) { l.post(command{op: opCall, fn: fn}) }

// stopped returns a channel that is closed while the loop does not run.
func (l *loop) stopped() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		close(l.done)
	}
	return l.done
}

func (l *loop) run(done chan struct{}, work *sync.WaitGroup) {
	defer close(done)
	defer work.Wait()
	l.buf = make([]byte, readSize)
	for l.wait() {
		l.now = l.clock.Now()
		l.readReady()
		l.staff() // the handlers run now, and what they send is taken at once, without a wake-up
		l.commands()
		l.settle() // a reply does not wait for the slice
		l.deliver()
		l.wheel.advance(l.now, (*Conn).timeout)
		l.settle()
		l.staff()
		if len(l.active) > 0 {
			runtime.Gosched() // a broadcast leaves the others their share of the processor
		}
	}
}

// settle writes what is pending, and tells of those who have too much of it.
func (l *loop) settle() {
	for len(l.slow)+len(l.dirty) > 0 {
		l.tellSlow()
		l.flush()
	}
}

// wait returns when there is something to do: at once in the middle of a broadcast, else when a socket, a command or a timer is due.
// It returns false when the loop has no conns and no commands left.
func (l *loop) wait() bool {
	if len(l.active) > 0 || len(l.more) > 0 {
		l.poll(false)
		return true
	}
	l.arm()
	l.mu.Lock()
	if len(l.inbox) > 0 {
		l.mu.Unlock()
		l.poll(false)
		return true
	}
	if l.conns == 0 {
		l.stop()
		l.mu.Unlock()
		return false
	}
	l.parked = onChannel
	if l.poller != nil {
		l.parked = inPoller
	}
	l.mu.Unlock()
	if l.poller == nil {
		<-l.nudge
		return true
	}
	l.poll(true)
	l.mu.Lock()
	l.parked = awake
	l.mu.Unlock()
	return true
}

func (l *loop) poll(block bool) {
	if l.poller != nil {
		l.poller.wait(block)
	}
}

// stop gives back what an idle loop does not need. Called with mu held.
func (l *loop) stop() {
	l.running = false
	if l.poller != nil {
		l.poller.close()
		l.poller = nil
	}
	if l.disarm != nil {
		l.disarm()
		l.disarm, l.alarm = nil, 0
	}
	l.buf, l.spare, l.inbox, l.batches, l.joined = nil, nil, nil, nil, joined{}
}

// arm sets the clock for the wheel's next deadline, unless it already rings before that.
func (l *loop) arm() {
	at, ok := l.wheel.next()
	if !ok || (l.alarm != 0 && l.alarm <= at) {
		return
	}
	if l.disarm != nil {
		l.disarm()
	}
	l.alarm = at
	l.disarm = l.clock.AfterFunc(at-l.clock.Now(), func() {
		l.call(func() { l.alarm = 0 })
	})
}

// commands carries out what was posted.
func (l *loop) commands() {
	l.mu.Lock()
	in := l.inbox
	l.inbox = l.spare[:0]
	l.mu.Unlock()
	for i := range in {
		l.command(&in[i])
	}
	clear(in)
	l.spare = in
	if cap(in) > 4096 {
		l.spare = nil // a burst's list is not kept
	}
}

func (l *loop) command(c *command) {
	switch c.op {
	case opSend:
		c.conn.send(c.b, c.packet)
	case opBroadcast:
		l.broadcast(c.fan, c.packet, c.except)
	case opCall:
		c.fn()
	}
}

// flush writes what this turn's sends left pending.
func (l *loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // a conn that ends can make others dirty
		c := l.dirty[i]
		l.dirty[i] = nil
		c.flags.dirty = false
		c.flush()
	}
	l.dirty = l.dirty[:0]
}

// readReady reads the sockets that are ready, and goes on with those that had more than one turn allows.
func (l *loop) readReady() {
	more := l.more
	l.more = nil
	if l.poller != nil {
		for i := range l.poller.ready() {
			c, ev := l.poller.event(i)
			if c != nil {
				c.ready(ev)
			}
		}
	}
	for _, c := range more {
		c.flags.again = false
		c.read()
	}
}
