package ws

import (
	"errors"
	"io"
	"time"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// link is a Conn as its loop sees it: it has the methods of reactor.Handler, which are nobody else's business. The loop calls them one
// after the other, and none may block.
type link Conn

func (l *link) conn() *Conn { return (*Conn)(l) }

// life is what the loop knows of the heartbeat and the closing handshake.
type life struct {
	pinged bool       // a heartbeat's ping went out, and nothing has come since
	said   bool       // we have sent a close frame, or will before anything else
	polite bool       // nothing went wrong: while the peer takes what waits before the close frame, its time does not run
	heard  bool       // the peer has sent one
	broken bool       // the peer broke the protocol, and is not listened to any more
	hungUp bool       // the peer has hung up, and what it said before is not read yet
	bye    *CloseInfo // the peer's close frame, whose answer waits for the handlers; nil if there is none
}

var (
	errTimeout  = errors.New("ws: peer did not finish the closing handshake in time")
	slowInfo    = CloseInfo{Code: CodeSlow, Reason: "slow", Err: ErrSlow}
	silenceInfo = CloseInfo{Code: CodeHeartbeat, Reason: "heartbeat", Err: ErrHeartbeat}
)

// start gives the conn to a loop. first is sent first; read was received with the handshake.
func (c *Conn) start(r *reactor.Reactor, s reactor.Socket, first, read []byte) {
	c.id = lastID.Add(1)
	c.state.Store(uint32(Open))
	r.Start(&c.sock, s, reactor.Setup{
		Handler: (*link)(c),
		Form:    c.form(),
		Limit:   c.set.maxPending,
		First:   first,
		Read:    read,
		Timer:   c.set.ping,
	})
}

// Received parses what came in.
func (l *link) Received(p []byte) {
	c := l.conn()
	if c.life.pinged {
		c.life.pinged = false
		if !c.life.said && c.life.bye == nil && !c.life.hungUp {
			c.sock.SetTimer(c.set.ping)
		}
	}
	if err := c.parser.feed(p, c.set.limits(c.deflate.enabled), l); err != nil {
		c.fail(err)
	}
}

// message passes a whole message on to the handlers. Like a browser, a conn that is closing hears no more messages.
func (l *link) message(binary, compressed bool, data []byte) {
	if c := l.conn(); c.State() == Open {
		c.push(event{kind: eventMessage, binary: binary, compressed: compressed, data: data})
	}
}

func (l *link) control(op opcode, data []byte) {
	c := l.conn()
	switch op {
	case opPing:
		c.sock.Control(c.frame(opPong, false, data), true) // only the latest ping needs an answer (RFC 6455, section 5.5.3)
	case opPong:
		c.push(event{kind: eventPong, data: append([]byte(nil), data...)})
	case opClose:
		code, reason := parseClosePayload(data)
		c.heardClose(CloseInfo{Code: code, Reason: reason})
	}
}

// HungUp ends the context, so that a handler that is behind can give up.
func (l *link) HungUp() {
	c := l.conn()
	c.life.hungUp = true
	c.Context() // made now, so that who asks for it later finds it ended
	c.endContext(CloseInfo{Code: CodeAbnormal, Err: io.ErrUnexpectedEOF})
	c.sock.SetTimer(c.set.pongTimeout)
}

// Timeout is the heartbeat while the conn is open, and the end of patience when it is closing.
func (l *link) Timeout() {
	c := l.conn()
	silence := c.sock.Heard()
	switch {
	case c.life.polite && c.sock.Taken() < c.set.closeTimeout:
		c.sock.SetTimer(c.set.closeTimeout - c.sock.Taken())
	case c.life.said:
		c.sock.End(errTimeout)
	case c.life.bye != nil: // the handlers have had their time
		c.answer(*c.life.bye)
	case c.life.hungUp:
		c.sock.End(io.ErrUnexpectedEOF)
	case c.set.ping == 0:
	case c.sock.Paused(): // the silence is ours
		c.sock.SetTimer(c.set.ping)
	case c.life.pinged:
		c.sock.Look() // the answer may be there, in a loop that has much to do
		if c.life.pinged {
			c.giveUp(silenceInfo)
		}
	case silence >= c.set.ping:
		c.life.pinged = true
		c.sock.Control(c.frame(opPing, false, nil), false)
		c.sock.SetTimer(c.set.pongTimeout)
	default:
		c.sock.SetTimer(c.set.ping - silence)
	}
}

// Slow ends a conn that a broadcast has brought over its limit.
func (l *link) Slow(*reactor.Fan) {
	c := l.conn()
	if c.leaveOpen(slowInfo) {
		c.say(slowInfo, reactor.ThenShut)
	}
}

// Skipped tells the conn's owner what a slow policy kept from it.
func (l *link) Skipped(s reactor.Skip) { l.conn().pushSkip(s) }

// Ended is the last that is heard of the socket.
func (l *link) Ended(err error) {
	c := l.conn()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if bye := c.life.bye; bye != nil {
		c.leaveOpen(CloseInfo{Code: bye.Code, Reason: bye.Reason, Err: err}) // it did not wait for the answer
	}
	if !c.leaveOpen(CloseInfo{Code: CodeAbnormal, Err: err}) && !(c.life.said && c.life.heard) {
		c.mu.Lock()
		if c.info.Err == nil {
			c.info.Err = err // the closing handshake was not finished
		}
		c.mu.Unlock()
	}
	c.state.Store(uint32(Closed))
	c.endContext(c.closeInfo())
	c.push(event{kind: eventClose})
}

// leaveOpen takes the conn from Open to Closing, and out of its groups. It returns false if somebody else did before.
func (c *Conn) leaveOpen(info CloseInfo) bool {
	c.mu.Lock()
	if !c.state.CompareAndSwap(uint32(Open), uint32(Closing)) {
		c.mu.Unlock()
		return false
	}
	c.info = &info
	groups := c.groups
	c.groups = nil
	c.mu.Unlock()
	for _, g := range groups {
		g.leave(c)
	}
	return true
}

// closeInfo is how the conn ended; it no longer changes when the state is Closed.
func (c *Conn) closeInfo() CloseInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info == nil {
		return CloseInfo{}
	}
	return *c.info
}

