package ws_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub/ws"
)

// logged collects what a server logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// TestPanics panics in each of the handlers that the conn can outlive. It is closed with 1011, the log says why, and
// the rest live.
func TestPanics(t *testing.T) {
	broken := func() { panic("broken handler") }
	handlers := map[string]func(*ws.Conn){
		"route":     func(*ws.Conn) { broken() },
		"OnMessage": func(c *ws.Conn) { c.OnMessage(func(ws.Message) { broken() }) },
		"OnPong":    func(c *ws.Conn) { c.OnPong(func([]byte) { broken() }) },
		"OnConnect": func(*ws.Conn) {},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			var log logged
			o := ws.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
			o.OnConnect = func(c *ws.Conn) {
				if name == "OnConnect" && c.URL().Path == "/" {
					broken()
				}
			}
			s := serveRaw(t, rawSetup{Options: o}, handler)
			other := rawDial(t, s.addr, "/echo")
			c := rawDial(t, s.addr, "/")
			c.Write(masked(rawFin|rawPong, []byte("x")))
			c.Write(masked(rawFin|rawText, []byte("x")))
			c.wantClose(1011)
			c.write(maskedClose(1011, ""))
			c.wantEnd()
			if info := s.wantEnded(ws.CodeInternal); info.Err == nil || !strings.Contains(info.Err.Error(), "broken handler") {
				t.Errorf("the conn ended with %v", info)
			}
			if log.count("broken handler") != 1 || log.count("hostile_panic_test.go") == 0 {
				t.Errorf("the log does not tell once, with the stack, what happened:\n%s", log.text.String())
			}
			other.wantEcho("and the others?")
		})
	}
}

// TestPanicsAtTheEnd panics in the handlers of conns that are gone. Each is logged, and keeps no other from being called.
func TestPanicsAtTheEnd(t *testing.T) {
	var log logged
	late := make(chan *ws.Conn, 1)
	o := ws.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	o.OnClose = func(c *ws.Conn, _ ws.CloseInfo) {
		if c.URL().Path == "/" {
			late <- c
			panic("broken server-wide OnClose")
		}
	}
	s := serveRaw(t, rawSetup{Options: o}, func(c *ws.Conn) {
		c.OnClose(func(ws.CloseInfo) { panic("broken OnClose") })
	})
	other := rawDial(t, s.addr, "/echo")
	rawDial(t, s.addr, "/").Close()
	c := receive(t, late, "the server-wide OnClose")
	s.wantEnded(ws.CodeAbnormal)
	waitFor(t, "both log lines", func() bool { return log.count("panic=\"broken") == 2 })
	c.OnClose(func(ws.CloseInfo) { panic("broken late OnClose") })
	waitFor(t, "the third log line", func() bool { return log.count("panic=\"broken late") == 1 })
	other.wantEcho("and the others?")
}

// TestBufferedAtTheEnd has conns that end while much is sent to them. What was counted is taken off again, exactly.
func TestBufferedAtTheEnd(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		conns := make(chan *ws.Conn, 1)
		s := serveRaw(t, rawSetup{tight: true, tls: encrypted}, func(c *ws.Conn) { conns <- c })
		for range 50 {
			c := rawDialMaybeTLS(t, s.addr, encrypted)
			conn := receive(t, conns, "the conn")
			var sending sync.WaitGroup
			for range 3 {
				sending.Go(func() {
					for !errors.Is(conn.Send(ws.Text(strings.Repeat("s", 500))), ws.ErrClosed) {
					}
				})
			}
			c.next()
			c.reset()
			sending.Wait()
			receive(t, s.ended, "the end of the conn")
			waitFor(t, "an empty list", func() bool { return conn.Buffered() == 0 })
		}
	}
}

// TestContextAfterHangUp asks for the context only when the peer has hung up, while nobody reads.
func TestContextAfterHangUp(t *testing.T) {
	release, done := make(chan struct{}), make(chan struct{})
	s := serveRaw(t, rawSetup{Options: ws.Options{Loops: 1, PongTimeout: patience}}, func(c *ws.Conn) {
		c.OnMessage(func(ws.Message) {
			select {
			case <-release:
				return
			default:
			}
			<-release
			<-c.Context().Done()
			close(done)
		})
	})
	c, other := rawDial(t, s.addr, "/"), rawDial(t, s.addr, "/echo")
	c.write(bytes.Repeat(masked(rawFin|rawText, make([]byte, 1000)), 100))
	c.Close()
	other.wantEcho("the loop has seen it by now")
	other.wantEcho("or with this one")
	close(release)
	receive(t, done, "the end of the context")
	s.wantEnded(ws.CodeAbnormal)
}
