package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// buffer collects a log. It may be used concurrently.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func debugLog(b *buffer) *slog.Logger {
	return gateway.NewLoggerTo(b, gateway.LogConfig{Level: "debug"})
}

// fronted is a front that serves until stop or the end of the test.
type fronted struct {
	*gateway.Front
	addr string
	stop func()
}

func serveFront(t *testing.T, c gateway.Config, drain func(context.Context, hubbub.Retry)) fronted {
	t.Helper()
	if c.Shutdown.Timeout == 0 {
		c.Shutdown.Timeout = testkit.Patience
	}
	f, err := gateway.NewFront(c, drain)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return fronted{f, l.Addr().String(), background(t, l, f.Serve)}
}

// ask makes a request with header lines "Name: value".
func ask(t *testing.T, h http.Handler, method, url string, lines ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Peer" {
			r.RemoteAddr = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (f fronted) metrics(t *testing.T) string {
	t.Helper()
	return body(t, ask(t, f.Metrics().Handler(), "GET", "/metrics"))
}

func TestConnsOfOneAddressAreLimited(t *testing.T) {
	f := serveFront(t, gateway.Config{Limits: gateway.LimitsConfig{ConnectionsPerAddress: 2},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, nil)
	dial := func(client string) (*ws.Conn, error) {
		return ws.Dial(t.Context(), "ws://"+f.addr+"/websocket", ws.DialOptions{Header: http.Header{"X-Forwarded-For": {client}}})
	}
	var conns []*ws.Conn
	for range 2 {
		// A conn counts twice until its handshake has ended on the server, too, so the second may be early.
		testkit.Eventually(t, "a conn within the limit", func() bool {
			c, err := dial("2001:db8::1")
			if err == nil {
				conns = append(conns, c)
			}
			return err == nil
		})
	}
	_, err := dial("2001:db8::2:3")
	refused, ok := errors.AsType[*ws.HandshakeError](err)
	if !ok || refused.Status != 429 || refused.Header.Get("Retry-After") == "" {
		t.Fatalf("the third ends with %v", err)
	}
	var problem struct{ Detail, Reason string }
	if err := json.Unmarshal(refused.Body, &problem); err != nil || problem.Reason != "rate_limited" ||
		!strings.Contains(problem.Detail, "trusted_proxies") || !strings.Contains(problem.Detail, "limits.connections_per_address (2)") {
		t.Errorf("the problem is %s (%v)", refused.Body, err)
	}
	if other, err := dial("2001:db8:0:1::1"); err != nil {
		t.Errorf("another network is refused: %v", err)
	} else {
		conns = append(conns, other)
	}
	conns[0].Terminate()
	testkit.Eventually(t, "room for another conn", func() bool {
		c, err := dial("2001:db8::4")
		if err == nil {
			conns = append(conns, c)
		}
		return err == nil
	})
	for _, c := range conns {
		c.Terminate()
	}
	testkit.Eventually(t, "all conns to be counted out", func() bool { return strings.Contains(f.metrics(t), "hubbub_connections 0\n") })
	for _, want := range []string{`hubbub_limited_total{limit="limits.connections_per_address"} `, `hubbub_upgrades_total{outcome="accepted"} 4`,
		`hubbub_upgrades_total{outcome="rate_limited"} `, `hubbub_closes_total{code="1006"} 4`} {
		if !strings.Contains(f.metrics(t), want) {
			t.Errorf("no %q in the figures", want)
		}
	}
}

func TestHandshakesOfOneAddressAreLimited(t *testing.T) {
	c := gateway.Config{Limits: gateway.LimitsConfig{HandshakesPerAddress: gateway.RateConfig{PerSecond: 0.001, Burst: 3}}}
	f, err := gateway.NewFront(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{426, 426, 426, 429} {
		if got := ask(t, f.Handler, "GET", "/ws").StatusCode; got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	if got := ask(t, f.Handler, "GET", "/page").StatusCode; got != 200 {
		t.Errorf("a page answers %d", got)
	}
	if got := ask(t, f.Handler, "GET", "/ws", "Peer: [2001:db8::1]:5").StatusCode; got != 426 {
		t.Errorf("another address gets %d", got)
	}
	c.Dev = true
	if f, err = gateway.NewFront(c, nil); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if got := ask(t, f.Handler, "GET", "/ws").StatusCode; got != 426 {
			t.Errorf("in development mode: %d", got)
		}
	}
}

func TestNetwork(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32",
		"2001:db8::1:2": "2001:db8::/64", "fe80::1%eth0": "fe80::/64"} {
		if got := gateway.Network(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s is of %s, want %s", addr, got, want)
		}
	}
	if got := gateway.Network(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address is of %v", got)
	}
}

func TestCORS(t *testing.T) {
	front := func(c gateway.Config) http.Handler {
		f, err := gateway.NewFront(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f.Handler
	}
	listed := front(gateway.Config{Origins: []string{"https://*.example.com"}, CORS: gateway.CORSConfig{Credentials: true}})
	anyone := front(gateway.Config{Origins: []string{"*"}})
	dev := front(gateway.Config{Dev: true})
	const a, evil = "Origin: https://a.example.com", "Origin: https://evil.test"
	for name, c := range map[string]struct {
		h            http.Handler
		origin       string
		allow, creds string
	}{
		"listed":            {listed, a, "https://a.example.com", "true"},
		"same host":         {listed, "Origin: http://example.com", "http://example.com", "true"}, // the host of httptest's requests
		"not listed":        {listed, evil, "", ""},
		"any":               {anyone, evil, "https://evil.test", ""},
		"null with any":     {anyone, "Origin: null", "null", ""},
		"null":              {listed, "Origin: null", "", ""},
		"loopback":          {listed, "Origin: http://localhost:5173", "", ""},
		"loopback in dev":   {dev, "Origin: http://localhost:5173", "http://localhost:5173", ""},
		"not listed in dev": {dev, evil, "", ""},
	} {
		plain := ask(t, c.h, "GET", "/page", c.origin)
		if plain.StatusCode != 200 || plain.Header.Get("Access-Control-Allow-Origin") != c.allow || plain.Header.Get("Vary") != "Origin" ||
			plain.Header.Get("Access-Control-Allow-Credentials") != c.creds {
			t.Errorf("%s: %d %v", name, plain.StatusCode, plain.Header)
		}
		pre := ask(t, c.h, "OPTIONS", "/page", c.origin, "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization")
		h := pre.Header
		if c.allow == "" {
			if pre.StatusCode != 403 || !strings.Contains(body(t, pre), "origins") || h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: preflight %d %v", name, pre.StatusCode, h)
			}
			continue
		}
		if pre.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != c.allow || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PUT") ||
			h.Get("Access-Control-Allow-Headers") != "authorization" || h.Get("Access-Control-Max-Age") != "600" {
			t.Errorf("%s: preflight %d %v", name, pre.StatusCode, h)
		}
	}
	if h := ask(t, listed, "GET", "/page").Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Vary") != "" {
		t.Errorf("without origin: %v", h)
	}
}

func TestProbesAndFigures(t *testing.T) {
	f, err := gateway.NewFront(gateway.Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if got := ask(t, f.Handler, "GET", path); got.StatusCode != 200 || body(t, got) != want {
			t.Errorf("%s answers %d", path, got.StatusCode)
		}
	}
	f.Metrics().Watch("sessions", "Sessions.", func() float64 { return 7 })
	for range 3 {
		f.Metrics().Requested("room.join", nil, time.Millisecond)
	}
	for i := range 100 {
		f.Metrics().Requested("made.up."+string(rune('a'+i%26)), hubbub.Errorf(hubbub.Reason("reason"+string(rune('a'+i%26))), "x"), time.Second)
		f.Metrics().AuthFailed("way" + string(rune('a'+i%26)))
		f.Metrics().Connected()
		f.Metrics().Closed(ws.Code(4600 + i))
		f.Metrics().Refused(600 + i)
		f.Metrics().Answered(700 + i)
	}
	f.Metrics().Delivered(5)
	f.Metrics().Skipped(2)
	got := body(t, ask(t, f.Handler, "GET", "/metrics"))
	for _, want := range []string{
		"hubbub_sessions 7\n", `hubbub_requests_total{method="room.join",outcome="ok"} 3` + "\n",
		`hubbub_requests_total{method="unknown",outcome="other"} 100` + "\n", `hubbub_auth_failures_total{method="other"} 100` + "\n",
		`hubbub_closes_total{code="other"} 100` + "\n", `hubbub_upgrades_total{outcome="other"} 100` + "\n",
		`hubbub_http_requests_total{status="2xx"} 2` + "\n", `hubbub_http_requests_total{status="other"} 100` + "\n",
		"hubbub_messages_delivered_total 5\n", "hubbub_messages_skipped_total 2\n", "hubbub_request_seconds_count 103\n",
		`hubbub_build_info{version="test"} 1` + "\n", "go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the figures", want)
		}
	}
}

