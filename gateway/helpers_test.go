package gateway_test

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
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

// start serves on addr, "" for any free port.
func start(t *testing.T, addr string) running {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	g, err := gateway.New(gateway.Config{Addr: addr, Dev: true, Shutdown: gateway.ShutdownConfig{Timeout: testkit.Patience}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := g.Serve(ctx, l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	stop := func() {
		cancel()
		<-served
	}
	t.Cleanup(stop)
	return running{g, l.Addr(), stop}
}

func (r running) url(scheme, path string) string { return scheme + "://" + r.addr.String() + path }

// frame is any frame of the server.
type frame struct {
	Method string
	Params struct {
		Session, User, Room, ID string
		Info                    struct{ Name string }
		From                    struct {
			User string
			Info struct{ Name string }
		}
		Data     struct{ Text string }
		Time     int64
		Present  int
		Position struct {
			Epoch  string
			Offset uint64
		}
	}
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

// peer is a client of the chat.
type peer struct {
	conn   *ws.Conn
	frames chan frame
	closed chan ws.CloseInfo
}

// connect dials as a user with a name, or as the query says where it is not empty, and takes the welcome.
func (r running) connect(t *testing.T, user, name string) *peer {
	t.Helper()
	q := url.Values{"user": {user}}
	if name != "" {
		q.Set("name", name)
	}
	conn, err := ws.Dial(t.Context(), r.url("ws", "/ws?"+q.Encode()), ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Terminate)
	p := &peer{conn, make(chan frame, 1000), make(chan ws.CloseInfo, 1)}
	conn.OnMessage(func(m ws.Message) {
		var f frame
		if err := json.Unmarshal(m.Data, &f); err != nil {
			t.Errorf("the server sent %q: %v", m.Data, err)
		}
		p.frames <- f
	})
	conn.OnClose(func(why ws.CloseInfo) { p.closed <- why })
	p.expect(t, "welcome")
	return p
}

// join connects and joins the lobby.
func (r running) join(t *testing.T, user, name string) *peer {
	t.Helper()
	p := r.connect(t, user, name)
	p.call(t, "room.join", `{"room":"lobby"}`)
	return p
}

func (p *peer) send(t *testing.T, text string) {
	t.Helper()
	if err := p.conn.Send(ws.Message{Data: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) next(t *testing.T, what string) frame {
	t.Helper()
	return testkit.Receive(t, what, p.frames)
}

// expect takes the next frame, which must be this notification.
func (p *peer) expect(t *testing.T, method string) frame {
	t.Helper()
	f := p.next(t, method)
	if f.Method != method {
		t.Fatalf("got %+v, want the notification %s", f, method)
	}
	return f
}

// call sends a request and takes the next frame, which must be its result.
func (p *peer) call(t *testing.T, method, params string) json.RawMessage {
	t.Helper()
	p.send(t, `{"jsonrpc":"2.0","id":"c","method":"`+method+`","params":`+params+`}`)
	f := p.next(t, "the reply to "+method)
	if string(f.ID) != `"c"` || f.Error != nil {
		t.Fatalf("got %+v (error %+v), want the result of %s", f, f.Error, method)
	}
	return f.Result
}

// say sends a message to the lobby, takes the reply and the message itself.
func (p *peer) say(t *testing.T, text string) frame {
	t.Helper()
	data, err := json.Marshal(map[string]any{"room": "lobby", "data": map[string]string{"text": text}})
	if err != nil {
		t.Fatal(err)
	}
	p.call(t, "room.send", string(data))
	return p.expect(t, "room.message")
}
