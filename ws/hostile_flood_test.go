package ws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// TestPingFlood pings without end and never reads: at most one pong waits, and others are served meanwhile.
func TestPingFlood(t *testing.T) {
	conns := make(chan *ws.Conn, 1)
	s := serveRaw(t, rawSetup{tight: true}, func(c *ws.Conn) { conns <- c })
	flooder, other := rawDial(t, s.addr, "/"), rawDial(t, s.addr, "/echo")
	c := receive(t, conns, "the conn")

	ping := masked(rawFin|rawPing, make([]byte, 125))
	for sent := 0; c.Buffered() == 0; sent++ {
		if sent == 1<<20 {
			t.Fatal("the flood's pongs go somewhere")
		}
		flooder.write(ping)
	}
	const pong = 2 + 125 // one may be written in part while another waits
	many := bytes.Repeat(ping, 100)
	for i := range 200 {
		flooder.write(many)
		if n := c.Buffered(); n > 2*pong {
			t.Fatalf("%d bytes are waiting", n)
		}
		if i%20 == 0 {
			other.wantEcho("and the others?")
		}
	}
	if c.State() != ws.Open {
		t.Errorf("the conn is %v", c.State())
	}
}

// TestPongFlood sends pongs that nobody asked for to a handler that is blocked: reading stops at some point.
func TestPongFlood(t *testing.T) {
	release := make(chan struct{})
	pongs := make(chan int, 1)
	s := serveRaw(t, rawSetup{}, func(c *ws.Conn) {
		n := 0
		c.OnPong(func([]byte) {
			<-release
			n++
		})
		c.OnMessage(func(ws.Message) { pongs <- n })
	})
	c := rawDial(t, s.addr, "/")
	pong := masked(rawFin|rawPong, nil)
	sent, rest := c.fill(pong, 64<<20)
	close(release)
	c.SetDeadline(time.Now().Add(patience))
	c.write(rest)
	c.text("how many?")
	if got := receive(t, pongs, "the last message"); got != sent {
		t.Errorf("the handler got %d of %d pongs", got, sent)
	}
}

// fill sends frames until the kernel takes no more for a second, which has to happen before limit bytes. It returns how
// many were begun, and the rest of the last.
func (c *rawConn) fill(frame []byte, limit int) (begun int, rest []byte) {
	c.t.Helper()
	return c.fillWith(func(int) []byte { return frame }, limit)
}

func (c *rawConn) fillWith(frame func(i int) []byte, limit int) (begun int, rest []byte) {
	c.t.Helper()
	var pending []byte
	ends := []int{} // of the frames in pending
	for total := 0; total < limit; {
		pending, ends = pending[:0], ends[:0]
		for len(pending) < 32<<10 {
			pending = append(pending, frame(begun+len(ends))...)
			ends = append(ends, len(pending))
		}
		c.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := c.Write(pending)
		total += n
		if err == nil {
			begun += len(ends)
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Fatalf("write: %v", err)
		}
		for i, end := range ends {
			if n <= end {
				return begun + i + 1, pending[n:end]
			}
		}
	}
	c.t.Fatalf("the server has taken %d bytes that nobody handles", limit)
	return 0, nil
}

// TestEmptyFragments floods with the fragments of a message that never ends and never grows.
func TestEmptyFragments(t *testing.T) {
	s := serveRaw(t, rawSetup{}, echo)
	c := rawDial(t, s.addr, "/")
	flood := append(masked(rawText, nil), bytes.Repeat(masked(rawContinuation, nil), 20000)...)
	c.write(flood)
	c.wantClose(1009)
	c.wantEnd()
	c.Close()
	if info := s.wantEnded(1009); info.Err == nil {
		t.Error("there is no error")
	}
}

// TestBlockedHandler floods a handler that is blocked. TCP pushes back, the pong deadline does not run while it does,
// and later every message comes in order.
func TestBlockedHandler(t *testing.T) {
	const beat = 300 * time.Millisecond
	release := make(chan struct{})
	s := serveRaw(t, rawSetup{Options: ws.Options{Ping: beat, PongTimeout: beat}}, func(c *ws.Conn) {
		next := 0
		c.OnMessage(func(m ws.Message) {
			<-release
			if m.String() == "end" {
				c.Send(ws.Text(fmt.Sprint(next)))
				return
			}
			if want := numberedText(next); m.String() != want {
				c.Close(3999, fmt.Sprintf("received %.10q, want %.10q", m.Data, want))
			}
			next++
		})
	})
	c := rawDial(t, s.addr, "/")
	sent, rest := c.fillWith(func(i int) []byte { return masked(rawFin|rawText, []byte(numberedText(i))) }, 64<<20)
	// The server's heartbeat has had its time already: fill has waited for a second. Nobody answers its pings.
	rawDial(t, s.addr, "/echo").wantEcho("and the others?")
	if len(s.ended) > 0 {
		t.Fatalf("the conn ended while its handler was behind: %v", <-s.ended)
	}
	close(release)
	c.SetDeadline(time.Now().Add(patience))
	c.write(rest)
	c.text("end")
	c.wantText(fmt.Sprint(sent))
}

func numberedText(i int) string { return fmt.Sprintf("%09d and what a chat message has", i) }

// TestHangUpWhilePaused has peers that leave while the handler is behind, so that nobody reads. The context tells the
// handler, and the conn ends.
func TestHangUpWhilePaused(t *testing.T) {
	causes := make(chan error, 1)
	s := serveRaw(t, rawSetup{Options: ws.Options{PongTimeout: 50 * time.Millisecond}}, func(c *ws.Conn) {
		first := true
		c.OnMessage(func(ws.Message) {
			if first {
				first = false
				<-c.Context().Done()
				causes <- context.Cause(c.Context())
			}
		})
	})
	leave := map[string]func(*rawConn){
		"close":      func(c *rawConn) { c.Close() },
		"half close": (*rawConn).halfClose,
		"reset":      (*rawConn).reset,
	}
	for name, leave := range leave {
		c := rawDial(t, s.addr, "/")
		// More than a conn keeps for its handler, and not more than the portable engine reads ahead, which else would
		// not see the end.
		c.write(bytes.Repeat(masked(rawFin|rawText, make([]byte, 1000)), 100))
		leave(c)
		cause := receive(t, causes, name+": the end of the context")
		var info ws.CloseInfo
		if !errors.As(cause, &info) || info.Code != ws.CodeAbnormal {
			t.Errorf("%s: the context ended with %v", name, cause)
		}
		if info := s.wantEnded(ws.CodeAbnormal); info.Err == nil {
			t.Errorf("%s: the conn ended without an error", name)
		}
	}
}
