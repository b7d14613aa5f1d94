package reactor

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// Handler is the protocol above a Conn. All its methods are called by the conn's loop and must not block.
type Handler interface {
	// Received gives bytes from the peer. p may be changed, and is valid only during the call.
	Received(p []byte)
	// HungUp tells, once at most, that the peer has closed its side while reading was paused. What it sent before is still to come.
	HungUp()
	// Ended is the last call: the socket is gone, and err says why (io.EOF when the peer closed it).
	Ended(err error)
	// Timeout is called when the timer set by SetTimer is due.
	Timeout()
	// Slow is called when a broadcast of fan would bring the conn over its limit and fan's policy is PolicyClose.
	Slow(fan *Fan)
	// Skipped tells what fan's policy has skipped.
	Skipped(Skip)
	// Encode returns a packet's bytes for this conn. Only a FormOwn conn is asked, and everything returned is sent, in that order.
	Encode(*Packet) []byte
}

// errAgain says that a socket has nothing to read now, or takes nothing more.
var errAgain = errors.New("try again when the socket is ready")

// socket carries a conn's bytes. Its methods belong to the loop's goroutine and do not block.
type socket interface {
	// open is called by the loop when the conn joins it.
	open(c *Conn) error
	// ahead says that bytes may have been read of the socket already, so that the poller's word is not to be waited for.
	ahead() bool
	// read returns errAgain when there is nothing; more says that another read may find more without the poller's word.
	read(p []byte) (n int, more bool, err error)
	// write takes what it can of the buffers and returns errAgain when that is not all.
	write(bufs [][]byte) (int, error)
	// held is how many bytes were taken by write but are not with the kernel yet.
	held() int
	// drain passes on what is held, as far as the kernel takes it.
	drain() error
	// watch tells which readiness matters.
	watch(read, write, hangup bool)
	// shut tells the peer that nothing more will be sent.
	shut()
	close()
}

// itemCost is what an item counts as beside its bytes, so that empty messages cannot pile up in a list of any length.
const itemCost = 64

// item is something to be sent to one conn.
type item struct {
	b       []byte  // the bytes; nil until a FormOwn conn has encoded packet
	packet  *Packet // nil for bytes sent to this conn alone
	from    *part   // the fan's part that it came through, nil if sent to this conn alone
	size    int     // what it counts as in Conn.queued
	control bool    // goes before all that waits
	latest  bool    // a newer control item of this kind takes its place
}

// Ending says what is to happen after the last bytes of a conn are written.
type Ending uint8

const (
	ThenWait  Ending = iota // nothing: the peer has to end it
	ThenShut                // tell the peer's socket that nothing more comes, and wait
	ThenClose               // close the socket
)

// Conn is one socket on a loop. Its zero value is ready for [Reactor.Start]. Methods say which goroutine may call them.
type Conn struct {
	// Owned by the loop. A broadcast's visit to one of ten thousand conns waits for memory more than for anything else, so what it touches
	// comes first, and is in two cache lines.
	seq     uint64 // every broadcast up to this number is delivered or pending
	flags   flags
	form    Form // immutable after Start
	ending  Ending
	sock    socket   // immutable after Start
	fd      fdSocket // what sock is for a plain socket
	pending []item   // what the socket did not take; bounded by limit and by the fans' policies

	// Owned by the loop.
	head    int      // index of the first item in pending
	written int      // bytes of the first item that are written
	fans    []place  // where the conn is a member
	inline  [3]place // for fans: a session of the gateway in one room is in three
	timer   timer
	heard   time.Duration // when the last byte came
	taken   time.Duration // when the socket last took bytes that waited

	// Immutable after Start.
	loop    *loop
	handler Handler
	limit   int64

	// Safe for concurrent use.
	queued atomic.Int64
}

// flags is the conn's state on its loop.
type flags struct {
	plain  bool // sock is fd; immutable after Start
	dirty  bool // in loop.dirty
	again  bool // in loop.more
	armed  bool // waiting for the socket to take more
	paused bool // not reading
	hungUp bool // HungUp was called
	over   bool // a broadcast went over the limit
	sealed bool // nothing more may be sent
	ended  bool
}

