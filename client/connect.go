package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// connect begins to use a connection: it asks for what the one before had, then lets calls use it, then reads.
func (c *Client) connect(conn *ws.Conn) {
	l := newLink(conn)
	c.mu.Lock()
	for _, r := range c.rooms {
		r.join(l)
	}
	c.private.hold()
	c.setLink(l)
	c.mu.Unlock()
	c.watchAgain(l)
	conn.OnMessage(func(m ws.Message) { c.read(l, m) })
	conn.OnClose(func(why ws.CloseInfo) { c.disconnect(l, why) })
}

// disconnect is called when a connection is gone and everything that came over it was read.
func (c *Client) disconnect(l *link, why ws.CloseInfo) {
	c.mu.Lock()
	for _, r := range c.rooms {
		r.in, r.again = false, false
		r.track.held, r.track.target = false, none
	}
	c.setLink(nil)
	c.mu.Unlock()
	l.fail(why)
}

// setLink needs mu.
func (c *Client) setLink(l *link) {
	c.link = l
	close(c.changed)
	c.changed = make(chan struct{})
}

// current is the connection, or nil.
func (c *Client) current() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link
}

// connected waits for a connection.
func (c *Client) connected(ctx context.Context) (*link, error) {
	return c.until(ctx, func(l *link) bool { return l != nil })
}

// lost waits until a connection is not used any more.
func (c *Client) lost(ctx context.Context, old *link) error {
	_, err := c.until(ctx, func(l *link) bool { return l != old })
	return err
}

func (c *Client) until(ctx context.Context, fits func(*link) bool) (*link, error) {
	for {
		c.mu.Lock()
		l, changed := c.link, c.changed
		c.mu.Unlock()
		if fits(l) {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-c.ended:
			return nil, c.endedError()
		}
	}
}

// read takes a frame.
func (c *Client) read(l *link, m ws.Message) {
	if !c.queue.wait() {
		l.overrun.Store(true)
		_ = l.conn.Close(ws.CodeSlow, "slow") // fails if it is closing already
		return
	}
	var f frame
	if m.Binary || m.Unmarshal(&f) != nil {
		return // not of this protocol
	}
	switch {
	case f.Method != "":
		c.notify(l, f.Method, f.Params)
	case len(f.ID) > 0 && string(f.ID) != "null":
		l.reply(&f)
	case f.Error != nil:
		c.mu.Lock()
		c.refused = f.Error.domain()
		c.mu.Unlock()
	}
}

// welcomed begins a session.
func (c *Client) welcomed(l *link, w Welcome) {
	c.mu.Lock()
	c.welcome = w
	c.mu.Unlock()
	c.state(State{Connected: true, Welcome: w})
	if f := c.o.Handlers.Counts; f != nil && w.Inbox != nil {
		c.queue.push(sizeOf(nil), func() { f(*w.Inbox) })
	}
	if c.o.Token != nil && !w.Expires.IsZero() {
		ahead := w.Time.Sub(time.Now())
		c.work.Go(func() { c.keepFresh(l, w.Expires.Time, ahead) })
	}
	if c.o.Handlers.Message == nil {
		c.begin()
		return
	}
	c.work.Go(func() { c.findPrivate(l) })
}

// begin lets Dial return.
func (c *Client) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hasBegun() {
		close(c.begun)
	}
}

func (c *Client) hasBegun() bool {
	select {
	case <-c.begun:
		return true
	default:
		return false
	}
}

// keepFresh gives the session a new token before the one in use expires. ahead is what the server's clock is before ours.
func (c *Client) keepFresh(l *link, expires time.Time, ahead time.Duration) {
	for {
		left := expires.Sub(time.Now().Add(ahead))
		if left < time.Second || pause(l.ctx, left-min(left/5, time.Minute)) != nil {
			return // at the end the server closes the connection, and the next one asks for a token
		}
		token, err := c.o.Token(l.ctx)
		if err != nil {
			continue
		}
		reply, err := c.refresh(l.ctx, l, token)
		if err == nil {
			expires = reply.Expires.Time
		}
		if expires.IsZero() {
			return
		}
	}
}

type refreshReply struct {
	Expires Time     `json:"expires"`
	Left    []string `json:"left"`
}

// refresh gives the session a new token, and ends the rooms that it does not permit.
func (c *Client) refresh(ctx context.Context, l *link, token string) (refreshReply, error) {
	var reply refreshReply
	err := l.call(ctx, "session.refresh", struct {
		Token string `json:"token"`
	}{token}, &reply)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range reply.Left {
		if r := c.rooms[name]; r != nil {
			delete(c.rooms, name)
			c.end(r, hubbub.Errorf(hubbub.Forbidden, "the new token does not permit the room %q", name))
		}
	}
	return reply, err
}

// tell calls a handler without arguments, if there is one, when its turn comes.
func (c *Client) tell(f func()) {
	if f != nil {
		c.queue.push(0, f)
	}
}

// deliver decodes a notification and calls its handler, if there is one, when its turn comes.
func deliver[T any](c *Client, f func(T), params json.RawMessage) {
	var v T
	if f == nil || json.Unmarshal(params, &v) != nil {
		return
	}
	c.queue.push(sizeOf(params), func() { f(v) })
}
