package rpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

// server is a hub with a transport, in the bubble of a synctest.
type server struct {
	hub   *hubbub.Hub
	rpc   *rpc.Server
	inbox *inbox.Inbox // nil without a store
	http  *wstest.Server
}

// inBubble runs a test with a server.
func inBubble(t *testing.T, h hubbub.Options, o rpc.Options, test func(*testing.T, *server)) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, h, o)
		test(t, s)
	})
}

// inBubbleWithStore is inBubble for a server that has a store, and inboxes in it.
func inBubbleWithStore(t *testing.T, h hubbub.Options, o rpc.Options, test func(*testing.T, *server)) {
	synctest.Test(t, func(t *testing.T) {
		h, o := withStore(t, h, o)
		s := newServer(t, h, o)
		s.inbox = o.Inbox
		test(t, s)
	})
}

// withStore completes options with a store that ends with the test.
func withStore(t *testing.T, h hubbub.Options, o rpc.Options) (hubbub.Options, rpc.Options) {
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "hubbub.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	h.Driver, h.Store = memory.New(memory.Options{}), store
	o.Inbox = inbox.New(inbox.Options{Store: store, Bus: h.Driver})
	h.Counts = o.Inbox.Counts
	return h, o
}

// inBubbleWith is inBubble for a test that registers methods.
func inBubbleWith(t *testing.T, o rpc.Options, register func(*rpc.Server), test func(*testing.T, *server)) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, hubbub.Options{}, o)
		register(s.rpc)
		test(t, s)
	})
}

func newServer(t *testing.T, h hubbub.Options, o rpc.Options) *server {
	if h.Driver == nil {
		h.Driver = memory.New(memory.Options{})
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	hub, err := hubbub.New(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	o.Hub, o.Sockets = hub, ws.NewServer(ws.Options{Group: rpc.GroupOptions})
	s := &server{hub: hub, rpc: rpc.New(o)}
	t.Cleanup(func() { endAll(t, o.Sockets.Shutdown, hub.Close, s.rpc.Close) })
	s.http = wstest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		c, err := o.Sockets.Upgrade(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		id := hubbub.Identity{User: q.Get("user"), Device: q.Get("device"), Platform: q.Get("platform")}
		if q.Has("info") {
			id.Info = json.RawMessage(q.Get("info"))
		}
		if q.Has("plan") {
			id.Attrs = map[string]string{"plan": q.Get("plan")}
		}
		s.rpc.Serve(c, id)
	}))
	return s
}

// endAll ends what a test has started, in this order.
func endAll(t *testing.T, ends ...func(context.Context) error) {
	for i, end := range ends {
		if err := end(context.WithoutCancel(t.Context())); err != nil { // in a Cleanup the test's own context has ended
			t.Errorf("end %d: %v", i, err)
		}
	}
}

// client is a client of a server, which checks each frame that it gets against docs/asyncapi.yaml.
type client struct {
	t        *testing.T
	conn     *ws.Conn
	trusting bool // frames are not checked against the document, since there are too many

	mu       sync.Mutex
	sent     map[string]string // methods of requests by id
	frames   []frame           // that nobody has looked at yet
	closed   *ws.CloseInfo
	lastID   int
	welcomed frame
}

// frame is what a server sends.
type frame struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    struct {
			Reason       string
			RetryAfterMS int64 `json:"retry_after_ms"`
		}
	}
	text string
}

// connect dials, with a query such as "user=ann&device=d1", and takes the welcome.
func (s *server) connect(t *testing.T, query string) *client {
	t.Helper()
	c := s.dial(t, query)
	c.welcomed = c.take("welcome")
	return c
}

func (s *server) dial(t *testing.T, query string) *client {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, sent: map[string]string{}}
	c.conn = s.http.Dial(t, "/?"+values.Encode(), ws.DialOptions{Ping: -1})
	c.conn.OnMessage(c.receive)
	c.conn.OnClose(func(why ws.CloseInfo) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.closed = &why
	})
	synctest.Wait()
	return c
}

