package ws_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/ws"
)

// behind is how much a client has sent behind a violation. It fills no buffer, but were the socket closed with it
// unread, the kernel would answer with a reset that takes the close frame with it.
const behind = 256 << 10

// violation is something that a client must not send, and the code that it gets for it.
type violation struct {
	name string
	sent []byte
	code ws.Code
	err  string // a part of CloseInfo.Err
}

func violations() []violation {
	text := func(s string) []byte { return []byte(s) }
	open := masked(rawText, text("begun")) // the first of several frames
	mask := [4]byte{1, 2, 3, 4}
	return []violation{
		{"RSV1", masked(rawFin|rawRSV1|rawText, text("x")), 1002, "reserved bits"},
		{"RSV2", masked(rawFin|0x20|rawText, text("x")), 1002, "reserved bits"},
		{"RSV3", masked(rawFin|0x10|rawPing, text("x")), 1002, "reserved bits"},
		{"opcode 3", masked(rawFin|0x3, text("x")), 1002, "reserved opcode"},
		{"opcode 15", masked(rawFin|0xF, nil), 1002, "reserved opcode"},
		{"no mask", unmasked(rawFin|rawText, text("x")), 1002, "not masked"},
		{"ping in fragments", masked(rawPing, text("x")), 1002, "control frame in fragments"},
		{"long ping", masked(rawFin|rawPing, make([]byte, 126)), 1002, "more than 125"},
		{"long close", masked(rawFin|rawClose, make([]byte, 70000)), 1002, "more than 125"},
		{"continuation of nothing", masked(rawFin|rawContinuation, text("x")), 1002, "continuation"},
		{"continuation behind the end", bytes.Join([][]byte{open, masked(rawFin|rawContinuation, nil), masked(rawContinuation, nil)}, nil),
			1002, "continuation"},
		{"message inside a message", append(open, masked(rawFin|rawText, text("x"))...), 1002, "inside"},
		{"length in 2 bytes for 1", []byte{rawFin | rawText, 0x80 | 126, 0, 125}, 1002, "shortest"},
		{"length in 8 bytes for 2", append([]byte{rawFin | rawText, 0x80 | 127}, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF), 1002, "shortest"},
		{"negative length", rawHeader(rawFin|rawBinary, &mask, 1<<63), 1002, "too long"},
		{"half a close code", masked(rawFin|rawClose, text("\x03")), 1002, "half a code"},
		{"close code 999", maskedClose(999, ""), 1002, "forbidden code"},
		{"close code 1005", maskedClose(1005, ""), 1002, "forbidden code"},
		{"close code 5000", maskedClose(5000, ""), 1002, "forbidden code"},
		{"close reason", maskedClose(1000, "\xff"), 1007, "UTF-8"},
		{"text", masked(rawFin|rawText, text("caf\xe9.")), 1007, "UTF-8"},
		{"text that ends in a rune", masked(rawFin|rawText, text("caf\xc3")), 1007, "UTF-8"},
		{"text in its first fragment", masked(rawText, text("\xed\xa0\x80")), 1007, "UTF-8"},
		{"length that is nonsense", rawHeader(rawFin|rawBinary, &mask, 1<<62), 1009, "more than 1000 bytes"},
		{"frame over the limit", rawHeader(rawFin|rawText, &mask, 1001), 1009, "more than 1000 bytes"},
		{"message over the limit", append(masked(rawBinary, make([]byte, 600)), rawHeader(rawFin|rawContinuation, &mask, 401)...),
			1009, "more than 1000 bytes"},
		{"message in too many frames", append(open, bytes.Repeat(masked(rawContinuation, nil), 50)...), 1009, "more than 50 frames"},
	}
}

// TestViolations breaks each rule on a real socket. The close frame reaches a client that has sent much more.
func TestViolations(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", encrypted), func(t *testing.T) {
			s := serveRaw(t, rawSetup{tls: encrypted, Options: ws.Options{MaxMessage: 1000, MaxFrames: 50}}, echo)
			for _, v := range violations() {
				for _, more := range []int{0, behind} {
					t.Run(fmt.Sprintf("%s and %d bytes", v.name, more), func(t *testing.T) { s.violate(t, encrypted, v, more) })
				}
			}
		})
	}
}

func (s *rawServer) violate(t *testing.T, encrypted bool, v violation, more int) {
	c := rawDialMaybeTLS(t, s.addr, encrypted)
	c.wantEcho("good until now")
	c.write(append(bytes.Clone(v.sent), bytes.Repeat([]byte{0xFF}, more)...))
	c.wantClose(int(v.code))
	c.wantEnd()
	c.Close()
	info := s.wantEnded(v.code)
	if info.Err == nil || !strings.Contains(info.Err.Error(), v.err) || info.Reason == "" {
		t.Errorf("the server's conn ended with %v, want an error about %q", info, v.err)
	}
}

func rawDialMaybeTLS(t testing.TB, addr string, encrypted bool) *rawConn {
	t.Helper()
	return rawUpgrade(t, rawConnectMaybeTLS(t, addr, encrypted), "/")
}

func rawConnectMaybeTLS(t testing.TB, addr string, encrypted bool) net.Conn {
	t.Helper()
	if encrypted {
		return insecure(rawConnect(t, addr))
	}
	return rawConnect(t, addr)
}

