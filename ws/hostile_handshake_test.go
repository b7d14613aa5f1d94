package ws_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// TestHalfOpenHandshakes has clients that never finish their request. ReadHeaderTimeout, as the documented programs set
// it, ends them.
func TestHalfOpenHandshakes(t *testing.T) {
	s := serveRaw(t, rawSetup{headerTimeout: 300 * time.Millisecond}, echo)
	whole := rawHandshake("/")
	silent := map[string]string{
		"nothing":              "",
		"half a request line":  "GET / HT",
		"half a request":       whole[:len(whole)/2],
		"all but the last end": whole[:len(whole)-2],
	}
	left := make(chan string)
	for name, text := range silent {
		nc := rawConnect(t, s.addr)
		io.WriteString(nc, text)
		go func() { left <- name + waitEnd(nc) }()
	}
	slow := rawConnect(t, s.addr)
	go dribbleHeaders(slow)
	go func() { left <- "slow headers" + waitEnd(slow) }()

	rawDial(t, s.addr, "/").wantEcho("served meanwhile")
	for range len(silent) + 1 {
		if name := receive(t, left, "the end of a client that does not finish its request"); strings.Contains(name, ": ") {
			t.Error(name)
		}
	}
	rawDial(t, s.addr, "/").wantEcho("served afterwards")
	if n := s.Len(); n != 2 {
		t.Errorf("%d conns are open, want 2", n)
	}
}

// waitEnd reads until the socket's end, and returns what is wrong with it, or "".
func waitEnd(nc net.Conn) string {
	nc.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, nc)
	if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
		return ": still open"
	}
	return ""
}

// dribbleHeaders sends one header after another until the server hangs up.
func dribbleHeaders(nc net.Conn) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	_, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: raw.example\r\n")
	for ; err == nil; <-tick.C {
		_, err = io.WriteString(nc, "X-Slow: yes\r\n")
	}
}

// TestFramesWithHandshake sends the first frames in one piece with the request: no byte may be lost, and nothing may
// precede the response.
func TestFramesWithHandshake(t *testing.T) {
	for name, encrypted := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			s := serveRaw(t, rawSetup{tls: encrypted}, echo)
			for range 20 {
				c := &rawConn{t: t, Conn: rawConnect(t, s.addr)}
				if encrypted {
					c.Conn = insecure(c.Conn)
				}
				c.start([]byte(rawHandshake("/")), masked(rawFin|rawPing, []byte("early")), masked(rawFin|rawText, []byte("bird")))
				if f := c.want(rawFin | rawPong); string(f.payload) != "early" {
					t.Fatalf("pong %q", f.payload)
				}
				c.wantText("bird")
			}
		})
	}
}

// TestPingBeforeResponse pings from OnConnect: the ping must not overtake the handshake's response.
func TestPingBeforeResponse(t *testing.T) {
	s := serveRaw(t, rawSetup{Options: ws.Options{OnConnect: func(c *ws.Conn) { c.Ping([]byte("hello")) }}}, echo)
	for range 20 {
		c := rawDial(t, s.addr, "/")
		if f := c.want(rawFin | rawPing); string(f.payload) != "hello" {
			t.Fatalf("ping %q", f.payload)
		}
	}
}
