package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// Client is a session of hubbub.v1 that reconnects by itself. Its methods may be called concurrently, also from handlers.
type Client struct {
	// Immutable.
	o      Options
	socket ws.Reconnecting
	queue  *queue
	stop   context.CancelCauseFunc
	work   sync.WaitGroup // what recovers and refreshes, bound to one connection each
	failed chan error     // gets why the first attempt failed
	begun  chan struct{}  // closed when the first session has begun, for who waits in Dial
	ended  chan struct{}  // closed when there will be no further connection
	done   chan struct{}  // closed when the last handler has returned

	mu      sync.Mutex
	link    *link         // nil without a connection
	changed chan struct{} // closed when link changes
	welcome Welcome       // of the newest session
	refused error         // why the server did not want the newest session, if it said so
	rooms   map[string]*Room
	private private
	watched map[string]struct{}
	err     error // why it has ended
}

// Dial opens a session and returns when it has begun. It goes on by itself, independent of ctx, until [Client.Close] or
// until the server says that coming back is of no use: signed in on another device, logged out, credentials that are
// bad twice in a row.
//
// If the first attempt fails, Dial returns why, unless the options say to retry: the [hubbub.Error] of a server that has
// refused, with a [ws.HandshakeError] or [ws.CloseInfo] in its chain, or the error of the network.
func Dial(ctx context.Context, o Options) (*Client, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	c.stop = stop
	go c.run(life)
	select {
	case <-c.begun:
		return c, nil
	case err = <-c.failed:
	case <-c.ended:
		err = c.Err()
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.Close()
	<-c.done
	return nil, err
}

func newClient(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, hubbub.Errorf(hubbub.Invalid, "the URL of the gateway cannot be understood: %w", withoutURL(err))
	}
	if o.Device == "" {
		o.Device = "go-" + rand.Text()
	}
	if o.Platform == "" {
		o.Platform = "go"
	}
	query := u.Query()
	query.Set("device", o.Device)
	query.Set("platform", o.Platform)
	u.RawQuery = query.Encode()
	o.URL = u.String()
	if o.MaxQueue <= 0 {
		o.MaxQueue = 4 << 20
	}
	c := &Client{
		o: o, queue: newQueue(o.MaxQueue), failed: make(chan error, 1), begun: make(chan struct{}), ended: make(chan struct{}),
		done: make(chan struct{}), changed: make(chan struct{}), rooms: map[string]*Room{}, watched: map[string]struct{}{},
	}
	c.socket = ws.Reconnecting{
		Target: c.target, OnConnect: c.connect, OnEvent: c.event, FirstDelay: c.firstDelay, MinDelay: o.MinDelay, MaxDelay: o.MaxDelay,
	}
	return c, nil
}

// withoutURL is the cause of a url.Error, since a URL may have a secret in it.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// run is the client's life.
func (c *Client) run(ctx context.Context) {
	handlers := make(chan struct{})
	go func() {
		defer close(handlers)
		c.queue.run()
	}()
	err := c.reason(c.socket.Run(ctx))
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	close(c.ended)
	c.work.Wait()
	c.state(State{Final: true, Err: err})
	c.queue.close(errors.Is(err, ErrClosed))
	<-handlers
	close(c.done)
}

// Close ends the session. It does not wait: Done tells when the last handler has returned. What waits for handlers is dropped.
func (c *Client) Close() {
	c.stop(ErrClosed)
	c.queue.close(true)
}

// Done is closed when the client has ended and no handler is called any more.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the client has ended: ErrClosed after Close, otherwise an error with the server's [ws.CloseInfo] or
// [ws.HandshakeError] in its chain. It is nil as long as the client lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Session is what the server has said about the newest session, which may be lost.
func (c *Client) Session() Welcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome
}

// Call calls any method of the server, such as "bff.profile". params and result are encoded as JSON and may be nil. The package
// says when it fails with [ErrDisconnected].
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	l := c.current()
	if l == nil {
		select {
		case <-c.ended:
			return c.endedError()
		default:
			return disconnected("there is no connection to the server right now", nil)
		}
	}
	c.queue.call(1)
	defer c.queue.call(-1)
	return l.call(ctx, method, params, result)
}

func (c *Client) endedError() error { return disconnected("the client has ended", c.Err()) }

// insist calls a method until the server answers with something else than that it cannot do it now, or the connection is lost.
func (c *Client) insist(l *link, method string, params, result any) error {
	for {
		err := l.call(l.ctx, method, params, result)
		delay, ok := again(err)
		if !ok {
			return err
		}
		if err := pause(l.ctx, delay); err != nil {
			return err
		}
	}
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// target is asked before each attempt where to connect to.
func (c *Client) target(ctx context.Context) (string, ws.DialOptions, error) {
	c.mu.Lock()
	c.refused = nil
	c.mu.Unlock()
	o := c.o.Dial
	if c.o.Token == nil {
		return c.o.URL, o, nil
	}
	token, err := c.o.Token(ctx)
	if err != nil {
		return "", o, fmt.Errorf("make a token: %w", err)
	}
	o.Header = o.Header.Clone()
	if o.Header == nil {
		o.Header = http.Header{}
	}
	o.Header.Set("Authorization", "Bearer "+token)
	return c.o.URL, o, nil
}

// firstDelay is the window that the server has asked for.
func (c *Client) firstDelay() (least, most time.Duration) {
	w := c.Session().Reconnect
	return time.Duration(w.Min) * time.Millisecond, time.Duration(w.Max) * time.Millisecond
}

// event is told by the goroutine that keeps the connection.
func (c *Client) event(e ws.ReconnectEvent) {
	if e.State != ws.ReconnectWaiting {
		return
	}
	err := c.reason(e.Err)
	if !c.o.Retry && !c.hasBegun() {
		select {
		case c.failed <- err: // Dial tells it
		default: // Dial has not ended it yet
		}
		return
	}
	c.state(State{Delay: e.Delay, Err: err})
}

func (c *Client) state(s State) {
	if f := c.o.Handlers.State; f != nil {
		c.queue.push(0, func() { f(s) })
	}
}

// reason adds to an error what the server has said about it.
func (c *Client) reason(err error) error {
	c.mu.Lock()
	refused := c.refused
	c.mu.Unlock()
	if e, ok := errors.AsType[*hubbub.Error](refused); ok {
		return &hubbub.Error{Reason: e.Reason, Message: e.Message, RetryAfter: e.RetryAfter, Err: err}
	}
	return refusal(err)
}
