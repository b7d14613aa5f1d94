package gateway_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// from dials from one of the loopback addresses.
func from(address string) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return d.DialContext
}

func TestConnectionsThatAreNoWebSocketsCountToo(t *testing.T) {
	cfg := production()
	cfg.Limits.ConnectionsPerAddress = 5
	r := serve(t, cfg)
	var idle []net.Conn
	for range 5 {
		idle = append(idle, connect(t, r))
	}
	_, err := connect(t, r).Read(make([]byte, 1))
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one connection too many: %v", err)
	}
	others := &http.Client{Transport: &http.Transport{DialContext: from("127.0.0.3"), DisableKeepAlives: true}}
	res, err := others.Get(r.url("http", "/healthz"))
	if err != nil {
		t.Fatalf("another address: %v", err)
	}
	res.Body.Close()

	idle[0].Close()
	own := &http.Client{Transport: &http.Transport{DialContext: from("127.0.0.2"), DisableKeepAlives: true}}
	testkit.Eventually(t, "there is room again", func() bool {
		res, err := own.Get(r.url("http", "/healthz"))
		if err != nil {
			return false
		}
		return res.Body.Close() == nil
	})
}

// connect opens a connection that says nothing.
func connect(t *testing.T, r running) net.Conn {
	t.Helper()
	c, err := from("127.0.0.2")(t.Context(), "tcp", r.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// A wrong password costs much time, so it counts as more than one attempt; otherwise one address would keep all others from being
// let in by theirs.
func TestGuessingPasswordsIsLimited(t *testing.T) {
	cfg := production()
	cfg.Auth.Basic.File = passwordFile(t, "eve", "right")
	cfg.Limits.HandshakesPerAddress = gateway.RateConfig{PerSecond: 0.001, Burst: 40}
	r := serve(t, cfg)
	statuses := map[int]int{}
	for range 20 {
		statuses[signInFrom(t, r, "127.0.0.2", "/ws", "wrong")]++
	}
	if statuses[http.StatusUnauthorized] != 4 || statuses[http.StatusTooManyRequests] != 16 {
		t.Errorf("20 guesses were answered %v", statuses)
	}
	for range 20 {
		if status := signInFrom(t, r, "127.0.0.3", "/ws", "right"); status != http.StatusOK {
			t.Fatalf("who knows the password gets %d", status)
		}
	}
}

// The door of combined calls lets nobody guess whom the WebSocket paths would send away, and the other way round.
func TestGuessingPasswordsWithCombinedCallsIsLimited(t *testing.T) {
	cfg := production()
	cfg.Auth.Basic.File = passwordFile(t, "eve", "right")
	cfg.Limits.HandshakesPerAddress = gateway.RateConfig{PerSecond: 0.001, Burst: 40}
	cfg.Backends, cfg.BFF.Routes = []gateway.BackendConfig{service(t, nil)}, routes()
	r := serve(t, cfg)
	statuses := map[int]int{}
	for range 20 {
		statuses[signInFrom(t, r, "127.0.0.2", "/bff/mine", "wrong")]++
	}
	if statuses[http.StatusUnauthorized] != 5 || statuses[http.StatusTooManyRequests] != 15 {
		t.Errorf("20 guesses were answered %v", statuses)
	}
	for _, path := range []string{"/bff/mine", "/ws"} {
		if status := signInFrom(t, r, "127.0.0.2", path, "right"); status != http.StatusTooManyRequests {
			t.Errorf("who has guessed too often gets %d at %s", status, path)
		}
	}
	for range 100 { // signing in rightly does not count
		if status := signInFrom(t, r, "127.0.0.3", "/bff/mine", "right"); status != http.StatusOK {
			t.Fatalf("who knows the password gets %d", status)
		}
	}
}

func signInFrom(t *testing.T, r running, address, path, password string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: from(address), DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url("http", path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("eve", password)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
