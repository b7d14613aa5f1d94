package client

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// pageParams are those of all methods that list something.
type pageParams struct {
	Room     string            `json:"room,omitempty"`
	Platform string            `json:"platform,omitempty"`
	Attr     map[string]string `json:"attr,omitempty"`
	After    string            `json:"after,omitempty"`
	Before   string            `json:"before,omitempty"`
	Limit    int               `json:"limit,omitempty"`
}

func filterParams(f hubbub.Filter, after string, limit int) pageParams {
	p := pageParams{Room: f.Room, Platform: f.Platform, After: after, Limit: limit}
	if f.Attr != "" {
		p.Attr = map[string]string{f.Attr: f.Value}
	}
	return p
}

type usersParams struct {
	Users []string `json:"users,omitempty"`
}

// usersReply is also what the HTTP API answers.
type usersReply struct {
	Users []Presence `json:"users"`
}

// Conversations lists private conversations, and rooms that one has sent to or read, the latest activity first. before
// is Next of the page before, "" for the first; limit is 1 to 1000, 0 means 50.
func (c *Client) Conversations(ctx context.Context, before string, limit int) (ConversationPage, error) {
	var page ConversationPage
	err := c.Call(ctx, "conversation.list", pageParams{Before: before, Limit: limit}, &page)
	return page, err
}

// Presence tells about up to 1000 users, in the same order.
func (c *Client) Presence(ctx context.Context, users ...string) ([]Presence, error) {
	var reply usersReply
	err := c.Call(ctx, "presence.get", usersParams{users}, &reply)
	return reply.Users, err
}

// Count counts who is online; it may be a second old.
func (c *Client) Count(ctx context.Context) (hubbub.Counts, error) {
	var counts hubbub.Counts
	err := c.Call(ctx, "presence.count", nil, &counts)
	return counts, err
}

// Online lists online users by name, from the one after after; limit is 1 to 1000, 0 means 50. Forbidden unless the
// filter names a room that was joined, or the gateway lets clients list everybody.
func (c *Client) Online(ctx context.Context, f hubbub.Filter, after string, limit int) (PresencePage, error) {
	var page PresencePage
	err := c.Call(ctx, "presence.list", filterParams(f, after, limit), &page)
	return page, err
}

// Watch tells about users as they are now, and makes [Handlers].Presence be told of each change from now on, after reconnects,
// too. It adds to those watched already, at most 1000.
func (c *Client) Watch(ctx context.Context, users ...string) ([]Presence, error) {
	var reply usersReply
	if err := c.Call(ctx, "presence.watch", usersParams{users}, &reply); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, user := range users {
		c.watched[user] = struct{}{}
	}
	return reply.Users, nil
}

// Unwatch ends the watching of these users, or of all if none are named.
func (c *Client) Unwatch(ctx context.Context, users ...string) error {
	c.mu.Lock()
	for _, user := range users {
		delete(c.watched, user)
	}
	if len(users) == 0 {
		clear(c.watched)
	}
	c.mu.Unlock()
	return c.Call(ctx, "presence.unwatch", usersParams{users}, nil)
}

// watchAgain watches on a new connection whom the one before has watched, and tells how they are now.
func (c *Client) watchAgain(l *link) {
	c.mu.Lock()
	users := slices.Sorted(maps.Keys(c.watched))
	c.mu.Unlock()
	if len(users) == 0 {
		return
	}
	c.work.Go(func() {
		var reply usersReply
		if c.insist(l, "presence.watch", usersParams{users}, &reply) != nil || c.o.Handlers.Presence == nil {
			return
		}
		for _, p := range reply.Users {
			c.queue.push(sizeOf(p.Info), func() { c.o.Handlers.Presence(p) })
		}
	})
}

// Devices lists the own devices that are online, with their sessions.
func (c *Client) Devices(ctx context.Context) ([]Device, error) {
	var reply struct {
		Devices []Device `json:"devices"`
	}
	err := c.Call(ctx, "session.list", nil, &reply)
	return reply.Devices, err
}

type endParams struct {
	Session string `json:"session,omitempty"`
	Device  string `json:"device,omitempty"`
	Others  bool   `json:"others,omitempty"`
}

// endReply is also what the HTTP API answers.
type endReply struct {
	Ended int `json:"ended"`
}

// EndSession ends one of the own sessions, and tells how many were ended: 0 if it had ended already.
func (c *Client) EndSession(ctx context.Context, session string) (int, error) {
	return c.endSessions(ctx, endParams{Session: session})
}

// EndDevice ends all sessions of one of the own devices, and tells how many there were.
func (c *Client) EndDevice(ctx context.Context, device string) (int, error) {
	return c.endSessions(ctx, endParams{Device: device})
}

// EndOthers ends the sessions of all own devices but this one, and tells how many there were.
func (c *Client) EndOthers(ctx context.Context) (int, error) {
	return c.endSessions(ctx, endParams{Others: true})
}

func (c *Client) endSessions(ctx context.Context, p endParams) (int, error) {
	var reply endReply
	err := c.Call(ctx, "session.end", p, &reply)
	return reply.Ended, err
}

// Refresh gives the session a new token of the same user, for instance one that permits more, and returns when it expires; zero
// means never. Rooms that it does not permit are left, see [RoomHandler].Ended. A token that expires needs no Refresh, see
// [Options].Token.
func (c *Client) Refresh(ctx context.Context, token string) (time.Time, error) {
	l := c.current()
	if l == nil {
		return time.Time{}, disconnected("there is no connection to the server right now", nil)
	}
	c.queue.call(1)
	defer c.queue.call(-1)
	reply, err := c.refresh(ctx, l, token)
	return reply.Expires.Time, err
}

// Ping asks for the server's time, and so finds out whether the connection lives.
func (c *Client) Ping(ctx context.Context) (time.Time, error) {
	var reply struct {
		Time Time `json:"time"`
	}
	err := c.Call(ctx, "ping", nil, &reply)
	return reply.Time.Time, err
}
