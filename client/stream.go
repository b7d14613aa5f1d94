package client

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Stream is the messages of a [Room], or of the private conversation with a user. Its methods may be called concurrently.
type Stream struct {
	c     *Client
	where place
}

// User is the private conversation with a user; it asks the server nothing.
func (c *Client) User(name string) Stream { return Stream{c, place{User: name}} }

// Name is the room's or the user's.
func (s Stream) Name() string { return s.where.Room + s.where.User }

// SendOptions say more about a message. The zero value works.
type SendOptions struct {
	// Key makes a send safe to repeat: the same one within 5 minutes is the same message. "" means a random one, with which the
	// client repeats the send itself when a connection is lost; give one to repeat it after an error.
	Key      string
	NoEcho   bool   // this device does not get the message itself
	Collapse string // the message replaces earlier ones with the same
}

type sendParams struct {
	place
	Data     any    `json:"data"`
	Key      string `json:"key,omitempty"`
	Echo     *bool  `json:"echo,omitempty"`
	Collapse string `json:"collapse,omitempty"`
}

// keyLife is for how long a send is repeated. The server knows keys for 5 minutes; the rest is for the last attempt.
const keyLife = 4 * time.Minute

// Send sends data, which is encoded as JSON, and returns when the server has accepted it. Without a connection it waits
// for one, and if one is lost before the reply came it sends again, for up to 4 minutes or until ctx ends; the message
// is sent once all the same. After an error because of ctx nobody knows whether it was. Other errors are those of the
// protocol's room.send and user.send.
func (s Stream) Send(ctx context.Context, data any, o SendOptions) (Sent, error) {
	params := sendParams{place: s.where, Data: data, Key: o.Key, Collapse: o.Collapse}
	if params.Key == "" {
		params.Key = rand.Text()
	}
	if o.NoEcho {
		params.Echo = new(bool)
	}
	s.c.queue.call(1)
	defer s.c.queue.call(-1)
	until := time.Now().Add(keyLife)
	for {
		l, err := s.c.connected(ctx)
		if err != nil {
			return Sent{}, err
		}
		var sent Sent
		joining := s.c.joining(l, s.where)
		err = l.call(ctx, s.where.method("send"), params, &sent)
		if e, refused := errors.AsType[*hubbub.Error](err); joining && refused && e.Reason == hubbub.Forbidden && time.Now().Before(until) {
			if err := pause(ctx, rejoinWait); err != nil {
				return Sent{}, err
			}
			continue
		}
		if err == nil || !errors.Is(err, ErrDisconnected) || time.Now().After(until) {
			return sent, err
		}
		if err := s.c.lost(ctx, l); err != nil {
			return Sent{}, err
		}
	}
}

// rejoinWait is when a send is repeated that was refused since its room could not be joined again yet.
const rejoinWait = 100 * time.Millisecond

// joining tells whether a room was joined before, and this connection's join is not answered yet: it may have failed for now, when the
// server refuses what is sent to the room.
func (c *Client) joining(l *link, where place) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[where.Room]
	return c.link == l && r != nil && r.ever && !r.in
}

// HistoryQuery selects a page of a stream: what follows After, or what precedes Before, or the newest messages.
type HistoryQuery struct {
	After, Before hubbub.Position // at most one of them
	Limit         int             // 1 to 1000; 0 means 50
}

// History reads older messages. A room must have been joined.
func (s Stream) History(ctx context.Context, q HistoryQuery) (Page, error) {
	var page Page
	params := historyParams{s.where, optional(q.After), optional(q.Before), q.Limit}
	err := s.c.Call(ctx, s.where.method("history"), params, &page)
	return page, err
}

// MarkRead says that the user has read everything up to this position.
func (s Stream) MarkRead(ctx context.Context, p hubbub.Position) error {
	return s.c.Call(ctx, "message.read", struct {
		place
		Position hubbub.Position `json:"position"`
	}{s.where, p}, nil)
}

// Typing says that the user is writing, or has stopped.
func (s Stream) Typing(ctx context.Context, active bool) error {
	return s.c.Call(ctx, "typing", struct {
		place
		Active bool `json:"active"`
	}{s.where, active}, nil)
}
