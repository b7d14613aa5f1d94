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
	ticket
	request request
	size    int // of the frame
	inline  [6]member
}

// ticket is what a request is answered by.
type ticket struct {
	peer   *peer
	id     []byte    // of the request
	answer bool      // the client waits for a reply
	method string    // "unknown" if there is no such
	began  time.Time // zero if no method was called, or nobody wants to know
}

// newCall returns a call for a request in a frame. It takes memory of one that is done, which would be as much as a short message otherwise.
func newCall(p *peer, frame []byte) *call {
	c, ok := p.server.calls.Get().(*call)
	if !ok {
		c = new(call)
	}
	c.ticket, c.size = ticket{peer: p, method: "unknown"}, len(frame)
	c.request.params.members = c.inline[:0]
	return c
}

// done says that nobody uses a call any more.
func (c *call) done() {
	pool := &c.peer.server.calls
	*c = call{}
	pool.Put(c)
}

// replied is the result of a method that has sent its reply already, and later of one that calls finish when it is done.
type (
	replied struct{}
	later   struct{}
)

// run calls the method and replies.
func (c *call) run(ctx context.Context, m *method) {
	c.method = m.name
	if c.peer.server.opts.Observe != nil {
		c.began = time.Now()
	}
	result, err := m.call(ctx, c)
	if _, more := result.(later); !more {
		c.finish(result, err)
	}
}

// finish replies with what the method has returned.
func (t *ticket) finish(result any, err error) {
	var frame ws.Message
	_, done := result.(replied)
	if err == nil && t.answer && !done {
		frame, err = reply(t.id, result)
	}
	if err != nil {
		t.refuse(refusalOf(err))
		return
	}
	t.observe(nil)
	t.peer.refused.Store(0)
	if frame.Data != nil {
		t.peer.push(frame)
	}
}

// reply sends the reply of a method that must do so itself. The result is a wire type, which can be encoded.
func (t *ticket) reply(result any) {
	if !t.answer {
		return
	}
	frame, err := reply(t.id, result)
	if err != nil {
		frame = replyError(t.id, refusalOf(err))
	}
	t.peer.push(frame)
}

// refuse answers with an error, and closes the conn of a client that does not learn from errors.
func (t *ticket) refuse(why *refusal) {
	t.observe(why)
	if t.answer {
		t.peer.push(replyError(t.id, why))
	}
	switch {
	case !why.fault():
		t.peer.refused.Store(0)
	case t.peer.refused.Add(1) >= maxRefused:
		_ = t.peer.conn.Close(CodeBadRequests, "too_many_bad_requests")
	}
}

func (t *ticket) observe(why *refusal) {
	observe := t.peer.server.opts.Observe
	if observe == nil {
		return
	}
	var took time.Duration
	if !t.began.IsZero() {
		took = time.Since(t.began)
	}
	if why == nil {
		observe(t.method, nil, took)
		return
	}
	observe(t.method, why.Error, took)
}

func ping(context.Context, *call) (any, error) { return pingResult{millis(time.Now())}, nil }
