package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// TestEncryptedGateway has people chat over TLS while the certificate changes under them.
func TestEncryptedGateway(t *testing.T) {
	first, second := testkit.SelfSigned(t), testkit.SelfSigned(t)
	var log buffer
	cfg := production()
	cfg.TLS, cfg.Logger = gateway.TLSConfig{Cert: first.CertFile, Key: first.KeyFile}, plainLog(&log)
	g := serve(t, cfg)
	reach := func(roots *x509.CertPool, user string) (*ws.Conn, error) {
		return ws.Dial(t.Context(), g.url("wss", "/ws"), ws.DialOptions{TLS: &tls.Config{RootCAs: roots},
			Header: bearer(tokenOf(t, user)).header})
	}
	trusted := func(roots *x509.CertPool) bool {
		c, err := reach(roots, "bob")
		if err != nil {
			return false
		}
		c.Terminate()
		return true
	}
	conn, err := reach(first.Roots, "ann")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Terminate)
	p := listen(t, conn)
	p.expect(t, "welcome")
	p.call(t, "room.join", `{"room":"lobby"}`)

	if err := os.WriteFile(first.KeyFile, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the broken key to be seen", func() bool {
		return trusted(first.Roots) && strings.Contains(log.String(), "the old one is kept")
	})
	overwrite(t, map[string]string{first.CertFile: second.CertFile, first.KeyFile: second.KeyFile})
	testkit.Eventually(t, "the new certificate", func() bool { return trusted(second.Roots) })
	if trusted(first.Roots) {
		t.Error("the old certificate is still shown")
	}
	p.call(t, "room.send", `{"room":"lobby","data":"on the old certificate"}`)
	p.expect(t, "room.message")
	if strings.Contains(log.String(), "half a ke") {
		t.Error("the key is in the log")
	}
}

func TestPagesCallTheAPIOfAllowedOriginsOnly(t *testing.T) {
	cfg := production()
	cfg.Origins = []string{"https://*.example.com"}
	g := serve(t, cfg)
	const path = "/api/v1/rooms/lobby/messages"
	for origin, allowed := range map[string]bool{"https://admin.example.com": true, "https://example.com.evil.test": false, "null": false,
		g.url("http", ""): true} {
		pre := ask(t, g.Handler(), "OPTIONS", g.url("http", path), "Origin: "+origin, "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: authorization, content-type")
		call := ask(t, g.Handler(), "GET", g.url("http", "/api/v1/online"), "Origin: "+origin, "Authorization: Bearer "+apiKey)
		if call.StatusCode != 200 || pre.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: call %d, preflight %v", origin, call.StatusCode, pre.Header)
		}
		want, status := "", 403
		if allowed {
			want, status = origin, 204
		}
		if pre.StatusCode != status || pre.Header.Get("Access-Control-Allow-Origin") != want || call.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%s: preflight %d %v, call %v", origin, pre.StatusCode, pre.Header, call.Header)
		}
		if allowed != strings.Contains(pre.Header.Get("Access-Control-Allow-Methods"), "POST") ||
			!allowed && !strings.Contains(body(t, pre), "setting origins") {
			t.Errorf("%s: preflight %v", origin, pre.Header)
		}
	}
}