func (c *client) receive(m ws.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := frame{text: m.String()}
	if err := m.Unmarshal(&f); err != nil {
		c.t.Errorf("%s: %v", m, err)
	}
	switch {
	case c.trusting:
	case f.Method != "":
		conforms(c.t, f.Method+".notification", f.text)
	case f.Error != nil:
		conforms(c.t, "error", f.text)
	case !strings.HasPrefix(c.sent[string(f.ID)], "x."): // methods of tests have no schema
		conforms(c.t, c.sent[string(f.ID)]+".reply", f.text)
	}
	c.frames = append(c.frames, f)
}

// send sends a request with params as JSON, and returns its id.
func (c *client) send(method, params string) string {
	c.t.Helper()
	c.mu.Lock()
	c.lastID++
	id := fmt.Sprint(c.lastID)
	c.sent[id] = method
	c.mu.Unlock()
	c.raw(fmt.Sprintf(`{"id":%s,"method":%q,"params":%s}`, id, method, or(params, "{}")))
	return id
}

func (c *client) raw(text string) {
	c.t.Helper()
	if err := c.conn.Send(ws.Text(text)); err != nil {
		c.t.Fatal(err)
	}
}

// reply waits for the reply to a request and takes it.
func (c *client) reply(id string) frame {
	c.t.Helper()
	return c.find("reply to "+id, func(f frame) bool { return f.Method == "" && string(f.ID) == id })
}

// call makes a request, which must succeed, and returns the result.
func (c *client) call(method, params string) string {
	c.t.Helper()
	conforms(c.t, method+".request", fmt.Sprintf(`{"id":1,"method":%q,"params":%s}`, method, or(params, "{}")))
	f := c.reply(c.send(method, params))
	if f.Error != nil {
		c.t.Fatalf("%s %s: %s", method, params, f.text)
	}
	return string(f.Result)
}

// refused makes a request, which must fail with the reason, and returns the message.
func (c *client) refused(reason, method, params string) string {
	c.t.Helper()
	f := c.reply(c.send(method, params))
	if f.Error == nil || f.Error.Data.Reason != reason {
		c.t.Fatalf("%s %s: %s; want the reason %s", method, params, f.text, reason)
	}
	return f.Error.Message
}

// take waits for a notification and takes it.
func (c *client) take(method string) frame {
	c.t.Helper()
	return c.find(method, func(f frame) bool { return f.Method == method })
}

// took takes a notification and returns its params.
func (c *client) took(method string) string {
	c.t.Helper()
	return string(c.take(method).Params)
}

func (c *client) find(what string, is func(frame) bool) frame {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.frames {
		if is(f) {
			c.frames = append(c.frames[:i:i], c.frames[i+1:]...)
			return f
		}
	}
	c.t.Fatalf("there is no %s; there are %v, closed %v", what, c.frames, c.closed)
	return frame{}
}

// nothing fails the test if there are frames that nobody has taken.
func (c *client) nothing() {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.frames) > 0 {
		c.t.Errorf("nobody expects %v", c.frames)
	}
}

// forget drops the frames that came.
func (c *client) forget() {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = nil
}

// ended checks how the conn was closed.
func (c *client) ended(code ws.Code, reason string) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil || c.closed.Code != code || c.closed.Reason != reason {
		c.t.Errorf("closed with %+v; want %v %q", c.closed, code, reason)
	}
}

// String is what a failing test shows.
func (f frame) String() string { return f.text }

// same compares JSON texts; "*" in want is any value.
func same(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if !matches(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func matches(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for name := range want {
			value, there := g[name]
			if !there || !matches(value, want[name]) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for i := range want {
			if !matches(g[i], want[i]) {
				return false
			}
		}
		return true
	}
	return want == "*" || got == want
}