// Setup is what Start needs to know.
type Setup struct {
	Handler Handler
	Form    Form
	Limit   int           // bytes that broadcasts may leave waiting; see Policy
	First   []byte        // sent first, uncounted
	Read    []byte        // received before, given to the handler first
	Timer   time.Duration // first timer, from now; 0 means none
}

// Start gives c, with a socket made by Adopt, to a loop.
func (r *Reactor) Start(c *Conn, s Socket, set Setup) {
	l := r.pick()
	c.loop, c.handler, c.form, c.limit = l, set.Handler, set.Form, int64(set.Limit)
	s.attach(c)
	c.fans = c.inline[:0]
	l.call(func() { c.open(set) })
}

// Socket is a connection that was taken over and waits for Start or Close.
type Socket struct{ sock socket }

// Close drops a socket that was not started.
func (s Socket) Close() { s.sock.close() }

func (c *Conn) open(set Setup) {
	l := c.loop
	l.conns++
	c.seq, c.heard = l.seq, l.now
	if err := c.sock.open(c); err != nil {
		c.end(err)
		return
	}
	if set.Timer > 0 {
		c.SetTimer(set.Timer)
	}
	if len(set.First) > 0 {
		c.push(item{b: set.First, control: true}) // as a control item, so that no other overtakes it
	}
	if len(set.Read) > 0 {
		c.handler.Received(set.Read)
	}
	if c.sock.ahead() && !c.flags.ended {
		c.read()
	}
}

// Do runs fn on the conn's loop, in order with this goroutine's other calls. fn must not block. Any goroutine.
func (c *Conn) Do(fn func()) { c.loop.call(fn) }

// Queued is the number of bytes that wait to be sent, and itemCost for each message of them. Any goroutine.
func (c *Conn) Queued() int { return int(c.queued.Load()) }

// Reserve counts n bytes that are about to be sent, and returns false if that brings the conn over limit bytes. A message that finds
// nothing else waiting is always within the limit. Any goroutine.
func (c *Conn) Reserve(n int, limit int) bool {
	cost := int64(n + itemCost)
	if total := c.queued.Add(cost); total > int64(limit) && total != cost {
		c.queued.Add(-cost)
		return false
	}
	return true
}

// Send sends bytes, or a packet, of a size that was reserved. Any goroutine.
func (c *Conn) Send(b []byte, p *Packet) { c.loop.post(command{op: opSend, conn: c, b: b, packet: p}) }

// send is Send on the loop.
func (c *Conn) send(b []byte, p *Packet) {
	it := item{b: b, packet: p, size: len(b) + itemCost}
	if p != nil {
		it.size = len(p.Plain) + itemCost
		if c.form != FormOwn {
			it.b = p.wire(c.form)
		}
	}
	if c.flags.sealed || c.flags.ended {
		c.queued.Add(-int64(it.size))
		return
	}
	c.catchUp()
	c.push(it)
}

// Control sends bytes before everything that waits, but never inside of a frame that is partly written. With latest it takes the
// place of an earlier such call's bytes that still wait. Loop only.
func (c *Conn) Control(b []byte, latest bool) {
	if c.flags.sealed || c.flags.ended {
		return
	}
	it := item{b: b, control: true, latest: latest, size: len(b)}
	at := c.head
	if at < len(c.pending) && c.started(at) {
		at++
	}
	for ; at < len(c.pending) && c.pending[at].control; at++ {
		if old := &c.pending[at]; latest && old.latest {
			c.queued.Add(int64(len(b) - old.size))
			*old = it
			return
		}
	}
	c.queued.Add(int64(it.size))
	if at == len(c.pending) {
		c.push(it)
		return
	}
	c.pending = slices.Insert(c.pending, at, it)
	c.touch()
}

// started says that the receiver, or the compressor, has seen a part of the item.
func (c *Conn) started(i int) bool {
	return i == c.head && c.written > 0 || c.pending[i].packet != nil && c.form == FormOwn && c.pending[i].b != nil
}