// TestFiguresHaveBounds has clients send whatever could become a label.
func TestFiguresHaveBounds(t *testing.T) {
	off := gateway.RateConfig{PerSecond: -1}
	cfg := production()
	cfg.Limits.RequestsPerSession, cfg.Limits.RequestsPerUser = off, off
	g := serve(t, cfg)
	rude := func(from, to int) {
		eve := g.as(t, tokenOf(t, fmt.Sprint("eve", from)), "")
		for i := from; i < to; i++ {
			eve.refused(t, "not_found", fmt.Sprint("made.up.", i), `{}`)
			eve.call(t, "ping", `{}`)
			eve.call(t, "room.join", fmt.Sprintf(`{"room":"r%d"}`, i))
			eve.call(t, "room.leave", fmt.Sprintf(`{"room":"r%d"}`, i))
		}
		for i := from; i < min(to, from+30); i++ {
			get(t, g.Handler(), fmt.Sprint("/nowhere/", i))
			g.handshake(t, bearer(fmt.Sprint("x", i)))
			p := g.as(t, tokenOf(t, fmt.Sprint("user", i)), "")
			if err := p.conn.Close(ws.Code(3000+i), ""); err != nil {
				t.Fatal(err)
			}
			testkit.Receive(t, "the close", p.closed)
		}
		if err := eve.conn.Close(ws.CodeNormal, ""); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "all to have left", func() bool { return strings.Contains(g.figures(t), "hubbub_connections 0\n") })
	}
	series := func() int { return strings.Count(g.figures(t), "\nhubbub_") }
	rude(0, 2)
	before := series()
	rude(2, 1002)
	if after := series(); after != before {
		t.Errorf("there were %d figures, now there are %d:\n%s", before, after, g.figures(t))
	}
	for _, want := range []string{`hubbub_requests_total{method="unknown",outcome="not_found"} 1002` + "\n",
		`hubbub_requests_total{method="room.join",outcome="ok"} 1002` + "\n", `hubbub_closes_total{code="other"} 32` + "\n",
		`hubbub_auth_failures_total{method="bearer"} 32` + "\n", "hubbub_sessions 0\n"} {
		testkit.Eventually(t, want, func() bool { return strings.Contains(g.figures(t), want) })
	}
}

func TestPathsOfWebSockets(t *testing.T) {
	for _, c := range []struct{ paths, open, shut []string }{
		{nil, []string{"/ws", "/websocket"}, []string{"/", "/ws/", "/socket"}},
		{[]string{"/live/chat"}, []string{"/live/chat"}, []string{"/ws", "/websocket", "/live"}},
	} {
		cfg := production()
		cfg.Paths.WebSocket = c.paths
		g := serve(t, cfg)
		if _, text := get(t, g.Handler(), "/"); !strings.Contains(text, strings.Join(c.open, " or ")) {
			t.Errorf("the page at / names other paths than %v: %s", c.open, text)
		}
		token := sign(t, hubbub.Identity{User: "ann"}, time.Hour)
		for _, path := range c.open {
			conn, err := ws.Dial(t.Context(), g.url("ws", path), ws.DialOptions{Header: bearer(token).header})
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			listen(t, conn).expect(t, "welcome")
			conn.Terminate()
		}
		for _, path := range c.shut {
			conn, err := ws.Dial(t.Context(), g.url("ws", path), ws.DialOptions{Header: bearer(token).header})
			if refused, ok := errors.AsType[*ws.HandshakeError](err); !ok || refused.Status == 101 {
				t.Errorf("%s: %v", path, err)
			} else if refused.Status == 404 && !strings.Contains(err.Error(), "they connect to "+c.open[0]) {
				t.Errorf("%s does not say which paths are right: %v", path, err)
			}
			if err == nil {
				conn.Terminate()
			}
		}
	}
}

func TestFiguresOfTheGatewayElsewhere(t *testing.T) {
	cfg := production()
	cfg.Metrics.Addr = testkit.FreeAddr(t)
	g := serve(t, cfg)
	g.as(t, tokenOf(t, "ann"), "")
	testkit.Eventually(t, "ann to be counted", func() bool {
		res, err := http.Get("http://" + cfg.Metrics.Addr + "/metrics")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return err == nil && strings.Contains(string(text), "hubbub_sessions 1\n")
	})
	if status, text := get(t, g.Handler(), "/metrics"); status != 404 || strings.Contains(text, "hubbub_") {
		t.Errorf("the gateway's own address answers %d", status)
	}
	for _, path := range []string{"/ws", "/api/v1/online", "/healthz"} {
		res, err := http.Get("http://" + cfg.Metrics.Addr + path)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != 404 {
			t.Errorf("the address of the figures answers %s at %s", res.Status, path)
		}
	}
}
