package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

// gateway is a hub with its transport. A token is "USER" or "USER until MILLISECONDS", and "bad" is a bad one.
type gateway struct {
	hub     *hubbub.Hub
	inbox   *inbox.Inbox // nil without a store
	sockets *ws.Server
	rpc     *rpc.Server
	down    atomic.Bool // it answers 503
	opened  atomic.Int64
	api     atomic.Pointer[httpapi.API] // nil unless a test needs it
}

func newGateway(t testing.TB, h hubbub.Options) *gateway {
	t.Helper()
	if h.Driver == nil {
		h.Driver = memory.New(memory.Options{})
	}
	var box *inbox.Inbox
	if h.Store != nil {
		box = inbox.New(inbox.Options{Store: h.Store, Bus: h.Driver})
		h.Counts = box.Counts
	}
	hub, err := hubbub.New(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{hub: hub, inbox: box, sockets: ws.NewServer(ws.Options{Group: rpc.GroupOptions})}
	verify := func(_ context.Context, token string) (hubbub.Identity, error) { return identity(token) }
	g.rpc = rpc.New(rpc.Options{Hub: hub, Inbox: box, Sockets: g.sockets, Verify: verify, Rate: hubbub.Rate{PerSecond: -1},
		Reconnect: hubbub.Retry{Max: 5 * time.Millisecond}, Logger: slog.New(slog.DiscardHandler)})
	g.rpc.Register("bff.echo", func(_ context.Context, _ *hubbub.Session, params json.RawMessage) (any, error) { return params, nil })
	server := g.rpc // a test may put another in its place
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context()) // which has ended by now
		if err := errors.Join(g.sockets.Shutdown(ctx), hub.Close(ctx), server.Close(ctx)); err != nil {
			t.Errorf("end the gateway: %v", err)
		}
	})
	return g
}

func identity(token string) (hubbub.Identity, error) {
	user, until, limited := strings.Cut(token, " until ")
	if user == "" || user == "bad" {
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "the token is bad")
	}
	id := hubbub.Identity{User: user}
	if ms, err := strconv.ParseInt(until, 10, 64); limited && err == nil {
		id.Expires = time.UnixMilli(ms)
	}
	if name, rooms, ok := strings.Cut(user, "+"); ok { // "ann+lobby" may join only the lobby
		id.User, id.Rooms.Join = name, []string{rooms}
	}
	return id, nil
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if strings.HasPrefix(r.URL.Path, httpapi.Prefix) {
		g.api.Load().ServeHTTP(w, r)
		return
	}
	id, err := identity(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if err != nil {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": 401, "reason": "unauthorized", "detail": err.Error()})
		return
	}
	id.Device, id.Platform = r.URL.Query().Get("device"), r.URL.Query().Get("platform")
	c, err := g.sockets.Upgrade(w, r)
	if err != nil {
		return
	}
	g.opened.Add(1)
	g.rpc.Serve(c, id)
}

// bubble is a gateway in memory, in the bubble of a synctest.
type bubble struct {
	*testing.T
	*gateway
	http *wstest.Server
}

func inBubble(t *testing.T, h hubbub.Options, test func(*testing.T, bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { runBubble(t, h, test) })
}

func runBubble(t *testing.T, h hubbub.Options, test func(*testing.T, bubble)) {
	g := newGateway(t, h)
	test(t, bubble{t, g, wstest.NewServer(t, g)})
}

// options are those of a client of a user.
func (b bubble) options(user string) client.Options {
	return client.Options{
		URL: "ws://memory/ws", Token: tokenOf(user), MinDelay: time.Millisecond,
		Dial: ws.DialOptions{NetDial: b.http.NetDial, Logger: slog.New(slog.DiscardHandler)},
	}
}

func tokenOf(user string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return user, nil }
}

// dial opens a client that lives as long as the test.
func dial(t testing.TB, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-c.Done()
	})
	return c
}

// line is a network path to the bubble's server that can be cut.
type line struct {
	b     bubble
	mu    sync.Mutex
	conns []net.Conn
}

func (l *line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := l.b.http.NetDial(ctx, network, addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.conns = append(l.conns, c)
	}
	return c, err
}

// cut ends what is open, as a lost network does.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

// lined are options of a client that connects over a line.
func (b bubble) lined(user string) (client.Options, *line) {
	l := &line{b: b}
	o := b.options(user)
	o.Dial.NetDial = l.dial
	return o, l
}

// away cuts a client off, runs f while it is away, and lets it come back.
func (b bubble) away(l *line, f func()) {
	b.down.Store(true)
	l.cut()
	synctest.Wait()
	f()
	b.down.Store(false)
	time.Sleep(time.Minute) // the bubble's: longer than any delay between attempts
	synctest.Wait()
}

// journal is what handlers were told, as lines.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

// take returns the lines since the last call, joined by spaces.
func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := strings.Join(j.lines, " ")
	j.lines = nil
	return all
}

func (j *journal) message(m client.Message) { j.add(string(m.Data)) }

// room is a handler that writes messages and what is lost.
func (j *journal) room() client.RoomHandler {
	return client.RoomHandler{Message: j.message, Lost: func() { j.add("lost") }, Ended: func(err error) { j.add("ended: " + err.Error()) }}
}

// expect fails the test unless the journal has these lines.
func (j *journal) expect(t testing.TB, want string) {
	t.Helper()
	if got := j.take(); got != want {
		t.Errorf("handlers were told\n%s\nwant\n%s", got, want)
	}
}

// over is an HTTP server with real sockets.
func (g *gateway) over(t testing.TB) string {
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
