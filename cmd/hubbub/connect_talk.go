package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// talker is a connection as the loop of connect sees it.
type talker struct {
	say   func(ctx context.Context, text string) error // sends a message
	line  func(ctx context.Context, line string) error // takes what was typed: a message, or a command
	got   chan struct{}                                // one for each message that was received
	ended chan error                                   // gets why the server has ended it; nil if that is no error
	close func()                                       // ends it and returns when all is written
}

// errQuit is what line returns when the user wants to end.
var errQuit = errors.New("quit")

// talk sends and waits until somebody has enough.
func (c *connectCommand) talk(ctx context.Context, t *talker, s *screen) error {
	for _, text := range c.Send {
		if err := t.say(ctx, text); err != nil {
			return err
		}
	}
	var lines <-chan string
	if len(c.Send) == 0 {
		lines = s.lines()
	}
	count, silent := 0, (<-chan time.Time)(nil)
	if lines == nil {
		if c.finished() {
			return nil
		}
		silent = c.silence()
	}
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				if s.editing() || c.finished() {
					return nil
				}
				lines, silent = nil, c.silence()
				continue
			}
			if err := t.line(ctx, line); err != nil {
				return quitIsNoError(err)
			}
		case <-t.got:
			count++
			if c.Count > 0 && count >= c.Count {
				return nil
			}
		case err := <-t.ended:
			return err
		case <-silent:
			if c.Count > 0 {
				return &exitError{exitMissing, fmt.Errorf("received %d of %d messages within %s", count, c.Count, c.Wait)}
			}
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func quitIsNoError(err error) error {
	if errors.Is(err, errQuit) {
		return nil
	}
	return err
}

// finished tells whether to end as soon as everything was sent.
func (c *connectCommand) finished() bool { return c.Count == 0 && c.Wait == 0 }

// silence fires when to stop waiting after the last message was sent; never without --wait.
func (c *connectCommand) silence() <-chan time.Time {
	if c.Wait == 0 {
		return nil
	}
	return time.After(c.Wait)
}

// dialRaw connects to a server of which nothing is known.
func (c *connectCommand) dialRaw(ctx context.Context, target string, o ws.DialOptions, s *screen) (*talker, error) {
	conn, err := ws.Dial(ctx, target, o)
	if err != nil {
		return nil, err
	}
	t := &talker{got: make(chan struct{}), ended: make(chan error, 1)}
	gone := make(chan struct{})
	over, end := context.WithCancel(context.Background())
	t.say = func(_ context.Context, text string) error { return conn.Send(ws.Text(text)) }
	t.line = t.say
	t.close = func() {
		end()
		_ = conn.Close(ws.CodeNormal, "") // fails if it is closed already
		<-gone
	}
	s.note("connected to " + conn.RemoteAddr().String() + offered(conn.Subprotocol()))
	conn.OnMessage(func(m ws.Message) {
		s.raw(m)
		select {
		case t.got <- struct{}{}:
		case <-over.Done():
		}
	})
	conn.OnClose(func(why ws.CloseInfo) {
		t.ended <- closedBy(why)
		close(gone)
	})
	return t, nil
}

func offered(subprotocol string) string {
	if subprotocol == "" {
		return ""
	}
	return " with the subprotocol " + subprotocol
}

// closedBy is nil if the code says that nothing went wrong.
func closedBy(why ws.CloseInfo) error {
	switch why.Code {
	case ws.CodeNormal, ws.CodeGoingAway, ws.CodeNoStatus:
		return nil
	}
	return &exitError{exitClosed, why}
}

// refusalOf tells a refusal with the problem document that came with it, or with its text.
func refusalOf(refused *ws.HandshakeError) string {
	var p struct {
		Detail string        `json:"detail"`
		Reason hubbub.Reason `json:"reason"`
	}
	if json.Unmarshal(refused.Body, &p) != nil || p.Detail == "" {
		return "refused: " + refused.Error()
	}
	return fmt.Sprintf("refused with %d %s: %s (%s)", refused.Status, http.StatusText(refused.Status), p.Detail, p.Reason)
}