// closeNow begins the closing handshake from any goroutine. It returns false if the conn is not open.
func (c *Conn) closeNow(info CloseInfo) bool {
	if !c.leaveOpen(info) {
		return false
	}
	c.sock.Do(func() { c.say(info, reactor.ThenWait) })
	return true
}

// say sends the close frame. Loop only, as all below.
func (c *Conn) say(info CloseInfo, then reactor.Ending) {
	if c.life.said {
		return
	}
	c.life.said, c.life.polite = true, info.Err == nil
	if c.life.heard && !c.set.plain.client {
		then = reactor.ThenClose // the server is the one to end the connection (RFC 6455, section 7.1.1)
	}
	if c.life.broken {
		then = reactor.ThenShut
	}
	c.sock.Finish(c.frame(opClose, false, appendClosePayload(nil, info.Code, info.Reason)), then)
	c.sock.SetTimer(c.set.closeTimeout)
	c.sock.Resume() // to see the peer's answer; messages are no longer kept
}

// heardClose answers the peer's close frame, or takes it for the answer to ours. Handlers that are behind may still answer what the peer said
// before, as long as CloseTimeout allows.
func (c *Conn) heardClose(info CloseInfo) {
	c.life.heard = true
	if c.State() != Open {
		if c.life.said && !c.set.plain.client {
			c.sock.Finish(nil, reactor.ThenClose)
		}
		return // a client waits for the server to end the connection; if our own close frame is still to come, say goes on
	}
	if c.caughtUp() {
		c.answer(info)
		return
	}
	c.life.bye = &info
	c.sock.SetTimer(c.set.closeTimeout)
	c.push(event{kind: eventBye, bye: &info})
}

// answer echoes the peer's close frame.
func (c *Conn) answer(info CloseInfo) {
	if c.leaveOpen(info) {
		c.say(info, reactor.ThenWait)
	}
}

// fail ends a conn whose peer broke the protocol (RFC 6455, section 7.1.7). The peer's answer would not be understood any more, so we wait
// for the end of its socket only.
func (c *Conn) fail(err error) {
	info := failure(err)
	c.life.broken = true
	if c.leaveOpen(info) {
		c.say(info, reactor.ThenShut)
		return
	}
	if c.life.said {
		c.sock.Finish(nil, reactor.ThenShut)
	}
	// If our own close frame is still on its way to the loop, say goes on.
}

// failure says with which code a conn is closed because of an error.
func failure(err error) CloseInfo {
	var broken *protocolError
	if !errors.As(err, &broken) {
		return CloseInfo{Code: CodeInternal, Reason: "internal error", Err: err}
	}
	return CloseInfo{Code: broken.code, Reason: truncate(broken.text, maxReason), Err: err}
}

// giveUp tries to say why, but does not wait for a peer that may be gone.
func (c *Conn) giveUp(info CloseInfo) {
	if c.leaveOpen(info) {
		c.say(info, reactor.ThenClose)
		c.sock.SetTimer(time.Millisecond)
	}
}
