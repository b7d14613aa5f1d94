package rpc

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

const (
	maxBeside  = 16 // requests of one conn that run beside the others
	maxRefused = 30 // bad requests in a row; the last one closes
)

// peer is a conn with its session. It is the session's hubbub.Conn.
type peer struct {
	// Immutable once requests are read.
	server  *Server
	conn    *ws.Conn
	user    string
	session *hubbub.Session

	// Owned by the conn's handlers, of which one runs at a time.
	bucket bucket

	// Safe for concurrent use.
	refused atomic.Int32 // bad requests since the last good one
	sending sending

	// Guarded by mu.
	mu     sync.Mutex
	beside int           // requests that run beside the others
	freed  chan struct{} // closed when one of them is done; nil unless somebody waits
}

// Send tells an event to this conn.
func (p *peer) Send(e hubbub.Event) {
	m, ok := p.frame(e)
	if ok {
		p.push(m)
	}
}

// frame makes the frame of an event. Some are told to many, one by one.
func (p *peer) frame(e hubbub.Event) (ws.Message, bool) {
	switch e := e.(type) {
	case hubbub.Noticed:
		return p.server.notice.encode(noticeKey{e.Notice.ID, e.Notice.State}, e)
	case hubbub.InboxCounted:
		return p.server.counts.encode(e.Counts, e)
	}
	return encode(e, p.user)
}

// push sends a frame. Its errors say that the conn is closing, which OnClose tells too.
func (p *peer) push(m ws.Message) { _ = p.conn.Send(m) }

// Close ends the conn with the code and the word of a reason.
func (p *peer) Close(why hubbub.EndReason, retry hubbub.Retry) {
	code, word := closing(why)
	if code == CodeDraining || code == CodeNodeLost {
		word = fmt.Sprintf("%s retry=%d-%d", word, retry.Min.Milliseconds(), retry.Max.Milliseconds())
	}
	_ = p.conn.Close(code, word) // fails if it is closing already
}

// closing is the close code and its word for a session that the hub ends.
func closing(why hubbub.EndReason) (ws.Code, string) {
	switch why {
	case hubbub.EndReplaced:
		return CodeReplaced, "replaced"
	case hubbub.EndLoggedOut:
		return CodeLoggedOut, "logged_out"
	case hubbub.EndRevoked:
		return CodeNotAllowed, "not_allowed"
	case hubbub.EndExpired:
		return CodeTokenExpired, "token_expired"
	case hubbub.EndNodeLost:
		return CodeNodeLost, "node_lost"
	case hubbub.EndDraining:
		return CodeDraining, "draining"
	}
	return ws.CodeNormal, ""
}

// receive handles a frame.
func (p *peer) receive(m ws.Message) {
	if m.Binary {
		_ = p.conn.Close(ws.CodeUnsupported, "binary frames are not understood; send text")
		return
	}
	c := newCall(p, m.Data)
	if p.serve(c, m.Data) {
		c.done()
	}
}

// serve reads a request and has it done. It tells false if that is not over yet.
func (p *peer) serve(c *call, frame []byte) (over bool) {
	wrong := decode(frame, &c.request)
	c.id, c.answer = c.request.id, c.request.id != nil || wrong != nil
	if wrong != nil {
		c.refuse(wrong)
		return true
	}
	limit := &p.server.rate
	if wait := p.bucket.take(time.Since(p.server.began), limit.PerSecond, limit.Burst); wait > 0 {
		c.refuse(refuseFlood(wait))
		return true
	}
	if err := p.server.opts.Limit(p.user, p.conn.RemoteAddr().Addr()); err != nil {
		c.refuse(refusalOf(err)) // no reason to end the session: somebody else of the user or address may have used it up
		return true
	}
	method, ok := p.server.methods[string(c.request.method)]
	switch {
	case !ok:
		c.refuse(refuse(codeUnknownMethod, "there is no method %.40q; see docs/protocol.md", c.request.method))
	case method.when == beside:
		p.sending.settle()
		p.runBeside(method, c)
		return false
	case method.when == sends:
		c.run(p.server.ctx, method)
	default:
		p.sending.settle()
		c.run(p.server.ctx, method)
	}
	return true
}

// runBeside runs a request on another goroutine, and waits before that while too many do.
func (p *peer) runBeside(m *method, c *call) {
	p.mu.Lock()
	for p.beside >= maxBeside {
		if p.freed == nil {
			p.freed = make(chan struct{})
		}
		freed := p.freed
		p.mu.Unlock()
		<-freed
		p.mu.Lock()
	}
	p.beside++
	p.mu.Unlock()
	p.server.staff.do(errand{p, m, c})
}

func (p *peer) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beside--
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
}

// rescue does for a request that ends on another goroutine than the conn's what package ws does for the conn's handlers.
func (p *peer) rescue() {
	if v := recover(); v != nil {
		p.server.opts.Logger.Error("a method panicked", "panic", v, "stack", string(debug.Stack()))
		_ = p.conn.Close(ws.CodeInternal, "an error in the server")
	}
}
