package client

import "encoding/json"

// notify takes a notification. It is called by the goroutine that reads.
func (c *Client) notify(l *link, method string, params json.RawMessage) {
	h := &c.o.Handlers
	switch method {
	case "welcome":
		var w Welcome
		if json.Unmarshal(params, &w) == nil {
			c.welcomed(l, w)
		}
	case "room.message":
		inRoom(c, params, func(r *Room, m Message) { r.message(l, m) })
	case "room.skipped":
		inRoom(c, params, func(r *Room, s Skipped) { r.skipped(l, s) })
	case "room.joined":
		inRoom(c, params, func(r *Room, _ Entry) { deliver(c, r.handler.Joined, params) })
	case "room.left":
		inRoom(c, params, func(r *Room, _ Entry) { deliver(c, r.handler.Left, params) })
	case "user.message":
		c.privateMessage(l, params)
	case "message.read":
		deliver(c, handlerOf(c, params, h.Read, func(r *RoomHandler) func(Read) { return r.Read }), params)
	case "typing":
		deliver(c, handlerOf(c, params, h.Typing, func(r *RoomHandler) func(Typing) { return r.Typing }), params)
	case "presence.changed":
		deliver(c, h.Presence, params)
	case "broadcast":
		deliver(c, h.Broadcast, params)
	case "session.replaced":
		deliver(c, h.Replaced, params)
	case "inbox.notice":
		deliver(c, h.Notice, params)
	case "inbox.counts":
		deliver(c, h.Counts, params)
	case "inbox.marked":
		deliver(c, h.Marked, params)
	case "inbox.removed":
		deliver(c, h.removed(), params)
	case "room.member":
		c.memberChanged(l, params)
	default:
		if f := h.Other; f != nil {
			c.queue.push(sizeOf(params), func() { f(method, params) })
		}
	}
}

// inRoom decodes a notification of a room, and takes it with the client's mu held if the client has joined the room.
func inRoom[T any](c *Client, params json.RawMessage, take func(*Room, T)) {
	var where place
	var v T
	if json.Unmarshal(params, &where) != nil || json.Unmarshal(params, &v) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.rooms[where.Room]; r != nil {
		take(r, v)
	}
}

// handlerOf is the handler of the notification's room, or the general one.
func handlerOf[T any](c *Client, params json.RawMessage, general func(T), own func(*RoomHandler) func(T)) func(T) {
	var where place
	if json.Unmarshal(params, &where) != nil || where.Room == "" {
		return general
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[where.Room]
	if r == nil {
		return nil
	}
	if f := own(&r.handler); f != nil {
		return f
	}
	return general
}
