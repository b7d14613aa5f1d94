package client

import (
	"encoding/json"
	"errors"

	"github.com/hubbub-dev/hubbub"
)

// private follows the private conversations. Guarded by the client's mu.
type private struct {
	known bool // it is known where each conversation stood when the client began, so that what comes later can be found
	held  bool // a new connection: it is not known yet what was missed
	peers map[string]*track
}

// hold is called with each new connection. If those before ended before it was known where all conversations stood, something may have been
// missed of those of which it was known, or which were heard.
func (p *private) hold() {
	p.held = p.known
	for _, t := range p.peers {
		if t.last == none {
			t.last = t.start
		}
		t.held, t.target = p.known || t.last != none, none
	}
}

// peer is the track of a conversation, which is new if there is none: it is followed from the beginning of its epoch.
func (c *Client) peer(user, epoch string) *track {
	t := c.private.peers[user]
	if t != nil {
		return t
	}
	t = &track{where: place{User: user}, held: c.private.held, hand: c.handPrivate}
	t.lost = func() {
		if f := c.o.Handlers.Lost; f != nil {
			c.queue.push(0, func() { f(user) })
		}
	}
	if c.private.known {
		t.last = hubbub.Position{Epoch: epoch}
	}
	if c.private.peers == nil {
		c.private.peers = map[string]*track{}
	}
	c.private.peers[user] = t
	return t
}

func (c *Client) handPrivate(m Message) {
	f := c.o.Handlers.Message
	c.queue.push(sizeOf(m.Data), func() { f(m) })
}

// privateMessage takes a live private message, or one of a backend.
func (c *Client) privateMessage(l *link, params json.RawMessage) {
	var m Message
	if c.o.Handlers.Message == nil || json.Unmarshal(params, &m) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Peer == "" || m.Position == none {
		c.handPrivate(m)
		return
	}
	c.live(l, c.peer(m.Peer, m.Position.Epoch), m)
}

// findPrivate finds out what was missed of private conversations, or, in the first session, where they stand. It runs on a
// goroutine of its own for each connection.
func (c *Client) findPrivate(l *link) {
	before := ""
	for {
		var page ConversationPage
		err := c.insist(l, "conversation.list", pageParams{Before: before, Limit: 100}, &page)
		before = page.Next
		more, ok := c.foundPrivate(l, page, err)
		if !ok {
			return
		}
		if !more {
			break
		}
	}
	c.releasePrivate(l)
	c.begin()
}

// foundPrivate takes a page of conversations, which are listed by their latest activity, so that the first page without news is
// the last one that is of interest. It is not ok if the connection is gone.
func (c *Client) foundPrivate(l *link, page ConversationPage, err error) (more, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l || l.ctx.Err() != nil || errors.Is(err, ErrDisconnected) {
		return false, false
	}
	news := !c.private.known
	for _, conv := range page.Conversations {
		if conv.User == "" {
			continue
		}
		t := c.peer(conv.User, conv.Position.Epoch)
		if !t.held {
			t.start = furthest(t.start, conv.Position)
			continue
		}
		if follows(conv.Position, t.last) {
			news = true
			t.target = furthest(t.target, conv.Position)
		}
	}
	return err == nil && news && page.Next != "", true
}

// releasePrivate lets live messages through, for each conversation when nothing of it is missing any more.
func (c *Client) releasePrivate(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return
	}
	c.private.known, c.private.held = true, false
	for _, t := range c.private.peers {
		if !t.held {
			continue
		}
		if t.behind() {
			c.work.Go(func() { c.catchUp(l, t) })
			continue
		}
		t.release()
	}
}
