package gateway_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// running is a gateway in development mode that serves until stop or the end of the test.
type running struct {
	*gateway.Gateway
	addr net.Addr
	stop func()
}

// start serves in development mode on addr, "" for any free port.
func start(t *testing.T, addr string) running {
	t.Helper()
	return serve(t, gateway.Config{Addr: addr, Dev: true})
}

// serve serves a config on a free port of the loopback address unless it names one.
func serve(t *testing.T, cfg gateway.Config) running {
	t.Helper()
	cfg.Addr = cmp.Or(cfg.Addr, "127.0.0.1:0")
	cfg.Shutdown.Timeout = testkit.Patience
	g, err := gateway.New(stored(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return running{g, l.Addr(), background(t, l, g.Serve)}
}

// stored gives a config a store of its own, unless it names one.
func stored(t *testing.T, cfg gateway.Config) gateway.Config {
	t.Helper()
	if cfg.Store.Path == "" && cfg.Store.URL == "" {
		cfg.Store.Path = filepath.Join(t.TempDir(), "hubbub.db")
	}
	return cfg
}

// background serves until the returned function is called, which waits for the end, or until the test ends.
func background(t *testing.T, l net.Listener, serve func(context.Context, net.Listener) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := serve(ctx, l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-served
	}
	t.Cleanup(stop)
	return stop
}

// overwrite gives files the content of others, as whoever renews a certificate does.
func overwrite(t *testing.T, from map[string]string) {
	t.Helper()
	for to, source := range from {
		b, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (r running) url(scheme, path string) string { return scheme + "://" + r.addr.String() + path }

// frame is any frame of the server.
type frame struct {
	Method string
	Params json.RawMessage
	ID     json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    struct {
			Reason       string
			RetryAfterMS int64 `json:"retry_after_ms"`
		}
	}
}

func (f frame) String() string {
	if f.Error != nil {
		return fmt.Sprintf("error %+v", *f.Error)
	}
	return fmt.Sprintf("%s %s%s", f.Method, f.Params, f.Result)
}

// peer is a client of hubbub.v1.
type peer struct {
	conn   *ws.Conn
	told   chan frame // notifications
	closed chan ws.CloseInfo

	mu    sync.Mutex
	calls int
	wait  map[string]chan frame // by id
}

// build makes a gateway that is not served, and ends it with the test.
func build(t *testing.T, cfg gateway.Config) *gateway.Gateway {
	t.Helper()
	g, err := gateway.New(stored(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

// dial connects with a query and headers; the notification welcome is the first that it is told.
func (r running) dial(t *testing.T, query string, o ws.DialOptions) (*peer, error) {
	t.Helper()
	conn, err := ws.Dial(t.Context(), r.url("ws", "/ws?"+query), o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(conn.Terminate)
	return listen(t, conn), nil
}

// listen makes a peer of a conn.
func listen(t *testing.T, conn *ws.Conn) *peer {
	p := &peer{conn: conn, told: make(chan frame, 10_000), closed: make(chan ws.CloseInfo, 1), wait: map[string]chan frame{}}
	conn.OnMessage(func(m ws.Message) { p.receive(t, m) })
	conn.OnClose(func(why ws.CloseInfo) { p.closed <- why })
	return p
}

func (p *peer) receive(t *testing.T, m ws.Message) {
	var f frame
	if err := json.Unmarshal(m.Data, &f); err != nil {
		t.Errorf("the server sent %q: %v", m.Data, err)
	}
	if f.Method != "" {
		p.told <- f
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if reply := p.wait[string(f.ID)]; reply != nil {
		delete(p.wait, string(f.ID))
		reply <- f
		return
	}
	p.told <- f // a reply without a request of ours
}

// connect dials in development mode as "user" or "user/device", and takes the welcome.
func (r running) connect(t *testing.T, who string) *peer {
	t.Helper()
	user, device, _ := strings.Cut(who, "/")
	query := "user=" + user
	if device != "" {
		query += "&device=" + device
	}
	p, err := r.dial(t, query, ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.expect(t, "welcome")
	return p
}

func (p *peer) send(t *testing.T, text string) {
	t.Helper()
	if err := p.conn.Send(ws.Message{Data: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

// expect waits for a notification, and forgets those before it.
func (p *peer) expect(t *testing.T, method string) frame {
	t.Helper()
	for {
		if f := testkit.Receive(t, method, p.told); f.Method == method {
			return f
		}
	}
}

// try sends a request and waits for its reply.
func (p *peer) try(t *testing.T, method, params string) frame {
	t.Helper()
	p.mu.Lock()
	p.calls++
	id := strconv.Itoa(p.calls)
	reply := make(chan frame, 1)
	p.wait[id] = reply
	p.mu.Unlock()
	p.send(t, `{"id":`+id+`,"method":"`+method+`","params":`+params+`}`)
	return testkit.Receive(t, "the reply to "+method, reply)
}

// call is try for what must succeed.
func (p *peer) call(t *testing.T, method, params string) json.RawMessage {
	t.Helper()
	f := p.try(t, method, params)
	if f.Error != nil {
		t.Fatalf("%s %s: %v", method, params, f)
	}
	return f.Result
}

// decode unpacks JSON.
func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}
