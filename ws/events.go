package ws

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// eventKind is what happened on a conn.
type eventKind uint8

const (
	eventMessage eventKind = iota
	eventPong
	eventSkip
	eventBye   // the peer's close frame; nothing of the peer's follows
	eventClose // the last one
)

// event waits for a handler.
type event struct {
	kind       eventKind
	binary     bool
	compressed bool
	data       []byte
	skip       *Skipped
	bye        *CloseInfo
}

// cost is what an event counts as against highWater: its data, and something for itself, so that empty messages cannot pile up.
func (e event) cost() int { return len(e.data) + 64 }

// A conn whose handler is behind by highWater bytes is not read any more, until no more than lowWater are left.
const (
	highWater = 64 << 10
	lowWater  = 16 << 10
)

// handlers are what a conn's owner has set.
type handlers struct {
	message func(Message)
	pong    func([]byte)
	skip    func(Skipped)
	close   func(CloseInfo)
}

// events are a conn's handlers and what waits for them. One goroutine at a time runs them, and only while there is something to handle.
// All fields are guarded by Conn.mu.
type events struct {
	on handlers

	queue   []event       // bounded by highWater and one read of the loop
	cost    int           // of queue
	paused  bool          // the loop was told not to read
	busy    bool          // a goroutine runs the handlers
	settled bool          // whoever sets the handlers has done so; before, nothing is given up for lack of one
	muted   bool          // a message was broken, and none is taken any more
	done    bool          // OnClose was called, or there is none and there will be none
	pulled  bool          // the body of the loop over Messages has a message, and has not asked for the next
	pull    chan struct{} // wakes Messages; nil unless one is running
}

// OnMessage sets the handler for messages. Like all handlers of a conn it is called in the order in which things happened, one call at a
// time, on a goroutine that exists only while there is something to handle; so it may block. While it is behind by more than 64 KiB the
// conn is not read, and TCP pushes back on the sender. Messages that came before are kept for it; of a conn that never gets one, 64 KiB. A handler that panics closes its conn
// with [CodeInternal]; the others live on. The handler may be called before the function that sets it returns, so set it last there.
func (c *Conn) OnMessage(f func(Message)) { c.setHandler(func(e *events) { e.on.message = f }) }

// OnPong sets the handler for pongs, with the data of the ping that they answer.
func (c *Conn) OnPong(f func(data []byte)) { c.setHandler(func(e *events) { e.on.pong = f }) }

// OnSkip sets the handler that is told what a group's slow policy has kept from this conn.
func (c *Conn) OnSkip(f func(Skipped)) { c.setHandler(func(e *events) { e.on.skip = f }) }

// OnClose sets the handler that is told, last of all, how the conn ended. Set on a conn that is closed already, it is called at once. On a
// dialed conn set it after the other handlers.
func (c *Conn) OnClose(f func(CloseInfo)) {
	late := false
	c.setHandler(func(e *events) {
		e.on.close = f
		late = e.done
		if c.srv == nil {
			e.settled = true // nobody else says so of a dialed conn
		}
	})
	if late && f != nil {
		go func() {
			defer c.rescue()
			f(c.closeInfo())
		}()
	}
}

func (c *Conn) setHandler(set func(*events)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set(&c.events)
	if c.events.paused && c.events.unheard() {
		c.events.paused = false
		c.sock.Do(c.sock.Resume)
	}
	c.rouse()
}

// settle says that the handlers are set, as far as they ever will be.
func (c *Conn) settle() { c.setHandler(func(e *events) { e.settled = true }) }

// push adds an event. Loop only.
func (c *Conn) push(e event) {
	c.mu.Lock()
	if c.events.drops(e.kind, c.State() != Open) {
		c.mu.Unlock()
		return
	}
	c.events.queue = append(c.events.queue, e)
	c.events.cost += e.cost()
	pause := c.events.cost > highWater && !c.events.paused && !c.events.unheard() && c.State() == Open
	if pause {
		c.events.paused = true
	}
	run := c.stir()
	c.mu.Unlock()
	if run {
		c.sock.Run((*link)(c))
	}
	if pause {
		c.sock.Pause()
	}
}

// drops says that an event of this kind is not kept.
func (e *events) drops(kind eventKind, closing bool) bool {
	switch kind {
	case eventMessage:
		return e.muted || e.unheard() && e.cost > highWater
	case eventPong:
		return e.on.pong == nil && e.settled || e.cost > highWater && (closing || e.unheard()) // else the conn is paused
	}
	return false
}

// pushSkip tells of skipped messages, together with what was skipped before and is not told yet.
func (c *Conn) pushSkip(s reactor.Skip) {
	skip := &Skipped{
		Group:    s.Fan.Meta.(*Group),
		Messages: s.Packets,
		Bytes:    s.Bytes,
		First:    s.First.Meta.(*outgoing).msg,
		Last:     s.Last.Meta.(*outgoing).msg,
	}
	c.mu.Lock()
	if c.events.on.skip == nil {
		c.mu.Unlock()
		return
	}
	for _, e := range c.events.queue {
		if e.kind == eventSkip && e.skip.Group == skip.Group {
			e.skip.Messages += skip.Messages
			e.skip.Bytes += skip.Bytes
			e.skip.Last = skip.Last
			c.mu.Unlock()
			return
		}
	}
	c.mu.Unlock()
	c.push(event{kind: eventSkip, skip: skip})
}

