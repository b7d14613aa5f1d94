package client

import (
	"context"
	"encoding/json"

	"github.com/hubbub-dev/hubbub"
)

// Room is a room that a [Client] has joined. Its methods may be called concurrently.
type Room struct {
	Stream
	handler RoomHandler
	ready   chan error // gets the outcome of Join

	// Guarded by the client's mu.
	track track
	in    bool // this connection's join is answered, and nothing is missing that a join has to bring
	ever  bool // a join was answered
	again bool // a join is under way for what was skipped
	more  bool // more was skipped since that was asked for
}

// Join joins a room and hands its messages over: the newest ones, or those since [RoomHandler.Since], then live ones.
// It returns when the room is joined, and waits for a connection if there is none. After a reconnect the client joins
// again by itself and hands over what came meanwhile. Errors are those of the protocol's room.join; Conflict if the
// client has joined it already.
func (c *Client) Join(ctx context.Context, room string, h RoomHandler) (*Room, error) {
	r := &Room{Stream: Stream{c, place{Room: room}}, handler: h, ready: make(chan error, 1)}
	r.track = track{where: r.where, last: h.Since, hand: r.hand, lost: func() { c.tell(h.Lost) }}
	if err := c.addRoom(r); err != nil {
		return nil, err
	}
	c.queue.call(1)
	defer c.queue.call(-1)
	err := func() error {
		select {
		case err := <-r.ready:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.ended:
			return c.endedError()
		}
	}()
	if err != nil {
		c.abandon(r)
		return nil, err
	}
	return r, nil
}

func (c *Client) addRoom(r *Room) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[r.where.Room] != nil {
		return hubbub.Errorf(hubbub.Conflict, "this client has joined the room %q already: leave it first", r.where.Room)
	}
	c.rooms[r.where.Room] = r
	if c.link != nil {
		r.join(c.link)
	}
	return nil
}

// abandon forgets a room whose join nobody waits for any more.
func (c *Client) abandon(r *Room) {
	if l := c.current(); c.dropRoom(r) && l != nil {
		// A failure means that the connection is lost, and with it the room.
		_ = l.start("room.leave", r.where, func(json.RawMessage, error) {})
	}
}

// dropRoom tells whether the room was there.
func (c *Client) dropRoom(r *Room) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[r.where.Room] != r {
		return false
	}
	delete(c.rooms, r.where.Room)
	return true
}

// Leave leaves the room. Nothing of it is handed over any more once Leave has been called, but for what waits for the handlers.
func (r *Room) Leave(ctx context.Context) error {
	r.c.dropRoom(r)
	return r.c.Call(ctx, "room.leave", r.where, nil)
}

// Position is that of the newest message that was handed to the handlers, or where the room stood when it was joined.
// It is zero in rooms that keep nothing.
func (r *Room) Position() hubbub.Position {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.track.last
}

// Present lists who is in the room, from the user after after; limit is 1 to 1000, 0 means 50.
func (r *Room) Present(ctx context.Context, after string, limit int) (PresentPage, error) {
	var page PresentPage
	err := r.c.Call(ctx, "room.present", pageParams{Room: r.where.Room, After: after, Limit: limit}, &page)
	return page, err
}

type joinParams struct {
	Room  string           `json:"room"`
	Since *hubbub.Position `json:"since,omitempty"`
	Limit int              `json:"limit,omitempty"`
}

type joinReply struct {
	Position  hubbub.Position `json:"position"` // zero for null
	Recovered bool            `json:"recovered"`
	Messages  []Message       `json:"messages"`
	More      bool            `json:"more"`
}

// join asks to join. The reply is taken by the goroutine that reads, so that no live message comes between. The
// client's mu is held.
func (r *Room) join(l *link) {
	since := r.track.last
	r.more = false
	limit := r.handler.Limit
	if limit < 0 {
		limit = 1 // the least that the server knows
	}
	err := l.start("room.join", joinParams{r.where.Room, optional(since), limit}, func(result json.RawMessage, err error) {
		var reply joinReply
		if err == nil {
			err = unmarshal("room.join", result, &reply)
		}
		r.c.mu.Lock()
		defer r.c.mu.Unlock()
		if r.c.link != l || r.c.rooms[r.where.Room] != r {
			return // lost, so that the next connection joins; or left
		}
		r.again = false
		if err != nil {
			r.refused(l, err)
			return
		}
		r.joined(l, reply, since)
		if r.more {
			r.track.held, r.again = true, true
			r.join(l)
		}
	})
	_ = err // the connection is lost: the next one joins
}

// joined takes the reply to a join. The client's mu is held.
func (r *Room) joined(l *link, reply joinReply, since hubbub.Position) {
	t := &r.track
	if !reply.Recovered && (r.ever || since != none) {
		t.last = none
		t.lost()
	}
	if !reply.Recovered && r.handler.Limit < 0 {
		reply.Messages = nil
	}
	for _, m := range reply.Messages {
		t.fetched(m)
	}
	if reply.Recovered && reply.More {
		t.target = furthest(t.target, reply.Position)
	}
	if !r.ever {
		r.ever = true
		r.ready <- nil
	}
	r.in = true
	if t.behind() {
		t.held = true
		r.c.work.Go(func() { r.c.catchUp(l, t) })
		return
	}
	if reply.Position != none {
		t.target = reply.Position // also what was hidden from this device is known now
	}
	t.release()
}

// furthest is the later of two positions; none is the earliest.
func furthest(p, other hubbub.Position) hubbub.Position {
	if p == none || other != none && follows(other, p) {
		return other
	}
	return p
}

// refused takes the error of a join. The client's mu is held.
func (r *Room) refused(l *link, err error) {
	if !r.ever {
		delete(r.c.rooms, r.where.Room)
		r.ready <- err
		return
	}
	delay, ok := again(err)
	if !ok {
		delete(r.c.rooms, r.where.Room)
		r.c.end(r, err)
		return
	}
	r.c.work.Go(func() {
		if pause(l.ctx, delay) != nil {
			return
		}
		r.c.mu.Lock()
		defer r.c.mu.Unlock()
		if r.c.link == l && r.c.rooms[r.where.Room] == r {
			r.join(l)
		}
	})
}

// end tells that a room was left for good. The client's mu is held.
func (c *Client) end(r *Room, err error) {
	if r.handler.Ended != nil {
		c.queue.push(0, func() { r.handler.Ended(err) })
	}
}

// hand hands a message over. The client's mu is held.
func (r *Room) hand(m Message) {
	if f := r.handler.Message; f != nil {
		r.c.queue.push(sizeOf(m.Data), func() { f(m) })
	}
}

// message takes a live message. The client's mu is held.
func (r *Room) message(l *link, m Message) {
	if r.in {
		r.c.live(l, &r.track, m)
	}
}

// skipped takes the news that messages were left out, which are fetched unless the handler cares for it. The client's
// mu is held.
func (r *Room) skipped(l *link, s Skipped) {
	if f := r.handler.Skipped; f != nil {
		r.c.queue.push(0, func() { f(s) })
		return
	}
	if !r.in || r.again {
		r.more = r.again // the server may have looked before that
		return
	}
	t := &r.track
	if t.last == none {
		t.lost() // the room keeps nothing
		return
	}
	if s.From != none && !follows(s.From, t.last) {
		t.last = none // later ones were handed over already: nothing can be put between
	}
	t.held, r.again = true, true
	r.join(l)
}
