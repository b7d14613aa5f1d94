package ws_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// routed starts an HTTP server with a router in an http.ServeMux, below "/live/", and returns its address as "ws://host:port".
func routed(t *testing.T, o ws.Options, routes func(*ws.Server, *ws.Router)) string {
	t.Helper()
	srv := ws.NewServer(o)
	router := ws.NewRouter(srv)
	routes(srv, router)
	mux := http.NewServeMux()
	mux.Handle("/live/", router)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "home") })
	hs := httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		hs.Close()
	})
	return "ws" + strings.TrimPrefix(hs.URL, "http")
}

// dialed is a client conn with its messages.
type dialed struct {
	*ws.Conn
	messages chan string
}

func dial(t *testing.T, url string, header http.Header) dialed {
	t.Helper()
	c, err := ws.Dial(t.Context(), url, ws.DialOptions{Header: header})
	if err != nil {
		t.Fatalf("Dial %s: %v", url, err)
	}
	t.Cleanup(c.Terminate)
	d := dialed{c, make(chan string, 16)}
	c.OnMessage(func(m ws.Message) { d.messages <- string(m.Data) })
	return d
}

func (d dialed) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-d.messages:
		if got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("waited in vain for %q", want)
	}
}

func say(c *ws.Conn, text string) { c.Send(ws.Message{Data: []byte(text)}) }

// refused dials and returns the answer that was not 101.
func refused(t *testing.T, url string, header http.Header) *ws.HandshakeError {
	t.Helper()
	c, err := ws.Dial(t.Context(), url, ws.DialOptions{Header: header})
	if err == nil {
		c.Terminate()
		t.Fatalf("Dial %s: was accepted", url)
	}
	var refusal *ws.HandshakeError
	if !errors.As(err, &refusal) {
		t.Fatalf("Dial %s: %v, want a HandshakeError", url, err)
	}
	return refusal
}

type userKey struct{}

// requireUser refuses with 401, and tells the handler who it is.
func requireUser(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := r.URL.Query().Get("user")
		if user == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="chat"`)
			http.Error(w, "say who you are", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
	})
}

// wrapped is a ResponseWriter as logging middleware makes it.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "42")
		next.ServeHTTP(wrapped{w}, r)
	})
}

func TestRouterEchoAndFacts(t *testing.T) {
	o := ws.Options{Headers: []string{"X-Device"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	url := routed(t, o, func(_ *ws.Server, router *ws.Router) {
		router.Sub("/live", wrap, requireUser).Handle("/{room}", func(c *ws.Conn) {
			user, _ := c.Context().Value(userKey{}).(string)
			say(c, strings.Join([]string{user, c.PathValue("room"), c.Query().Get("x"), c.URL().Path, c.Header("X-Device"),
				c.RemoteAddr().Addr().String()}, " "))
			c.OnMessage(func(m ws.Message) { c.Send(m) })
		})
	})
	c := dial(t, url+"/live/red?user=ann&x=1", http.Header{"X-Device": {"d1"}, "X-Forwarded-For": {"192.0.2.7"}})
	c.expect(t, "ann red 1 /live/red d1 192.0.2.7")
	say(c.Conn, "hello")
	c.expect(t, "hello")
}

func TestRouterRefusesBeforeUpgrade(t *testing.T) {
	url := routed(t, ws.Options{Subprotocols: []string{"v1"}}, func(_ *ws.Server, router *ws.Router) {
		router.Sub("/live", requireUser).Handle("/{room}", func(*ws.Conn) { t.Error("the handler was called") })
	})
	if r := refused(t, url+"/live/red", nil); r.Status != 401 || r.Header.Get("WWW-Authenticate") == "" || !strings.Contains(string(r.Body), "who you are") {
		t.Errorf("middleware: %d %v %q", r.Status, r.Header, r.Body)
	}
	if r := refused(t, url+"/live/red/blue?user=ann", nil); r.Status != 404 {
		t.Errorf("unknown path: %d", r.Status)
	}
	origin := http.Header{"Origin": {"https://b.example"}}
	if r := refused(t, url+"/live/red?user=ann", origin); r.Status != 403 || !strings.Contains(string(r.Body), `"https://b.example" to Options.Origins`) {
		t.Errorf("origin: %d %q", r.Status, r.Body)
	}
}

func TestRouterGroupsOfRoutes(t *testing.T) {
	url := routed(t, ws.Options{}, func(_ *ws.Server, router *ws.Router) {
		live := router.Sub("/live")
		var a, b *ws.Group
		a = live.Handle("/a", func(c *ws.Conn) { c.OnMessage(func(m ws.Message) { b.Broadcast(m) }) })
		b = live.Handle("/b", func(c *ws.Conn) { say(c, "ready"); c.OnMessage(func(m ws.Message) { a.Broadcast(m, c) }) })
	})
	a, b1, b2 := dial(t, url+"/live/a", nil), dial(t, url+"/live/b", nil), dial(t, url+"/live/b", nil)
	b1.expect(t, "ready")
	b2.expect(t, "ready")
	say(a.Conn, "to b")
	b1.expect(t, "to b")
	b2.expect(t, "to b")
	say(b1.Conn, "to a")
	a.expect(t, "to a")
}

func TestRouterSharesPathWithGet(t *testing.T) {
	url := routed(t, ws.Options{}, func(_ *ws.Server, router *ws.Router) {
		router.Handle("/live/x", func(c *ws.Conn) { say(c, "socket") })
		router.Fallback(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") }))
	})
	for path, want := range map[string]string{"/live/x": "page", "/live/other": "page", "/": "home"} {
		res, err := http.Get("http" + strings.TrimPrefix(url, "ws") + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("GET %s: %q, %v", path, body, err)
		}
	}
	dial(t, url+"/live/x", nil).expect(t, "socket")
}

// TestRouterResponse reads the 101 response as it is on the wire.
func TestRouterResponse(t *testing.T) {
	url := routed(t, ws.Options{Subprotocols: []string{"v2", "v1"}}, func(_ *ws.Server, router *ws.Router) {
		router.Sub("/live", wrap).Handle("/x", func(*ws.Conn) {})
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /live/x HTTP/1.1\r\nHost: a.example\r\nOrigin: https://a.example\r\nConnection: keep-alive, upgrade\r\n"+
		"Upgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v1, v2\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol": "v2", "X-Request-Id": "42",
		"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Extensions": "",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("status %s", res.Status)
	}
}
