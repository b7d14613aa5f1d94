package ws_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/ws"
)

const offerDeflate = "Sec-WebSocket-Extensions: permessage-deflate"

// deflated is a compressed message's payload, all of it in blocks that end on a byte and refer to nothing before.
func deflated(payload []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	w.Write(payload)
	w.Flush()
	return b.Bytes()
}

// bomb is a compressed message that inflates to the given number of MiB, a thousand times its size.
func bomb(mebibytes int) []byte {
	b := bytes.Repeat(deflated(make([]byte, 1<<20)), mebibytes)
	return b[:len(b)-4] // without the end of a flush (RFC 7692, section 7.2.1)
}

// withDeflate runs a test in both modes.
func withDeflate(t *testing.T, test func(*testing.T, *rawServer)) {
	modes := map[string]ws.CompressionMode{"shared": ws.CompressionShared, "takeover": ws.CompressionTakeover}
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			test(t, serveRaw(t, rawSetup{Options: ws.Options{Compression: ws.Compression{Mode: mode}}}, echo))
		})
	}
}

// TestDeflateBomb sends little that inflates to much. It is refused without the memory.
func TestDeflateBomb(t *testing.T) {
	small, large := bomb(2), bomb(1000)
	withDeflate(t, func(t *testing.T, s *rawServer) {
		for _, payload := range [][]byte{small, large} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c := rawDial(t, s.addr, "/", offerDeflate)
			c.write(masked(rawFin|rawRSV1|rawBinary, payload))
			c.wantClose(1009)
			c.wantEnd()
			c.Close()
			if info := s.wantEnded(ws.CodeTooBig); info.Err == nil || !strings.Contains(info.Err.Error(), "after decompression") {
				t.Errorf("the conn ended with %v", info)
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
				t.Errorf("a bomb of %d bytes made the process allocate %d MiB", len(payload), got>>20)
			}
		}
	})
}

// TestDeflateGarbage sends what cannot be inflated, or is not what it should be then. Much more follows, some of it as
// wrong as that.
func TestDeflateGarbage(t *testing.T) {
	good := deflated([]byte("a good one, a good one"))
	good = good[:len(good)-4]
	cases := []struct {
		name  string
		first byte
		sent  []byte
		code  int
	}{
		{"corrupt", rawText, []byte("\xff\xff\xff\xff"), 1007},
		{"no such block", rawBinary, []byte("\x06"), 1007},
		{"refers to nothing", rawBinary, []byte{0x02, 0x13, 0x00}, 1007},
		{"cut", rawText, good[:len(good)/2], 1007},
		{"not UTF-8", rawText, deflated([]byte("caf\xe9"))[:6], 1007},
	}
	withDeflate(t, func(t *testing.T, s *rawServer) {
		for _, test := range cases {
			t.Run(test.name, func(t *testing.T) {
				c := rawDial(t, s.addr, "/", offerDeflate)
				c.write(masked(rawFin|rawRSV1|rawText, good))
				c.want(rawFin | rawText)
				c.write(bytes.Join([][]byte{masked(rawFin|rawRSV1|test.first, test.sent), masked(rawFin|rawText, []byte("behind")),
					bytes.Repeat([]byte{0xFF}, behind)}, nil))
				// The loop may see the garbage behind before the handler's goroutine has inflated.
				f := c.untilClose()
				if got := f.closeCode(); got != test.code && got != 1002 {
					t.Errorf("closed with %d, want %d", got, test.code)
				}
				c.wantEnd()
				c.Close()
				if info := receive(t, s.ended, "the end of the conn"); int(info.Code) != f.closeCode() || info.Err == nil {
					t.Errorf("the conn ended with %v", info)
				}

				c = rawDial(t, s.addr, "/", offerDeflate)
				c.write(append(masked(rawFin|rawRSV1|test.first, test.sent), bytes.Repeat(masked(rawFin|rawText, []byte("behind")), 10000)...))
				c.wantClose(test.code)
				c.wantEnd()
				c.Close()
				s.wantEnded(ws.Code(test.code))
			})
		}
	})
}

// TestDeflateReservedBit has RSV1 where it must not be.
func TestDeflateReservedBit(t *testing.T) {
	plain := serveRaw(t, rawSetup{}, echo)
	c := rawDial(t, plain.addr, "/", offerDeflate)
	if got := c.header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Fatalf("the server chose %q", got)
	}
	c.write(masked(rawFin|rawRSV1|rawText, []byte("x")))
	c.wantClose(1002)
	withDeflate(t, func(t *testing.T, s *rawServer) {
		for _, first := range []byte{rawFin | rawRSV1 | rawPing, rawFin | rawRSV1 | rawContinuation} {
			t.Run(fmt.Sprintf("%#x", first), func(t *testing.T) {
				c := rawDial(t, s.addr, "/", offerDeflate)
				c.write(masked(rawText, []byte("begun")), masked(first, []byte("x")))
				c.wantClose(1002)
				c.wantEnd()
				c.Close()
				s.wantEnded(ws.CodeProtocolError)
			})
		}
	})
}
