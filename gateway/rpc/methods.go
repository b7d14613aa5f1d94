package rpc

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// method is one line of the table.
type method struct {
	name   string
	beside bool // it runs beside the other requests of its session
	call   func(context.Context, *call) (any, error)
}

// methods is the table of what clients may ask for.
func methods() map[string]*method {
	table := []method{
		{"room.join", false, roomJoin},
		{"room.leave", false, roomLeave},
		{"room.send", false, roomSend},
		{"room.history", true, roomHistory},
		{"room.present", true, roomPresent},
		{"room.members", true, roomMembers},
		{"room.add", false, roomAdd},
		{"room.remove", false, roomRemove},
		{"user.send", false, userSend},
		{"user.history", true, userHistory},
		{"conversation.list", true, conversationList},
		{"message.read", false, messageRead},
		{"typing", false, typing},
		{"presence.get", true, presenceGet},
		{"presence.count", true, presenceCount},
		{"presence.list", true, presenceList},
		{"presence.watch", false, presenceWatch},
		{"presence.unwatch", false, presenceUnwatch},
		{"session.list", false, sessionList},
		{"session.end", false, sessionEnd},
		{"session.refresh", false, sessionRefresh},
		{"inbox.list", true, inboxList},
		{"inbox.counts", true, inboxCounts},
		{"inbox.mark", false, inboxMark},
		{"ping", false, ping},
	}
	byName := make(map[string]*method, len(table))
	for i := range table {
		byName[table[i].name] = &table[i]
	}
	return byName
}

// Methods are the names of what clients may ask for, in ascending order; those that were registered are not among them.
func Methods() []string { return slices.Sorted(maps.Keys(methods())) }

// call is a request on its way.
type call struct {
	peer    *peer
	request request
	size    int  // of the frame
	answer  bool // the client waits for a reply
	inline  [6]member
}

// replied is the result of a method that has sent its reply already.
type replied struct{}

// run calls the method and replies.
func (c *call) run(ctx context.Context, m *method) {
	var began time.Time
	if c.peer.server.opts.Observe != nil {
		began = time.Now()
	}
	result, err := m.call(ctx, c)
	var frame ws.Message
	_, done := result.(replied)
	if err == nil && c.answer && !done {
		frame, err = reply(c.request.id, result)
	}
	if err != nil {
		c.refuseAs(m.name, refusalOf(err), began)
		return
	}
	c.observe(m.name, nil, began)
	c.peer.refused.Store(0)
	if frame.Data != nil {
		c.peer.push(frame)
	}
}

// reply sends the reply of a method that must do so itself. The result is a wire type, which can be encoded.
func (c *call) reply(result any) {
	if !c.answer {
		return
	}
	frame, err := reply(c.request.id, result)
	if err != nil {
		frame = replyError(c.request.id, refusalOf(err))
	}
	c.peer.push(frame)
}

// refuse answers a request that no method was called for.
func (c *call) refuse(why *refusal) { c.refuseAs("unknown", why, time.Time{}) }

// refuseAs answers with an error, and closes the conn of a client that does not learn from errors.
func (c *call) refuseAs(method string, why *refusal, began time.Time) {
	c.observe(method, why, began)
	if c.answer {
		c.peer.push(replyError(c.request.id, why))
	}
	switch {
	case !why.fault():
		c.peer.refused.Store(0)
	case c.peer.refused.Add(1) >= maxRefused:
		_ = c.peer.conn.Close(CodeBadRequests, "too_many_bad_requests")
	}
}

func (c *call) observe(method string, why *refusal, began time.Time) {
	observe := c.peer.server.opts.Observe
	if observe == nil {
		return
	}
	var took time.Duration
	if !began.IsZero() {
		took = time.Since(began)
	}
	if why == nil {
		observe(method, nil, took)
		return
	}
	observe(method, why.Error, took)
}

func ping(context.Context, *call) (any, error) { return pingResult{millis(time.Now())}, nil }