// Finish sends b, if it is not empty, as the last bytes; only the first call's are. The conn leaves its fans. Loop only.
func (c *Conn) Finish(b []byte, then Ending) {
	if c.flags.ended {
		return
	}
	if !c.flags.sealed {
		c.catchUp()
		c.leaveAll()
		c.flags.sealed = true
		if len(b) > 0 {
			c.queued.Add(int64(len(b)))
			c.push(item{b: b, size: len(b)})
		}
	}
	c.ending = then
	c.touch()
}

// End drops the socket at once. Loop only.
func (c *Conn) End(err error) { c.end(err) }

func (c *Conn) end(err error) {
	if c.flags.ended {
		return
	}
	c.leaveAll()
	c.flags.ended, c.flags.sealed = true, true
	c.loop.wheel.clear(c)
	c.sock.close()
	c.loop.conns--
	// Others may have reserved what they are about to send; that is taken off when it comes.
	waiting := c.sock.held()
	for i := range c.pending {
		waiting += c.pending[i].size
	}
	c.queued.Add(-int64(waiting))
	c.loop.recycle(c.pending)
	c.pending, c.head = nil, 0
	c.handler.Ended(err)
}

// Heard is how long ago the last byte came. Loop only.
func (c *Conn) Heard() time.Duration { return c.loop.now - c.heard }

// Taken is how long ago the socket took bytes that had waited. Loop only.
func (c *Conn) Taken() time.Duration { return c.loop.now - c.taken }

// SetTimer makes Timeout be called when d has passed, instead of at the time set before. Loop only.
func (c *Conn) SetTimer(d time.Duration) {
	if !c.flags.ended {
		c.loop.wheel.set(c, c.loop.now+d)
	}
}

func (c *Conn) timeout() { c.handler.Timeout() }

// Pause stops reading, so that TCP pushes back on the sender; Resume goes on. Loop only.
func (c *Conn) Pause() {
	if c.flags.paused || c.flags.ended {
		return
	}
	c.flags.paused = true
	c.watch()
}

func (c *Conn) Resume() {
	if !c.flags.paused || c.flags.ended {
		return
	}
	c.flags.paused = false
	c.heard = c.loop.now // silence counts from now
	c.watch()
	c.read() // whole TLS records may already be inside
}

// Paused says whether reading is paused. Loop only.
func (c *Conn) Paused() bool { return c.flags.paused }

func (c *Conn) watch() { c.sock.watch(!c.flags.paused, c.flags.armed, !c.flags.hungUp) }

// ready is the poller's word about the socket.
func (c *Conn) ready(ev events) {
	if ev&evWrite != 0 && c.flags.armed {
		c.flush()
	}
	if c.flags.ended {
		return
	}
	if !c.flags.paused {
		if ev&(evRead|evHangup) != 0 {
			c.read()
		}
		return
	}
	if ev&evHangup != 0 && !c.flags.hungUp {
		c.flags.hungUp = true
		c.watch()
		c.handler.HungUp()
	}
}

// Look reads what has come, without the poller's word. Not to be called from Received. Loop only.
func (c *Conn) Look() { c.read() }

// readsPerTurn bounds how long one busy TLS conn can keep the others waiting.
const readsPerTurn = 4

func (c *Conn) read() {
	for range readsPerTurn {
		if c.flags.paused || c.flags.ended {
			return
		}
		n, more, err := c.sock.read(c.loop.buf)
		if n > 0 {
			c.heard = c.loop.now
			c.handler.Received(c.loop.buf[:n])
		}
		if err == errAgain {
			return
		}
		if err == io.EOF && c.flags.dirty {
			break // a peer that has ended only its own side still hears what this turn says to it
		}
		if err != nil {
			c.end(err)
			return
		}
		if !more {
			return
		}
	}
	if !c.flags.again && !c.flags.ended {
		c.flags.again = true
		c.loop.more = append(c.loop.more, c)
	}
}
