package ws_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// TestNeverReadsSends sends to a client that never reads until it is over its limit. It is closed, the others are served.
func TestNeverReadsSends(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		slow := make(chan error, 2)
		o := ws.Options{CloseTimeout: 50 * time.Millisecond}
		s := serveRaw(t, rawSetup{tight: true, tls: encrypted, Options: o}, func(c *ws.Conn) {
			c.OnMessage(func(ws.Message) {
				var err error
				for err == nil {
					if err = c.Send(ws.Text(strings.Repeat("s", 1000))); c.Buffered() > 2<<20 {
						t.Errorf("%d bytes are waiting", c.Buffered())
					}
				}
				slow <- err
				slow <- c.Send(ws.Text("again"))
			})
		})
		other := rawUpgrade(t, rawConnectMaybeTLS(t, s.addr, encrypted), "/echo")
		other.wantEcho("before")
		c := rawDialMaybeTLS(t, s.addr, encrypted)
		c.text("go")
		if err := receive(t, slow, "the error of Send"); !errors.Is(err, ws.ErrSlow) {
			t.Errorf("Send: %v, want ErrSlow", err)
		}
		other.wantEcho("meanwhile")
		if err := receive(t, slow, "the error of the next Send"); !errors.Is(err, ws.ErrClosed) {
			t.Errorf("Send: %v, want ErrClosed", err)
		}
		if info := s.wantEnded(ws.CodeSlow); !errors.Is(info, ws.ErrSlow) {
			t.Errorf("the conn ended with %v", info)
		}
		other.wantEcho("afterwards")
	}
}

// TestNeverReadsBroadcasts has one member of a group that never reads. It is closed; the other members get everything.
func TestNeverReadsBroadcasts(t *testing.T) {
	const readers, messages, size = 50, 150, 4 << 10
	o := ws.Options{MaxPending: 64 << 10, CloseTimeout: 50 * time.Millisecond}
	s := serveRaw(t, rawSetup{tight: true, Options: o}, echo)
	stuck := rawDial(t, s.addr, "/")
	var got atomic.Int64
	var reading sync.WaitGroup
	for range readers {
		c := rawDial(t, s.addr, "/")
		reading.Go(func() {
			for range messages {
				if f, err := c.next(); err != nil || len(f.payload) != size {
					t.Errorf("received %d bytes, %v", len(f.payload), err)
					return
				}
				got.Add(1)
			}
		})
	}
	waitFor(t, "all members", func() bool { return s.route.Len() == readers+1 })
	other := rawDial(t, s.addr, "/echo")
	for i := range messages {
		s.route.Broadcast(ws.Text(strings.Repeat("b", size)))
		waitFor(t, "the readers", func() bool { return got.Load() == int64(i+1)*readers || t.Failed() })
		other.wantEcho("and the others?")
	}
	reading.Wait()
	if info := s.wantEnded(ws.CodeSlow); !errors.Is(info, ws.ErrSlow) {
		t.Errorf("the conn ended with %v", info)
	}
	if n := s.route.Stats().SlowClosed; n != 1 {
		t.Errorf("%d members were closed", n)
	}
	if n := s.route.Len(); n != readers {
		t.Errorf("%d members are left, want %d", n, readers)
	}
	stuck.Close()
}

// TestReadsLate sends one message that no buffer holds to a client that reads it only later.
func TestReadsLate(t *testing.T) {
	big := strings.Repeat("b", 3<<20)
	for _, encrypted := range []bool{false, true} {
		for _, how := range []string{"send", "broadcast"} {
			var s *rawServer
			sent := make(chan *ws.Conn, 1)
			s = serveRaw(t, rawSetup{tight: true, tls: encrypted}, func(c *ws.Conn) {
				c.OnMessage(func(ws.Message) {
					if how == "send" {
						c.Send(ws.Text(big))
					} else {
						s.route.Broadcast(ws.Text(big))
					}
					sent <- c
				})
			})
			c := rawDialMaybeTLS(t, s.addr, encrypted)
			c.text("go")
			conn := receive(t, sent, "the send")
			waitFor(t, "a full socket", func() bool { return conn.Buffered() > 0 })
			c.wantText(big)
			c.text("go")
			receive(t, sent, "the next send")
			c.wantText(big)
			waitFor(t, "an empty list", func() bool { return conn.Buffered() == 0 })
			c.Close()
		}
	}
}
