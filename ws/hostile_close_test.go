package ws_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// closer closes its conn with 3000 at the first message.
func closer(c *ws.Conn) {
	c.OnMessage(func(ws.Message) { c.Close(3000, "enough") })
}

// TestCloseIsNeverAnswered ends after CloseTimeout, whether the peer reads, talks on or is dead.
func TestCloseIsNeverAnswered(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		s := serveRaw(t, rawSetup{tls: encrypted, Options: ws.Options{CloseTimeout: 50 * time.Millisecond}}, closer)
		silent, talker := rawDialMaybeTLS(t, s.addr, encrypted), rawDialMaybeTLS(t, s.addr, encrypted)
		go io.Copy(talker, endless{masked(rawFin|rawText, []byte("never mind"))})
		silent.text("close")
		for _, c := range []*rawConn{silent, talker} {
			c.wantClose(3000)
			if _, err := c.next(); err == nil {
				t.Error("more came behind the close frame")
			}
			if info := s.wantEnded(3000); info.Err == nil || info.Reason != "enough" {
				t.Errorf("the conn ended with %v, want an error", info)
			}
		}
	}
}

// endless reads as one frame again and again.
type endless struct{ frame []byte }

func (e endless) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat(e.frame, len(p)/len(e.frame))), nil
}

// TestCloseFromBothSides lets the close frames cross.
func TestCloseFromBothSides(t *testing.T) {
	s := serveRaw(t, rawSetup{}, closer)
	for range 200 {
		c := rawDial(t, s.addr, "/")
		c.write(append(masked(rawFin|rawText, []byte("close")), maskedClose(3001, "enough")...))
		f := c.untilClose()
		c.wantEnd()
		c.Close()
		info := receive(t, s.ended, "the end of the conn")
		if int(info.Code) != f.closeCode() || info.Code != 3000 && info.Code != 3001 || info.Err != nil || info.Reason != "enough" {
			t.Fatalf("the conn ended with %v, the client was told %d", info, f.closeCode())
		}
	}
}

// TestVanishWhileClosing leaves when the server has said goodbye.
func TestVanishWhileClosing(t *testing.T) {
	s := serveRaw(t, rawSetup{}, closer)
	for _, vanish := range []func(*rawConn){(*rawConn).reset, (*rawConn).halfClose, func(c *rawConn) { c.Close() }} {
		c := rawDial(t, s.addr, "/")
		c.text("close")
		c.wantClose(3000)
		vanish(c)
		if info := s.wantEnded(3000); info.Err == nil {
			t.Errorf("the conn ended with %v, want an error", info)
		}
	}
}

// TestCloseFrameIsAnswered checks what a client's own goodbye comes to.
func TestCloseFrameIsAnswered(t *testing.T) {
	s := serveRaw(t, rawSetup{}, echo)
	tests := []struct {
		sent []byte
		code int // 0 in an answer without code
		info ws.CloseInfo
	}{
		{masked(rawFin|rawClose, nil), 0, ws.CloseInfo{Code: ws.CodeNoStatus}},
		{maskedClose(1000, ""), 1000, ws.CloseInfo{Code: ws.CodeNormal}},
		{maskedClose(4999, strings.Repeat("ü", 61)), 4999, ws.CloseInfo{Code: 4999, Reason: strings.Repeat("ü", 61)}},
	}
	for _, test := range tests {
		c := rawDial(t, s.addr, "/")
		c.write(masked(rawFin|rawText, []byte("hello")), test.sent)
		c.wantClose(test.code)
		c.wantEnd()
		if info := receive(t, s.ended, "the end of the conn"); info != test.info {
			t.Errorf("the conn ended with %+v, want %+v", info, test.info)
		}
	}
}

// TestDeathIsNoticed checks what OnClose says of peers that leave without a word.
func TestDeathIsNoticed(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		s := serveRaw(t, rawSetup{tls: encrypted}, echo)
		for _, leave := range []func(*rawConn){(*rawConn).reset, (*rawConn).halfClose, func(c *rawConn) { c.Close() }} {
			c := rawDialMaybeTLS(t, s.addr, encrypted)
			c.wantEcho("hello")
			c.write(masked(rawFin|rawText, []byte("cut"))[:5])
			leave(c)
			if info := s.wantEnded(ws.CodeAbnormal); info.Err == nil {
				t.Errorf("the conn ended with %v, want an error", info)
			}
		}
	}
}

// TestCloseBehindMessages closes when much is still to be sent to a client that begins to read only then. All of it
// comes first.
func TestCloseBehindMessages(t *testing.T) {
	const messages = 500
	payload := strings.Repeat("m", 1500)
	for _, encrypted := range []bool{false, true} {
		closed := make(chan error, 2)
		s := serveRaw(t, rawSetup{tight: true, tls: encrypted}, func(c *ws.Conn) {
			c.OnMessage(func(ws.Message) {
				for i := range messages {
					if err := c.Send(ws.Text(fmt.Sprint(i, payload))); err != nil {
						t.Errorf("Send: %v", err)
					}
				}
				closed <- c.Close(3000, "done")
				closed <- c.Send(ws.Text("too late"))
			})
		})
		c := rawDialMaybeTLS(t, s.addr, encrypted)
		c.text("go")
		if err := receive(t, closed, "Close"); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := receive(t, closed, "Send"); !errors.Is(err, ws.ErrClosed) {
			t.Errorf("Send behind Close: %v", err)
		}
		for i := range messages {
			c.wantText(fmt.Sprint(i, payload))
		}
		c.wantClose(3000)
		c.write(maskedClose(3000, ""))
		c.wantEnd()
		if info := s.wantEnded(3000); info.Err != nil {
			t.Errorf("the conn ended with %v", info)
		}
	}
}

// TestSilentPeer has a peer that answers no ping, on the loops' own sockets, plain and below TLS.
func TestSilentPeer(t *testing.T) {
	for name, encrypted := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			s := serveRaw(t, rawSetup{tls: encrypted, Options: ws.Options{Ping: 50 * time.Millisecond, PongTimeout: 50 * time.Millisecond}}, echo)
			c := &rawConn{t: t, Conn: rawConnect(t, s.addr)}
			if encrypted {
				c.Conn = insecure(c.Conn)
			}
			c.start([]byte(rawHandshake("/")))
			c.want(rawFin | rawPing)
			if info := s.wantEnded(ws.CodeHeartbeat); !errors.Is(info.Err, ws.ErrHeartbeat) {
				t.Errorf("the conn ended with %v, want ErrHeartbeat", info)
			}
		})
	}
}
