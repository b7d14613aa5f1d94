package gateway_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestWithoutDevelopmentModeThereIsNoGateway(t *testing.T) {
	_, err := gateway.New(gateway.Config{})
	if !errors.Is(err, gateway.ErrNoKeys) || !strings.Contains(err.Error(), "hubbub serve --dev") {
		t.Errorf("error %v does not say what to do", err)
	}
}

func TestAddressWithoutPortIsExplained(t *testing.T) {
	_, err := gateway.New(gateway.Config{Dev: true, Addr: "8080"})
	if err == nil || !strings.Contains(err.Error(), ":8080") {
		t.Errorf("error %v does not show how to write an address", err)
	}
}

func TestDevelopmentModeListensOnLoopback(t *testing.T) {
	g := build(t, gateway.Config{Dev: true, Addr: ":0"})
	l, err := g.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if gateway.Exposed(l.Addr()) {
		t.Errorf("listens on %v", l.Addr())
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if got := g.URL(l.Addr()); got != "http://localhost:"+port+"/" {
		t.Errorf("URL is %s", got)
	}
}

func TestURL(t *testing.T) {
	for _, c := range []struct {
		addr     string
		listener net.TCPAddr
		want     string
		exposed  bool
	}{
		{"0.0.0.0:80", net.TCPAddr{IP: net.IPv4zero, Port: 80}, "http://localhost:80/", true},
		{"[::]:80", net.TCPAddr{IP: net.IPv6zero, Port: 80}, "http://localhost:80/", true},
		{"[::1]:80", net.TCPAddr{IP: net.IPv6loopback, Port: 80}, "http://[::1]:80/", false},
		{"192.0.2.7:0", net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 81}, "http://192.0.2.7:81/", true},
		{"chat.test:0", net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 81}, "http://chat.test:81/", true},
	} {
		g := build(t, gateway.Config{Dev: true, Addr: c.addr})
		if got := g.URL(&c.listener); got != c.want {
			t.Errorf("%s: URL is %s, want %s", c.addr, got, c.want)
		}
		if got := gateway.Exposed(&c.listener); got != c.exposed {
			t.Errorf("%s: exposed is %v", c.addr, got)
		}
	}
}

func TestAddressInUseIsExplained(t *testing.T) {
	first := start(t, "")
	g := build(t, gateway.Config{Dev: true, Addr: first.addr.String()})
	_, err := g.Listen(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "--addr") {
		t.Errorf("error %v does not say what to do", err)
	}
}

func TestProbes(t *testing.T) {
	g := start(t, "")
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, _ := get(t, g.Handler(), path); code != 200 {
			t.Errorf("%s answers %d", path, code)
		}
	}
	g.stop()
	if code, _ := get(t, g.Handler(), "/readyz"); code != 503 {
		t.Errorf("/readyz answers %d while shutting down", code)
	}
}

func TestStopSendsEverybodyAway(t *testing.T) {
	g := serve(t, gateway.Config{Dev: true, Shutdown: gateway.ShutdownConfig{Window: 200 * time.Millisecond}})
	peers := []*peer{g.connect(t, "ann"), g.connect(t, "bob"), g.connect(t, "cid")}
	peers[0].call(t, "room.join", `{"room":"lobby"}`)
	sent := peers[0].call(t, "room.send", `{"room":"lobby","data":"accepted"}`)
	g.stop()
	for _, p := range peers {
		d := decode[struct {
			Reconnect struct {
				Max int64 `json:"max_ms"`
			}
		}](t, p.expect(t, "server.draining").Params)
		if d.Reconnect.Max != 200 {
			t.Errorf("told %+v", d)
		}
		if why := testkit.Receive(t, "the close", p.closed); why.Code != 4003 || why.Reason != "draining retry=0-200" {
			t.Errorf("closed with %+v", why)
		}
	}
	if len(sent) == 0 {
		t.Error("the message was not accepted")
	}
	if _, err := net.Dial("tcp", g.addr.String()); err == nil {
		t.Error("the port is still open")
	}
}

func TestServeReturnsWhenItsListenerFails(t *testing.T) {
	g, err := gateway.New(stored(t, gateway.Config{Dev: true, Addr: "127.0.0.1:0"}))
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := g.Serve(context.Background(), l); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("Serve returns %v", err)
	}
}

func TestWhoCannotBeIdentifiedIsTold(t *testing.T) {
	g := start(t, "")
	for name, c := range map[string]struct {
		query  url.Values
		status int
		says   string
	}{
		"nobody":         {url.Values{}, 401, "?user=ID"},
		"space":          {url.Values{"user": {"ann lee"}}, 422, "spaces"},
		"control":        {url.Values{"user": {"ann\x00"}}, 422, "control"},
		"brace":          {url.Values{"user": {"{ann}"}}, 422, "{ }"},
		"too long":       {url.Values{"user": {strings.Repeat("a", 129)}}, 422, "at most 128"},
		"no UTF-8":       {url.Values{"user": {"\xff"}}, 422, "UTF-8"},
		"device":         {url.Values{"user": {"ann"}, "device": {"a b"}}, 422, "device"},
		"platform":       {url.Values{"user": {"ann"}, "platform": {strings.Repeat("a", 129)}}, 422, "platform"},
		"forged token":   {url.Values{"token": {"e30.e30.e30"}}, 401, "token"},
		"token and user": {url.Values{"token": {"e30.e30.e30"}, "user": {"ann"}}, 401, "token"},
		"unknown ticket": {url.Values{"ticket": {"x"}}, 401, "ticket"},
	} {
		path := "/ws?" + c.query.Encode()
		code, body := get(t, g.Handler(), path)
		if code != c.status || !strings.Contains(body, c.says) || !strings.Contains(body, `"reason":"`) {
			t.Errorf("%s: GET answers %d %q", name, code, body)
		}
		_, err := ws.Dial(t.Context(), g.url("ws", path), ws.DialOptions{})
		refused, ok := errors.AsType[*ws.HandshakeError](err)
		if !ok || refused.Status != c.status || string(refused.Body) != body {
			t.Errorf("%s: the handshake ends with %v", name, err)
		}
	}
}

func TestOrigins(t *testing.T) {
	g := start(t, "")
	for origin, want := range map[string]int{
		"http://localhost:5173":        101,
		"https://127.0.0.1":            101,
		"http://127.1.2.3:99":          101,
		"http://[::1]:3000":            101,
		"null":                         101,
		g.url("http", ""):              101,
		"":                             101,
		"http://evil.test":             403,
		"http://localhost.evil.test":   403,
		"http://evil.test?@localhost":  403,
		"ftp://localhost":              403,
		"http://192.0.2.1:8080":        403,
		"http://127.0.0.1.evil.test:1": 403,
	} {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		conn, err := ws.Dial(t.Context(), g.url("ws", "/ws?user=ann"), ws.DialOptions{Header: h})
		got := 101
		if refused, ok := errors.AsType[*ws.HandshakeError](err); ok {
			got = refused.Status
		}
		if got != want {
			t.Errorf("origin %q gets %d, want %d", origin, got, want)
		}
		if err == nil {
			conn.Terminate()
		}
	}
}
