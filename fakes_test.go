package hubbub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// wire is a transport that keeps what its conns are told.
type wire struct{}

// line is a conn of it.
type line struct {
	mu     sync.Mutex
	events []hubbub.Event
	why    hubbub.EndReason
	retry  hubbub.Retry
}

func (l *line) Send(e hubbub.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why == "" {
		l.events = append(l.events, e)
	}
}

func (l *line) Close(why hubbub.EndReason, retry hubbub.Retry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why, l.retry = why, retry
}

func (l *line) closed() hubbub.EndReason {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// audience delivers to its lines at once.
type audience struct{ lines map[hubbub.Conn]bool }

func (wire) Audience(string, hubbub.SlowPolicy) hubbub.Audience {
	return &audience{map[hubbub.Conn]bool{}}
}
func (a *audience) Add(c hubbub.Conn)    { a.lines[c] = true }
func (a *audience) HasRoom(int) bool     { return true }
func (a *audience) Remove(c hubbub.Conn) { delete(a.lines, c) }

func (a *audience) Deliver(e hubbub.Event, except []hubbub.Conn) {
	for c := range a.lines {
		if !containsConn(except, c) {
			c.Send(e)
		}
	}
}

func containsConn(conns []hubbub.Conn, c hubbub.Conn) bool {
	for _, other := range conns {
		if other == c {
			return true
		}
	}
	return false
}

// start starts a hub on a memory driver of its own, which ends with the test.
func start(t *testing.T, o hubbub.Options) *hubbub.Hub {
	t.Helper()
	if o.Driver == nil {
		o.Driver = memory.New(memory.Options{})
	}
	h, err := hubbub.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// client is a session with its line.
type client struct {
	*hubbub.Session
	*line
}

// as makes an identity of "user" or "user/device".
func as(name string) hubbub.Identity {
	id := hubbub.Identity{User: name}
	for i := range name {
		if name[i] == '/' {
			id.User, id.Device = name[:i], name[i+1:]
		}
	}
	return id
}

func arrive(ctx context.Context, h *hubbub.Hub, id hubbub.Identity) (client, error) {
	l := &line{}
	s, err := h.Open(ctx, hubbub.Arrival{Identity: id, Conn: l, Transport: wire{}})
	return client{s, l}, err
}

// open opens a session for "user" or "user/device".
func open(t *testing.T, h *hubbub.Hub, name string) client {
	t.Helper()
	c, err := arrive(t.Context(), h, as(name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c client) join(t *testing.T, room string, since *hubbub.Position) hubbub.JoinResult {
	t.Helper()
	var got *hubbub.JoinResult
	err := c.Join(t.Context(), room, hubbub.JoinOptions{Since: since}, func(r hubbub.JoinResult) { got = &r })
	if err != nil {
		t.Fatal(err)
	}
	if got == nil {
		t.Fatal("Join did not reply")
	}
	return *got
}

func text(s string) hubbub.Outgoing {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return hubbub.Outgoing{Data: data}
}

func (c client) say(t *testing.T, room, s string) hubbub.Message {
	t.Helper()
	m, err := c.SendRoom(t.Context(), room, text(s))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// told returns and forgets the events of one type that the client was told.
func told[E hubbub.Event](c client) []E {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []E
	var others []hubbub.Event
	for _, e := range c.events {
		if typed, ok := e.(E); ok {
			found = append(found, typed)
		} else {
			others = append(others, e)
		}
	}
	c.events = others
	return found
}

// heard returns and forgets the data of the messages that the client got.
func heard(c client) []string {
	var data []string
	for _, e := range told[hubbub.Posted](c) {
		data = append(data, string(e.Message.Data))
	}
	return data
}

func wantReason(t *testing.T, err error, want hubbub.Reason) {
	t.Helper()
	e := hubbub.AsError(err)
	if e == nil || e.Reason != want {
		t.Errorf("the error is %v, want one with the reason %s", err, want)
	}
	if e != nil && e.Message == "" {
		t.Error("the error has no message")
	}
}

func datas(messages []hubbub.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m.Data))
	}
	return fmt.Sprint(all)
}

// pass lets the bubble's time pass, and waits for what then happens.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