// TestViolationAndHalfClose does not wait for the answer before it ends its side: the close frame still comes.
func TestViolationAndHalfClose(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		s := serveRaw(t, rawSetup{tls: encrypted}, echo)
		for _, v := range []struct {
			sent []byte
			code int
		}{{masked(rawFin|0x3, nil), 1002}, {maskedClose(1000, "bye"), 1000}} {
			c := rawDialMaybeTLS(t, s.addr, encrypted)
			c.write(v.sent)
			c.halfClose()
			c.wantClose(v.code)
			c.wantEnd()
			s.wantEnded(ws.Code(v.code))
		}
	}
}

// TestViolationWhileClosing breaks a rule when the server has begun the closing handshake: its close frame arrives all
// the same.
func TestViolationWhileClosing(t *testing.T) {
	s := serveRaw(t, rawSetup{}, func(c *ws.Conn) {
		c.OnMessage(func(ws.Message) { c.Close(3000, "enough") })
	})
	for range 100 {
		c := rawDial(t, s.addr, "/")
		c.write(append(masked(rawFin|rawText, []byte("close")), bytes.Repeat([]byte{0xFF}, behind)...))
		f := c.untilClose()
		// Which of both comes first is open; the client learns of one.
		if code := f.closeCode(); code != 3000 && code != 1002 {
			t.Fatalf("close frame with %d", code)
		}
		c.wantEnd()
		c.Close()
		if info := receive(t, s.ended, "the end of the conn"); int(info.Code) != f.closeCode() {
			t.Fatalf("the server's conn ended with %v, the client was told %d", info, f.closeCode())
		}
	}
}

// TestLimitsAreInclusive sends what is just allowed.
func TestLimitsAreInclusive(t *testing.T) {
	s := serveRaw(t, rawSetup{Options: ws.Options{MaxMessage: 1000, MaxFrames: 50}}, echo)
	c := rawDial(t, s.addr, "/")
	c.wantEcho(strings.Repeat("x", 1000))
	c.write(masked(rawText, []byte("in ")), bytes.Repeat(masked(rawContinuation, nil), 48), masked(rawFin|rawContinuation, []byte("fifty")))
	c.wantText("in fifty")
}

// session is a well-behaved client's side: frames with every form of length, fragments, and pings between them.
func session() (sent []byte, echoed []rawFrame) {
	add := func(first byte, payload string) { sent = append(sent, masked(first, []byte(payload))...) }
	want := func(first byte, payload string) { echoed = append(echoed, rawFrame{rawFin | first, []byte(payload)}) }
	long, longer := strings.Repeat("ü", 100), strings.Repeat("z", 1<<16)
	add(rawFin|rawText, "short")
	want(rawText, "short")
	add(rawFin|rawText, long)
	want(rawText, long)
	add(rawBinary, "in \xff ")
	add(rawContinuation, "")
	add(rawFin|rawPing, "between")
	add(rawFin|rawContinuation, "pieces")
	want(rawPong, "between")
	want(rawBinary, "in \xff pieces")
	add(rawText, "caf\xc3") // a rune that is cut
	add(rawFin|rawContinuation, "\xa9")
	want(rawText, "café")
	add(rawFin|rawBinary, longer)
	want(rawBinary, longer)
	return sent, echoed
}

// wantSession reads what the echo of a session is. Pongs may come earlier than their place, since only they overtake.
func (c *rawConn) wantSession(echoed []rawFrame) {
	c.t.Helper()
	pongs := 0
	for _, want := range echoed {
		if want.opcode() == rawPong {
			pongs++
			continue
		}
		f, err := c.next()
		for ; err == nil && f.opcode() == rawPong; f, err = c.next() {
			pongs--
		}
		if err != nil || f.first != want.first || !bytes.Equal(f.payload, want.payload) {
			c.t.Fatalf("received %#x %.100q, %v; want %#x %.100q", f.first, f.payload, err, want.first, want.payload)
		}
	}
	for ; pongs > 0; pongs-- {
		c.want(rawFin | rawPong)
	}
}

// TestDribble sends a session byte by byte, each a packet of its own.
func TestDribble(t *testing.T) {
	s := serveRaw(t, rawSetup{}, echo)
	sent, echoed := session()
	c := rawDial(t, s.addr, "/")
	go func() {
		// The last message's payload is as long as all else a hundred times over, and goes in larger pieces.
		for i := range sent[:2000] {
			c.Write(sent[i : i+1])
		}
		for rest := sent[2000:]; len(rest) > 0; rest = rest[min(len(rest), 509):] {
			c.Write(rest[:min(len(rest), 509)])
		}
	}()
	c.wantSession(echoed)
}

// TestCutEverywhere cuts the frames with each form of header in two, at every byte of the header.
func TestCutEverywhere(t *testing.T) {
	s := serveRaw(t, rawSetup{}, echo)
	c := rawDial(t, s.addr, "/")
	for _, n := range []int{0, 1, 125, 126, 0xFFFF, 0x10000} {
		payload := strings.Repeat("p", n)
		frame := masked(rawFin|rawText, []byte(payload))
		for cut := range len(frame) - n + 2 {
			cut = min(cut, len(frame))
			// The pong shows that the first part has been read before the second is sent.
			c.write(masked(rawFin|rawPing, []byte("cut")), frame[:cut])
			c.want(rawFin | rawPong)
			c.write(frame[cut:])
			c.wantText(payload)
		}
	}
}
