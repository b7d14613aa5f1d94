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
	name string
	when order
	call func(context.Context, *call) (any, error)
}

// order is how a request relates to the others of its session.
type order uint8

const (
	inTurn order = iota // it begins when those before it are done
	beside              // it runs beside those that follow
	sends               // it need not be waited for by others that send to the same stream: see sending
)

// methods is the table of what clients may ask for.
func methods() map[string]*method {
	table := []method{
		{"room.join", inTurn, roomJoin},
		{"room.leave", inTurn, roomLeave},
		{"room.send", sends, roomSend},
		{"room.history", beside, roomHistory},
		{"room.present", beside, roomPresent},
		{"room.members", beside, roomMembers},
		{"room.add", inTurn, roomAdd},
		{"room.remove", inTurn, roomRemove},
		{"user.send", sends, userSend},
		{"user.history", beside, userHistory},
		{"conversation.list", beside, conversationList},
		{"message.read", inTurn, messageRead},
		{"typing", inTurn, typing},
		{"presence.get", beside, presenceGet},
		{"presence.count", beside, presenceCount},
		{"presence.list", beside, presenceList},
		{"presence.watch", inTurn, presenceWatch},
		{"presence.unwatch", inTurn, presenceUnwatch},
		{"session.list", inTurn, sessionList},
		{"session.end", inTurn, sessionEnd},
		{"session.refresh", inTurn, sessionRefresh},
		{"inbox.list", beside, inboxList},
		{"inbox.counts", beside, inboxCounts},
		{"inbox.mark", inTurn, inboxMark},
		{"ping", inTurn, ping},
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

	// Of one that runs.
	method *method
	began  time.Time // zero if nobody wants to know
}

// replied is the result of a method that has sent its reply already, and later of one that calls finish when it is done.
type (
	replied struct{}
	later   struct{}
)

// run calls the method and replies.
func (c *call) run(ctx context.Context, m *method) {
	c.method = m
	if c.peer.server.opts.Observe != nil {
		c.began = time.Now()
	}
	result, err := m.call(ctx, c)
	if _, more := result.(later); !more {
		c.finish(result, err)
	}
}

// finish replies with what the method has returned.
func (c *call) finish(result any, err error) {
	var frame ws.Message
	_, done := result.(replied)
	if err == nil && c.answer && !done {
		frame, err = reply(c.request.id, result)
	}
	if err != nil {
		c.refuseAs(c.method.name, refusalOf(err), c.began)
		return
	}
	c.observe(c.method.name, nil, c.began)
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