func TestFiguresOnAnAddressOfTheirOwn(t *testing.T) {
	addr := testkit.FreeAddr(t)
	f := serveFront(t, gateway.Config{Metrics: gateway.MetricsConfig{Addr: addr, Path: "/figures"}}, nil)
	testkit.Eventually(t, "figures", func() bool {
		res, err := http.Get("http://" + addr + "/figures")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == 200
	})
	if got := ask(t, f.Handler, "GET", "/figures").StatusCode; got != 404 {
		t.Errorf("the gateway's own address answers %d", got)
	}
	f.stop()
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the port of the figures is still open")
	}
}

// TestShutdownOrder looks at the server from within the drain and after it.
func TestShutdownOrder(t *testing.T) {
	var f fronted
	probes := make(chan string, 10)
	drain := func(_ context.Context, window hubbub.Retry) {
		if window != (hubbub.Retry{Max: 3 * time.Second}) {
			t.Errorf("the window is %v", window)
		}
		for _, path := range []string{"/healthz", "/readyz", "/ws"} {
			res, err := http.Get("http://" + f.addr + path)
			if err != nil {
				t.Error(err)
				continue
			}
			res.Body.Close()
			probes <- path + " " + res.Status[:3] + " " + res.Header.Get("Retry-After")
		}
		probes <- "drained"
	}
	f = serveFront(t, gateway.Config{Shutdown: gateway.ShutdownConfig{Window: 3 * time.Second, Timeout: testkit.Patience}}, drain)
	conn, err := ws.Dial(t.Context(), "ws://"+f.addr+"/ws", ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan ws.CloseInfo, 1)
	conn.OnClose(func(why ws.CloseInfo) { closed <- why })
	f.stop()
	for _, want := range []string{"/healthz 200 ", "/readyz 503 ", "/ws 503 1", "drained"} {
		if got := testkit.Receive(t, want, probes); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if why := testkit.Receive(t, "the close", closed); why.Code != ws.CodeGoingAway {
		t.Errorf("closed with %+v", why)
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	first, second := testkit.SelfSigned(t), testkit.SelfSigned(t)
	var log buffer
	files := gateway.TLSConfig{Cert: first.CertFile, Key: first.KeyFile}
	f := serveFront(t, gateway.Config{TLS: files, Logger: debugLog(&log)}, nil)
	trusts := func(c *x509.CertPool) bool {
		conn, err := tls.Dial("tcp", f.addr, &tls.Config{RootCAs: c})
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	conn, err := ws.Dial(t.Context(), "wss://"+f.addr+"/ws", ws.DialOptions{TLS: &tls.Config{RootCAs: first.Roots}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Terminate()

	if err := os.WriteFile(files.Cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the log to say that the certificate is broken", func() bool {
		return trusts(first.Roots) && strings.Contains(log.String(), "the old one is kept")
	})
	overwrite(t, map[string]string{files.Cert: second.CertFile, files.Key: second.KeyFile})
	testkit.Eventually(t, "the new certificate", func() bool { return trusts(second.Roots) })
	if trusts(first.Roots) {
		t.Error("the old certificate is still served")
	}
	received := make(chan ws.Message, 1)
	conn.OnMessage(func(m ws.Message) { received <- m })
	if err := conn.Send(ws.Text("still here")); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "the echo on the conn with the old certificate", received)
}

// TestForeignPagesDoNotFillTheLog has somebody send many requests with made up origins.
func TestForeignPagesDoNotFillTheLog(t *testing.T) {
	var log buffer
	cfg := production()
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	cfg.Backends, cfg.BFF.Routes = []gateway.BackendConfig{service(t, nil)}, routes()
	g := serve(t, cfg)
	for range 1000 {
		for _, method := range []string{"OPTIONS", "GET"} {
			res := ask(t, g.Handler(), method, "/bff/all", "Origin: http://evil.example", "Access-Control-Request-Method: GET")
			if res.StatusCode != 403 {
				t.Fatalf("%s: %d", method, res.StatusCode)
			}
		}
	}
	if lines := strings.Count(log.String(), "evil.example"); lines == 0 || lines > 200 {
		t.Errorf("the log has %d lines of them", lines)
	}
}
