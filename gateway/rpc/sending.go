package rpc

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub"
)

// At most so many messages of a conn, whose requests have at most so many bytes unless it is one, wait to be accepted. Beyond that its
// requests wait.
const (
	maxSending   = 64
	sendingBytes = 64 << 10
)

// sending is what a peer has sent that is not accepted yet. Messages to one stream are on their way together, so that who sends many pays for
// a way to the log and back only once. All else that the peer asks for, also to send to another stream, begins when they are accepted: so
// requests take effect in their order.
type sending struct {
	mu       sync.Mutex
	to       recipient // where they go
	messages int
	bytes    int
	freed    chan struct{} // closed when some are accepted; nil unless somebody waits
}

// recipient is a room, or a user, that a peer sends to.
type recipient struct {
	name string
	user bool
}

// add waits until a message to a recipient, whose request has so many bytes, can be on its way with the others, and counts it. Like settle it is
// for the conn's handlers, of which one runs at a time.
func (s *sending) add(to recipient, bytes int) {
	s.wait(func() bool {
		return s.messages == 0 || s.to == to && s.messages < maxSending && s.bytes+bytes <= sendingBytes
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
	s.messages++
	s.bytes += bytes
}

// settle waits until nothing is on its way.
func (s *sending) settle() { s.wait(func() bool { return s.messages == 0 }) }

// wait waits until free, which is called with mu held, tells true.
func (s *sending) wait(free func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !free() {
		if s.freed == nil {
			s.freed = make(chan struct{})
		}
		freed := s.freed
		s.mu.Unlock()
		<-freed
		s.mu.Lock()
	}
}

// done takes off what add has counted.
func (s *sending) done(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages--
	s.bytes -= bytes
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}

// send has a message sent by begin, which calls what it is given once, and replies when that is done.
func (c *call) send(to recipient, begin func(done func(hubbub.Message, error))) (any, error) {
	s := &sent{ticket: c.ticket, size: c.size}
	s.peer.sending.add(to, s.size)
	begun := false
	defer func() {
		if !begun { // it panics, and the conn is about to be closed
			s.over()
		}
	}()
	begin(s.done)
	begun = true
	return later{}, nil
}

// sent is a message on its way.
type sent struct {
	ticket
	size  int
	ended atomic.Bool
}

// done replies. The goroutine that calls it is the driver's, and must survive what others are told by it.
func (s *sent) done(m hubbub.Message, err error) {
	defer s.over()
	defer s.peer.rescue()
	s.finish(sendResult{m.ID, m.Position}, err)
}

// over takes it off what is on its way, once.
func (s *sent) over() {
	if s.ended.CompareAndSwap(false, true) {
		s.peer.sending.done(s.size)
	}
}

func roomSend(ctx context.Context, c *call) (any, error) {
	room, out := c.request.params.name("room"), c.outgoing()
	if err := c.request.params.check(); err != nil {
		return nil, err
	}
	return c.send(recipient{name: room}, func(done func(hubbub.Message, error)) {
		c.peer.session.BeginSendRoom(ctx, room, out, done)
	})
}

func userSend(ctx context.Context, c *call) (any, error) {
	user, out := c.request.params.name("user"), c.outgoing()
	if err := c.request.params.check(); err != nil {
		return nil, err
	}
	return c.send(recipient{user, true}, func(done func(hubbub.Message, error)) {
		c.peer.session.BeginSendUser(ctx, user, out, done)
	})
}

// outgoing reads what a message to send consists of.
func (c *call) outgoing() hubbub.Outgoing {
	p := &c.request.params
	return hubbub.Outgoing{
		Data: p.data(c.size), Key: p.id("key"), Collapse: p.id("collapse"), NoEcho: !p.boolean("echo", true),
	}
}