// Run runs the conn's handlers, on a goroutine of the loop's crew.
func (l *link) Run() { l.conn().handle() }

// stir wakes Messages, and returns true if the caller has to have the handlers run. Called with mu held.
func (c *Conn) stir() (run bool) {
	e := &c.events
	if e.pull != nil {
		select {
		case e.pull <- struct{}{}:
		default:
		}
	}
	if e.busy || e.next() < 0 {
		return false
	}
	e.busy = true
	return true
}

// rouse is stir for goroutines that are not the loop's. Called with mu held.
func (c *Conn) rouse() {
	if c.stir() {
		go c.handle()
	}
}

// next is the index of the event that can be handled now, or -1.
func (e *events) next() int {
	if len(e.queue) == 0 {
		return -1
	}
	closable := e.settled || e.on.close != nil
	switch e.queue[0].kind {
	case eventBye:
		if e.pulled {
			return -1 // the loop may still answer
		}
	case eventMessage:
		if e.pull != nil {
			return -1 // Messages takes it
		}
		if e.on.message != nil {
			return 0
		}
		// If nobody listens the messages stay, in case that somebody will, and let what follows pass.
		if i := e.pastMessages(); e.unheard() && i > 0 && (e.queue[i].kind != eventClose || closable) {
			return i
		}
		return -1
	case eventClose:
		if !closable {
			return -1
		}
	}
	return 0
}

// pastMessages is the index of the first event that is no message, or 0.
func (e *events) pastMessages() int {
	i := slices.IndexFunc(e.queue, func(ev event) bool { return ev.kind != eventMessage })
	return max(i, 0)
}

// caughtUp says that the handlers have nothing to do, and nobody waits for the messages that are kept.
func (c *Conn) caughtUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &c.events
	return !e.busy && !e.pulled && (len(e.queue) == 0 || e.unheard() || c.srv == nil && !e.listening())
}

// listening says that somebody takes messages.
func (e *events) listening() bool { return e.on.message != nil || e.pull != nil }

// unheard says that nobody takes messages and nobody is expected to. The first highWater bytes are kept all the same, and what follows is
// dropped: were the conn not read, its pings and its end would not be seen.
func (e *events) unheard() bool { return e.settled && !e.listening() }

// take removes the i-th event, and resumes reading if the queue is short again. Called with mu held.
func (c *Conn) take(i int) event {
	e := &c.events
	ev := e.queue[i]
	e.cost -= ev.cost()
	if i == 0 {
		e.queue[0] = event{}
		e.queue = e.queue[1:]
	} else {
		e.queue = slices.Delete(e.queue, i, i+1)
	}
	if len(e.queue) == 0 {
		e.queue = nil
	}
	if e.paused && e.cost <= lowWater {
		e.paused = false
		c.sock.Do(c.sock.Resume)
	}
	return ev
}

// handle runs handlers until there is nothing left for them.
func (c *Conn) handle() {
	done := false
	defer func() {
		if !done {
			go c.handle() // a handler has ended the goroutine, with runtime.Goexit
		}
	}()
	for {
		c.mu.Lock()
		i := c.events.next()
		if i < 0 {
			c.events.busy = false
			c.mu.Unlock()
			done = true
			return
		}
		ev := c.take(i)
		on := c.events.on
		if ev.kind == eventClose {
			c.events.done = true
		}
		c.mu.Unlock()
		c.dispatch(ev, on)
	}
}

func (c *Conn) dispatch(ev event, h handlers) {
	if ev.kind == eventClose {
		defer c.closed() // also if OnClose panics
	}
	defer c.rescue()
	switch ev.kind {
	case eventMessage:
		if m, ok := c.decode(ev); ok {
			h.message(m)
		}
	case eventPong:
		if h.pong != nil {
			h.pong(ev.data)
		}
	case eventSkip:
		if h.skip != nil {
			h.skip(*ev.skip)
		}
	case eventBye:
		c.closeNow(*ev.bye)
	case eventClose:
		if h.close != nil {
			h.close(c.closeInfo())
		}
	}
}

// rescue closes the conn of a handler that panicked. It is to be deferred.
func (c *Conn) rescue() {
	if problem := recover(); problem != nil {
		c.set.logger.Error("ws: a handler panicked; its conn is closed with 1011",
			"conn", c.id, "remote", c.facts.remote, "panic", problem, "stack", string(debug.Stack()))
		c.closeNow(CloseInfo{Code: CodeInternal, Reason: "internal error", Err: fmt.Errorf("ws: handler panicked: %v", problem)})
	}
}

// closed follows the last handler.
func (c *Conn) closed() {
	if c.srv != nil {
		c.srv.forget(c)
	}
	c.mu.Lock()
	gone := c.gone
	c.mu.Unlock()
	if gone != nil {
		close(gone)
	}
}

// setGone asks for gone to be closed when the last handler has returned. It is called before the conn is settled.
func (c *Conn) setGone(gone chan<- struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = gone
}
