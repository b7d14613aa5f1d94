package client

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// link is one connection of a client: requests that go, replies that come.
type link struct {
	// Immutable.
	conn  *ws.Conn
	ctx   context.Context // ends with the conn
	slots chan struct{}   // one for each stream that is fetched at the same time

	overrun atomic.Bool // it was closed since far too much waits for the handlers

	mu      sync.Mutex
	last    uint64 // id of a request
	pending map[string]func(json.RawMessage, error)
}

func newLink(conn *ws.Conn) *link {
	return &link{conn: conn, ctx: conn.Context(), slots: make(chan struct{}, 4), pending: map[string]func(json.RawMessage, error){}}
}

type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params any             `json:"params,omitempty"`
}

// frame is anything that the server sends.
type frame struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *rpcError       `json:"error"`
}

// start sends a request. done is called with the reply by the goroutine that reads, before it reads the next frame, or when the
// connection is lost; not at all if start returns an error.
func (l *link) start(method string, params any, done func(json.RawMessage, error)) error {
	l.mu.Lock()
	l.last++
	id := strconv.FormatUint(l.last, 10)
	l.pending[id] = done
	l.mu.Unlock()
	err := l.conn.Send(ws.JSON(request{json.RawMessage(id), method, params}))
	if err == nil {
		return nil
	}
	l.take(id)
	if l.conn.State() != ws.Open {
		return disconnected("there is no connection to the server right now", err)
	}
	return hubbub.Errorf(hubbub.Invalid, "the request %s cannot be sent: %w", method, err)
}

// take removes a pending request; nil if there is none.
func (l *link) take(id string) func(json.RawMessage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	done := l.pending[id]
	delete(l.pending, id)
	return done
}

// reply hands a reply to who waits for it.
func (l *link) reply(f *frame) {
	done := l.take(string(f.ID))
	if done == nil {
		return // of a call whose context has ended
	}
	if f.Error != nil {
		done(nil, f.Error.domain())
		return
	}
	done(f.Result, nil)
}

// fail ends all that waits for a reply, since the connection is lost.
func (l *link) fail(why ws.CloseInfo) {
	l.mu.Lock()
	lost := l.pending
	l.pending = map[string]func(json.RawMessage, error){}
	l.mu.Unlock()
	err := disconnected("the connection was lost before the reply came", why)
	if why.Code == ws.CodeTooBig && why.Err == nil {
		err = hubbub.Errorf(hubbub.TooLarge, "the server closed the connection since a request was too large: %w", why)
	}
	if l.overrun.Load() {
		err = hubbub.Errorf(hubbub.Unavailable, "the connection was closed, since far too much waits for the handlers: %w", why)
	}
	for _, done := range lost {
		done(nil, err)
	}
}

// call sends a request and waits for its reply. result may be nil.
func (l *link) call(ctx context.Context, method string, params, result any) error {
	type answer struct {
		result json.RawMessage
		err    error
	}
	replied := make(chan answer, 1)
	err := l.start(method, params, func(r json.RawMessage, err error) { replied <- answer{r, err} })
	if err != nil {
		return err
	}
	select {
	case a := <-replied:
		if a.err != nil || result == nil {
			return a.err
		}
		return unmarshal(method, a.result, result)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unmarshal decodes what the server says about a method.
func unmarshal(method string, from json.RawMessage, to any) error {
	if raw, ok := to.(*json.RawMessage); ok && len(from) > 0 {
		*raw = from // it was valid as a part of its frame, and is a copy
		return nil
	}
	if err := json.Unmarshal(from, to); err != nil {
		return hubbub.Errorf(hubbub.Unavailable, "the server's answer to %s cannot be understood: %w", method, err)
	}
	return nil
}
