package interop_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// server is a hubbub server under test.
type server struct {
	*ws.Server
	addr   string // host:port
	closed chan ws.CloseInfo
}

// facts is what the route /facts sends to whoever connects.
type facts struct {
	Remote      string // the address alone
	Host        string // of the handshake, as the server saw it
	Subprotocol string
	Extensions  string
	TLS         bool
}

// serve starts a server on a loopback port, with TLS on the event loops if there is a certificate. Its routes are /echo,
// /facts, /ping (pings, and tells what pong came back), /close/{code}/{reason}, and the page of testdata for everything else.
func serve(t *testing.T, o ws.Options, certs ...testkit.Certificate) *server {
	t.Helper()
	s := &server{closed: make(chan ws.CloseInfo, 64)}
	o.OnClose = func(_ *ws.Conn, why ws.CloseInfo) { s.closed <- why }
	o.Headers = append(o.Headers, "Host")
	s.Server = ws.NewServer(o)

	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	web := &http.Server{Handler: routes(s.Server), ReadHeaderTimeout: testkit.Patience}
	done := make(chan error, 1)
	if len(certs) == 0 {
		go func() { done <- web.Serve(l) }()
	} else {
		web.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certs[0].TLS}}
		go func() { done <- web.ServeTLS(ws.Listen(l), "", "") }()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shut down the WebSocket server: %v", err)
		}
		web.Close()
		<-done
	})
	return s
}

func routes(s *ws.Server) http.Handler {
	router := ws.NewRouter(s)
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) {
			if err := c.Send(m); err != nil {
				c.Close(ws.CodeInternal, err.Error()) // tells the client's side of the test
			}
		})
	})
	router.Handle("/facts", func(c *ws.Conn) {
		told, _ := json.Marshal(facts{
			Remote: c.RemoteAddr().Addr().String(), Host: c.Header("Host"), Subprotocol: c.Subprotocol(), Extensions: c.Extensions(),
			TLS: c.TLS() != nil,
		})
		c.Send(ws.Message{Data: told})
	})
	router.Handle("/ping", func(c *ws.Conn) {
		c.OnPong(func(b []byte) { c.Send(ws.Message{Data: append([]byte("pong "), b...)}) })
		c.Ping([]byte("are you there?"))
	})
	router.Handle("/close/{code}/{reason}", func(c *ws.Conn) {
		code, _ := strconv.Atoi(c.PathValue("code"))
		c.Close(ws.Code(code), c.PathValue("reason"))
	})
	router.Fallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/page.html")
	}))
	return router
}

// expectClose waits for the end of a conn of the server, as the server saw it.
func (s *server) expectClose(t *testing.T, code ws.Code, reason string) {
	t.Helper()
	got := testkit.Receive(t, "the server to see the close", s.closed)
	if got.Code != code || got.Reason != reason || got.Err != nil {
		t.Errorf("server saw close %d %q, error %v; want %d %q and none", got.Code, got.Reason, got.Err, code, reason)
	}
}

// peer is a client of hubbub's, with its messages in a channel.
type peer struct {
	*ws.Conn
	messages chan ws.Message
	closed   chan ws.CloseInfo
	pongs    chan []byte
}

// dial connects and drops the conn at the end of the test.
func dial(t *testing.T, url string, o ws.DialOptions) *peer {
	t.Helper()
	c, err := tryDial(t, url, o)
	if err != nil {
		t.Fatalf("dial %s: %v", url, err)
	}
	p := &peer{c, make(chan ws.Message, 64), make(chan ws.CloseInfo, 1), make(chan []byte, 64)}
	c.OnMessage(func(m ws.Message) { p.messages <- m })
	c.OnPong(func(b []byte) { p.pongs <- b })
	c.OnClose(func(why ws.CloseInfo) { p.closed <- why })
	t.Cleanup(c.Terminate)
	return p
}

func tryDial(t *testing.T, url string, o ws.DialOptions) (*ws.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	return ws.Dial(ctx, url, o)
}

// from makes the NetDial of a client with the given address of its own. All of 127.0.0.0/8 is the loopback interface.
func from(addr string) func(context.Context, string, string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}, Timeout: 10 * time.Second}
	return d.DialContext
}

// facts connects to /facts and returns what it says.
func (p *peer) facts(t *testing.T) facts {
	t.Helper()
	var f facts
	m := testkit.Receive(t, "facts", p.messages)
	if err := json.Unmarshal(m.Data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// expectEcho sends a message and waits for the same message.
func (p *peer) expectEcho(t *testing.T, m ws.Message) {
	t.Helper()
	if err := p.Send(m); err != nil {
		t.Fatalf("send: %v", err)
	}
	got := testkit.Receive(t, "the echo", p.messages)
	if got.Binary != m.Binary || string(got.Data) != string(m.Data) {
		t.Errorf("got %s, want %s", brief(got), brief(m))
	}
}

// brief describes a message in a line of bearable length.
func brief(m ws.Message) string {
	kind := "text"
	if m.Binary {
		kind = "binary"
	}
	return kind + " of " + strconv.Itoa(len(m.Data)) + " bytes, " + strconv.Quote(string(m.Data[:min(len(m.Data), 40)]))
}
