package rpc

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/ws"
)

// Options configures a [Server]. Hub and Sockets must be set. Options are read once, by [New].
type Options struct {
	Hub *hubbub.Hub
	// Sockets is where the conns come from. Its Options.Group must be or call [GroupOptions].
	Sockets *ws.Server
	// Inbox is where the inboxes of users are; nil means that there are none.
	Inbox *inbox.Inbox
	// Verify tells whose a token is, for session.refresh. Its errors are the domain's. nil means that tokens cannot be
	// refreshed.
	Verify func(ctx context.Context, token string) (hubbub.Identity, error)
	// Rate is how many requests a session may make; 0 means 100 per second and 200 at once, a negative PerSecond no limit.
	Rate hubbub.Rate
	// Limit is asked before each request of a user from an address, besides Rate. An error refuses the request. nil limits
	// nothing.
	Limit func(user string, from netip.Addr) *hubbub.Error
	// Reconnect is the window in which clients shall come back after a connection was lost; the zero value means 0 to 1 s.
	Reconnect hubbub.Retry
	// Heartbeat is after how much silence Sockets gives a peer up, its Ping and PongTimeout together; 0 means 35 s. Clients
	// are told.
	Heartbeat time.Duration
	// Observe is called after each request with the method, "unknown" if there is no such one, the error if there was one, and
	// how long it took. It may be called concurrently. nil means nothing.
	Observe func(method string, err *hubbub.Error, took time.Duration)
	// Delivered is called with the number of conns that an event was given to, and Skipped with the number of messages that a
	// slow conn has missed. They may be called concurrently. nil means nothing.
	Delivered, Skipped func(int)
	Logger             *slog.Logger // nil means slog.Default()
}

// Func is a method that somebody else has: it gets the params as they were written, nil if there are none, and returns what
// json.Marshal can encode; a json.RawMessage is sent as it is, and must be valid JSON in UTF-8. Its errors become error replies;
// those that are no [hubbub.Error] tell the client nothing but "unavailable". The context ends when the client has gone.
type Func func(ctx context.Context, s *hubbub.Session, params json.RawMessage) (any, error)

// Server makes sessions of conns and answers their requests. Its methods may be called concurrently, except Register.
type Server struct {
	opts    Options
	rate    hubbub.Rate
	methods map[string]*method
	began   time.Time

	// ctx is for requests that take effect whether their client is still there or not.
	ctx    context.Context
	cancel context.CancelFunc

	// Safe for concurrent use.
	audiences atomic.Uint64 // how many there ever were
	notice    lastFrame[noticeKey]
	counts    lastFrame[*hubbub.InboxCounts]
	staff     *staff
	calls     sync.Pool // of calls that are done
}

// New returns a server that needs no starting. End it with [Server.Close].
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Heartbeat = cmp.Or(o.Heartbeat, 35*time.Second)
	if o.Reconnect == (hubbub.Retry{}) {
		o.Reconnect.Max = time.Second
	}
	if o.Limit == nil {
		o.Limit = func(string, netip.Addr) *hubbub.Error { return nil }
	}
	if o.Delivered == nil {
		o.Delivered = func(int) {}
	}
	if o.Skipped == nil {
		o.Skipped = func(int) {}
	}
	s := &Server{opts: o, methods: methods(), began: time.Now(), staff: newStaff()}
	s.rate = hubbub.Rate{PerSecond: cmp.Or(o.Rate.PerSecond, 100), Burst: cmp.Or(o.Rate.Burst, 200)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Register adds a method, which runs beside a session's other requests. It panics if the name is taken. Call it before Serve.
func (s *Server) Register(name string, f Func) {
	if _, taken := s.methods[name]; taken {
		panic(fmt.Sprintf("rpc: there is a method %q already", name))
	}
	s.methods[name] = &method{name: name, when: beside, call: func(ctx context.Context, c *call) (any, error) {
		return f(ctx, c.peer.session, c.request.params.raw)
	}}
}

// Serve makes a session of a conn that was just accepted, and sets the conn's handlers. It waits for the hub's answer. A
// conn that the hub refuses is told why, and closed.
func (s *Server) Serve(c *ws.Conn, id hubbub.Identity) {
	p := &peer{server: s, conn: c, user: id.User}
	var address string
	if a := c.RemoteAddr().Addr(); a.IsValid() {
		address = a.Unmap().String()
	}
	session, err := s.opts.Hub.Open(s.ctx, hubbub.Arrival{
		Identity: id, Conn: p, Transport: s, Address: address, Welcome: p.welcome,
	})
	if err != nil {
		s.Refuse(c, err)
		return
	}
	p.session = session
	c.OnSkip(p.skip)
	c.OnClose(func(ws.CloseInfo) {
		p.sending.settle()
		session.Closed()
	})
	c.OnMessage(p.receive)
}

// Refuse tells a conn that was accepted why it gets no session, and closes it: with 1013, after which it may come back, if
// the error is for now only, and with 4503 otherwise.
func (s *Server) Refuse(c *ws.Conn, err error) {
	why := refusalOf(err)
	_ = c.Send(replyError(nil, why)) // fails if the conn is closing, which is what we want
	switch why.Reason {
	case hubbub.Unavailable, hubbub.RateLimited:
		if why.Err != nil {
			s.opts.Logger.Warn("a session could not be opened", "error", why.Err)
		}
		_ = c.Close(ws.CodeTryLater, "the server cannot do this now; connect again later")
	default:
		_ = c.Close(CodeNotAllowed, "not_allowed")
	}
}

// Close waits for requests that run, until ctx ends; then it cancels them and waits again. Close the hub and the conns first:
// those that are open still make requests.
func (s *Server) Close(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.staff.wait()
		close(done)
	}()
	defer s.cancel()
	defer s.staff.leave()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.cancel()
		<-done
		return ctx.Err()
	}
}

// welcome is the first that a session is told.
func (p *peer) welcome(session *hubbub.Session) {
	p.session = session
	id := session.Identity()
	params := welcomeParams{
		Session: session.ID(), person: person{id.User, id.Info}, Device: id.Device, Platform: id.Platform,
		Node: session.Node(), HeartbeatMS: p.server.opts.Heartbeat.Milliseconds(), Time: millis(time.Now()),
		Reconnect: windowOf(p.server.opts.Reconnect), Expires: millis(id.Expires),
	}
	if counts, ok := session.Counts(); ok {
		params.Inbox = (*wireCounts)(&counts)
	}
	if m, ok := notify("welcome", params); ok {
		p.push(m)
	}
}
