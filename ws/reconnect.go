package ws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// Reconnecting keeps a conn to a server: it dials, and when that fails or the conn ends it waits a while and dials
// again. Only URL or Target must be set. All fields are set before [Reconnecting.Run] and not changed after.
//
// It waits a random time between 0 and a limit that begins with MinDelay, doubles with each failure in a row up to
// MaxDelay, and is reset by a conn that was open for 10 s. What the server asks for comes first: a close reason "word
// retry=MIN-MAX" gives the least and the most milliseconds to wait, the header Retry-After of a refusal is waited for
// beforehand; neither for longer than an hour.
//
// It stops when the server says that coming back is of no use: with a close code from 4500 to 4999; with a status below
// 500 other than 408, 421, 425 and 429, or with 501 or 505; with a 101 that is wrong; or when URL or options are. With
// Target, which may have a new token, a 401 or 403 is final only if it comes twice in a row.
type Reconnecting struct {
	URL     string      // as for Dial
	Options DialOptions // as for Dial
	// Target is asked before each attempt, in place of URL and Options, since tokens expire. An error of it counts as a
	// failed attempt.
	Target func(ctx context.Context) (url string, o DialOptions, err error)

	// OnConnect is called with each new conn, to set its handlers; what arrives before is kept. It may also block,
	// ranging over [Conn.Messages]. The next attempt is made when it and all handlers of the conn have returned.
	// Closing the conn makes it connect again.
	OnConnect func(*Conn)
	// OnEvent is told what happens, by the goroutine of Run.
	OnEvent func(ReconnectEvent)

	MinDelay time.Duration // the first limit for a delay; 0 means 1 s
	MaxDelay time.Duration // the last; 0 means 30 s
	// FirstDelay, unless it is nil, tells the least and the most time to wait after a conn has ended whose close reason asks for
	// nothing, if no attempt has failed before; a most of 0 means as without it. It is for servers that tell it in a message. It
	// is called by the goroutine of Run.
	FirstDelay func() (least, most time.Duration)

	conn atomic.Pointer[Conn]
}

// ReconnectState is what a [Reconnecting] does.
type ReconnectState uint8

const (
	ReconnectDialing ReconnectState = iota // an attempt begins
	ReconnectOpen                          // it has succeeded; OnConnect is called next
	ReconnectWaiting                       // it has failed, or the conn has ended
	ReconnectStopped                       // Run returns
)

// String returns "dialing", "open", "waiting" or "stopped".
func (s ReconnectState) String() string {
	switch s {
	case ReconnectDialing:
		return "dialing"
	case ReconnectOpen:
		return "open"
	case ReconnectWaiting:
		return "waiting"
	case ReconnectStopped:
		return "stopped"
	}
	return fmt.Sprintf("ReconnectState(%d)", uint8(s))
}

// ReconnectEvent is one thing that happened to a [Reconnecting].
type ReconnectEvent struct {
	State    ReconnectState
	Failures int           // attempts that failed, or gave a conn that was open for less than 10 s, in a row
	Delay    time.Duration // until the next attempt, if waiting
	// Err is why it waits or has stopped: a CloseInfo if a conn has ended, otherwise an error of Dial, Target or ctx.
	Err error
}

// Conn is the conn that is open now, or nil. It may be called from any goroutine. A conn that ends is the result until
// its handlers have returned.
func (r *Reconnecting) Conn() *Conn { return r.conn.Load() }

// Run keeps a conn until ctx ends or the server refuses for good, and returns why. A conn that is open when ctx ends is
// closed with CodeNormal, and its handlers are waited for. Run must not be called again before it has returned.
func (r *Reconnecting) Run(ctx context.Context) error {
	run := reconnecting{Reconnecting: r}
	err := run.loop(ctx)
	run.tell(ReconnectEvent{State: ReconnectStopped, Err: err})
	return err
}

// resetAfter is how long a conn has to be open for the failures before it to be forgotten.
const resetAfter = 10 * time.Second

// reconnecting is one Run.
type reconnecting struct {
	*Reconnecting
	failures  int  // see ReconnectEvent
	forbidden bool // the attempt before was answered with 401 or 403
}

func (r *reconnecting) loop(ctx context.Context) error {
	for ctx.Err() == nil {
		r.tell(ReconnectEvent{State: ReconnectDialing})
		lasted, err := r.once(ctx)
		r.failures++
		if lasted {
			r.failures = 0
		}
		if ctx.Err() != nil {
			break
		}
		if r.final(err) {
			return fmt.Errorf("ws: will not reconnect: %w", err)
		}
		delay := r.window(err).pick()
		r.tell(ReconnectEvent{State: ReconnectWaiting, Delay: delay, Err: err})
		pause := time.NewTimer(delay)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	return context.Cause(ctx)
}

// once makes an attempt and, if it succeeds, returns when the conn has ended. The error says why, in either case.
func (r *reconnecting) once(ctx context.Context) (lasted bool, err error) {
	url, o := r.URL, r.Options
	if r.Target != nil {
		if url, o, err = r.Target(ctx); err != nil {
			return false, fmt.Errorf("ws: find out where to connect to: %w", err)
		}
	}
	c, err := Dial(ctx, url, o)
	if err != nil {
		return false, err
	}
	opened := time.Now()
	stop := context.AfterFunc(ctx, func() { c.Close(CodeNormal, "") })
	defer stop()
	r.use(c)
	return time.Since(opened) >= resetAfter, c.closeInfo()
}

// use returns when the conn's last handler has.
func (r *reconnecting) use(c *Conn) {
	gone := make(chan struct{})
	c.setGone(gone)
	r.conn.Store(c)
	defer r.conn.Store(nil)
	r.tell(ReconnectEvent{State: ReconnectOpen})
	r.connected(c)
	<-gone
}

func (r *reconnecting) connected(c *Conn) {
	defer c.settle()
	if r.OnConnect == nil {
		return
	}
	defer c.rescue()
	r.OnConnect(c)
}

func (r *reconnecting) tell(e ReconnectEvent) {
	if r.OnEvent != nil {
		e.Failures = r.failures
		r.OnEvent(e)
	}
}

// final reports whether trying again is of no use.
func (r *reconnecting) final(err error) bool {
	again := r.forbidden
	r.forbidden = false
	var info CloseInfo
	var refused *HandshakeError
	var wrong *usageError
	switch {
	case errors.As(err, &refused):
		r.forbidden = refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden
		if r.forbidden && r.Target != nil {
			return again
		}
		return finalStatus(refused.Status)
	case errors.As(err, &wrong):
		return true
	case errors.As(err, &info):
		return finalCode(info.Code)
	}
	return false
}

// window is how long to wait after err.
func (r *reconnecting) window(err error) window {
	w := backoff(or(r.MinDelay, time.Second), or(r.MaxDelay, 30*time.Second), r.failures-1)
	var info CloseInfo
	var refused *HandshakeError
	switch {
	case errors.As(err, &refused):
		return retryAfter(refused.Header.Get("Retry-After"), time.Now(), w)
	case errors.As(err, &info):
		if asked, ok := reasonWindow(info.Reason); ok {
			return asked
		}
		return r.first(w)
	}
	return w
}

// first is how long to wait after a conn has ended that was not one of several failures in a row.
func (r *reconnecting) first(w window) window {
	if r.FirstDelay == nil || r.failures > 1 {
		return w
	}
	if least, most := r.FirstDelay(); most > 0 {
		return window{min(max(least, 0), most), most}.clamp()
	}
	return w
}
