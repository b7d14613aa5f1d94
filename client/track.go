package client

import (
	"encoding/json"
	"errors"

	"github.com/hubbub-dev/hubbub"
)

// track follows one stream, so that its messages are handed over once and in order. While earlier messages are missing
// it is held: live ones are not handed over then, and not kept either, since the stream's history has them; their
// position is remembered as the target up to which to fetch. Guarded by the client's mu.
type track struct {
	where  place
	last   hubbub.Position // of the message that was handed over last, or where the stream stood; zero if unknown
	start  hubbub.Position // where a conversation stood when the client began; zero if there was nothing, or for rooms
	held   bool
	target hubbub.Position // zero if nothing is known to be missing
	hand   func(Message)   // hands a message over
	lost   func()          // tells that messages are lost
}

// place names a stream as the protocol does.
type place struct {
	Room string `json:"room,omitempty"`
	User string `json:"user,omitempty"`
}

// method is the name of a method for this kind of stream.
func (p place) method(name string) string {
	if p.Room != "" {
		return "room." + name
	}
	return "user." + name
}

// follows tells whether a position is after another one. One of a new epoch is.
func follows(p, other hubbub.Position) bool { return p.Epoch != other.Epoch || p.Offset > other.Offset }

// none is no position.
var none hubbub.Position

// live takes a message that came as a notification. While too much waits for the handlers it is left to the history, too. The
// client's mu is held.
func (c *Client) live(l *link, t *track, m Message) {
	switch {
	case m.Position == none: // of a stream that keeps nothing
		t.hand(m)
	case t.last != none && !follows(m.Position, t.last):
		return // known
	case t.held:
		t.target = m.Position
	case t.last != none && c.queue.full():
		t.held, t.target = true, m.Position
		c.work.Go(func() { c.catchUp(l, t) })
	default:
		if t.last != none && m.Position.Epoch != t.last.Epoch {
			t.lost()
		}
		t.fetched(m)
	}
}

// fetched takes a message of a page, or of a reply to a join.
func (t *track) fetched(m Message) {
	if t.last != none && m.Position != none && !follows(m.Position, t.last) {
		return
	}
	t.hand(m)
	if m.Position != none {
		t.last = m.Position
	}
}

// forget begins anew: what was handed over is out of date.
func (t *track) forget() {
	t.last, t.target = none, none
	t.lost()
}

// behind tells whether something is known to be missing.
func (t *track) behind() bool { return t.target != none && follows(t.target, t.last) }

// release lets live messages through again. What the target says beyond the last message is hidden from this device, or gone.
func (t *track) release() {
	if t.behind() && (t.last == none || t.target.Epoch == t.last.Epoch) {
		t.last = t.target
	}
	t.held, t.target = false, none
}

// catchUp fetches what is missing of a held stream and lets live messages through again. It runs on a goroutine of its own.
func (c *Client) catchUp(l *link, t *track) {
	l.slots <- struct{}{}
	defer func() { <-l.slots }()
	for c.queue.room(l.ctx) {
		c.mu.Lock()
		after, goal := t.last, t.target
		c.mu.Unlock()
		var page Page
		err := c.insist(l, t.where.method("history"), historyParams{place: t.where, After: optional(after), Limit: 500}, &page)
		if c.caughtUp(l, t, page, err, after, goal) {
			return
		}
	}
}

// caughtUp takes a page, and tells whether it was the last one.
func (c *Client) caughtUp(l *link, t *track, page Page, err error, after, goal hubbub.Position) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l || !t.held || l.ctx.Err() != nil || errors.Is(err, ErrDisconnected) {
		return true // somebody else cares for it: the next connection, or a join
	}
	if err != nil {
		t.forget() // not permitted any more, for instance: at least it is not left to guess
		t.release()
		return true
	}
	if after != none && !page.Complete {
		t.forget()
		return false
	}
	for _, m := range page.Messages {
		t.fetched(m)
	}
	if page.More && after != none {
		return false
	}
	if t.behind() && (t.target != goal || len(page.Messages) > 0) {
		return false
	}
	t.release()
	return true
}

type historyParams struct {
	place
	After  *hubbub.Position `json:"after,omitempty"`
	Before *hubbub.Position `json:"before,omitempty"`
	Limit  int              `json:"limit,omitempty"`
}

// optional is nil for no position.
func optional(p hubbub.Position) *hubbub.Position {
	if p == none {
		return nil
	}
	return &p
}

// sizeOf is about what a message takes while it waits for its handler.
func sizeOf(data json.RawMessage) int { return len(data) + 256 }
