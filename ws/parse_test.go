package ws

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// heard is a sink that writes down what it gets.
type heard struct{ events []string }

func (h *heard) message(binary, compressed bool, data []byte) {
	h.events = append(h.events, fmt.Sprintf("binary=%v compressed=%v %q", binary, compressed, data))
}

func (h *heard) control(op opcode, data []byte) {
	h.events = append(h.events, fmt.Sprintf("control %#x %q", byte(op), data))
}

func textEvent(s string) string               { return fmt.Sprintf("binary=false compressed=false %q", s) }
func controlEvent(op opcode, s string) string { return fmt.Sprintf("control %#x %q", byte(op), s) }

// frame builds a frame as a peer could send it, right or wrong. flags are the high bits of the first byte.
func frame(client bool, flags byte, op opcode, payload string) []byte {
	var mask *[4]byte
	if !client {
		mask = &testMask
	}
	b := appendFrame(nil, op, false, mask, []byte(payload))
	b[0] = flags | byte(op)
	return b
}

// feedCut feeds a copy of b, cut at the given places.
func feedCut(b []byte, lim parseLimits, cuts ...int) (events []string, failure error) {
	b = bytes.Clone(b)
	p, h, start := new(parser), new(heard), 0
	for _, cut := range append(cuts, len(b)) {
		if err := p.feed(b[start:cut], &lim, h); err != nil {
			failure = err
		}
		start = cut
	}
	return h.events, failure
}

const (
	fin  = finBit
	rsv1 = rsv1Bit
)

type parseTest struct {
	name   string
	lim    parseLimits
	frames func(client bool) [][]byte
	want   []string
	code   Code // 0: no error
}

func parseTests() []parseTest {
	type list = [][]byte
	limits := parseLimits{maxMessage: 1000, maxFrames: 4}
	deflating := parseLimits{maxMessage: 1000, maxFrames: 4, deflate: true}
	of := func(flags byte, op opcode, payload string) func(bool) [][]byte {
		return func(c bool) [][]byte { return list{frame(c, flags, op, payload)} }
	}
	raw := func(header string) func(bool) [][]byte {
		return func(c bool) [][]byte {
			b := []byte(header)
			if !c {
				b[1] |= maskBit
				b = append(b, testMask[:]...)
			}
			return list{b}
		}
	}
	long := strings.Repeat("é", 300)
	return []parseTest{
		{"empty text", limits, of(fin, opText, ""), []string{textEvent("")}, 0},
		{"text", limits, of(fin, opText, "héllo"), []string{textEvent("héllo")}, 0},
		{"long text", limits, of(fin, opText, long), []string{textEvent(long)}, 0},
		{"binary that is not UTF-8", limits, of(fin, opBinary, "\xff"), []string{`binary=true compressed=false "\xff"`}, 0},
		{"compressed", deflating, of(fin|rsv1, opText, "\xff"), []string{`binary=false compressed=true "\xff"`}, 0},
		{"fragments with controls between", limits, func(c bool) [][]byte {
			return list{frame(c, 0, opText, "a\xc3"), frame(c, fin, opPing, "p"), frame(c, 0, opContinuation, ""),
				frame(c, fin, opPong, ""), frame(c, fin, opContinuation, "\xa9b"), frame(c, fin, opText, "next")}
		}, []string{controlEvent(opPing, "p"), controlEvent(opPong, ""), textEvent("aéb"), textEvent("next")}, 0},
		{"compressed fragments", deflating, func(c bool) [][]byte {
			return list{frame(c, rsv1, opBinary, "\xff"), frame(c, fin, opContinuation, "\xfe")}
		}, []string{`binary=true compressed=true "\xff\xfe"`}, 0},
		{"longest ping", limits, of(fin, opPing, strings.Repeat("p", 125)),
			[]string{controlEvent(opPing, strings.Repeat("p", 125))}, 0},
		{"close, then nothing is heard", limits, func(c bool) [][]byte {
			return list{frame(c, fin, opClose, "\x03\xe8bye"), frame(c, fin, opText, "late"), []byte("rubbish")}
		}, []string{controlEvent(opClose, "\x03\xe8bye")}, 0},
		{"close within a message", limits, func(c bool) [][]byte {
			return list{frame(c, 0, opText, "half"), frame(c, fin, opClose, "")}
		}, []string{controlEvent(opClose, "")}, 0},

		{"close with half a code", limits, of(fin, opClose, "\x03"), nil, CodeProtocolError},
		{"close with 1005", limits, of(fin, opClose, "\x03\xed"), nil, CodeProtocolError},
		{"close with a wrong reason", limits, of(fin, opClose, "\x03\xe8\xff"), nil, CodeInvalidData},
		{"nothing after an error", limits, func(c bool) [][]byte {
			return list{frame(c, fin, opText, "good"), frame(c, fin, 3, ""), frame(c, fin, opText, "late")}
		}, []string{textEvent("good")}, CodeProtocolError},
		{"rsv1 that was not negotiated", limits, of(fin|rsv1, opText, "x"), nil, CodeProtocolError},
		{"rsv2", deflating, of(fin|0x20, opText, "x"), nil, CodeProtocolError},
		{"rsv3", deflating, of(fin|0x10, opText, "x"), nil, CodeProtocolError},
		{"rsv1 on a control frame", deflating, of(fin|rsv1, opPing, "x"), nil, CodeProtocolError},
		{"rsv1 on a continuation", deflating, func(c bool) [][]byte {
			return list{frame(c, rsv1, opText, "x"), frame(c, fin|rsv1, opContinuation, "x")}
		}, nil, CodeProtocolError},
		{"reserved data opcode", limits, of(fin, 7, "x"), nil, CodeProtocolError},
		{"reserved control opcode", limits, of(fin, 0xB, "x"), nil, CodeProtocolError},
		{"control frame in fragments", limits, of(0, opPing, "x"), nil, CodeProtocolError},
		{"control frame of 126 bytes", limits, of(fin, opPing, strings.Repeat("p", 126)), nil, CodeProtocolError},
		{"continuation of nothing", limits, of(fin, opContinuation, "x"), nil, CodeProtocolError},
		{"continuation of a finished message", limits, func(c bool) [][]byte {
			return list{frame(c, fin, opText, "x"), frame(c, fin, opContinuation, "x")}
		}, []string{textEvent("x")}, CodeProtocolError},
		{"new message inside a message", limits, func(c bool) [][]byte {
			return list{frame(c, 0, opText, "x"), frame(c, fin, opText, "x")}
		}, nil, CodeProtocolError},
		{"125 bytes in the 16-bit form", limits, raw("\x82\x7e\x00\x7d"), nil, CodeProtocolError},
		{"65535 bytes in the 64-bit form", limits, raw("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), nil, CodeProtocolError},
		{"length with the top bit", limits, raw("\x82\x7f\x80\x00\x00\x00\x00\x01\x00\x00"), nil, CodeProtocolError},
		{"masked the wrong way round", limits, func(c bool) [][]byte { return list{frame(!c, fin, opText, "x")} },
			nil, CodeProtocolError},

		{"largest message", limits, of(fin, opText, strings.Repeat("x", 1000)), []string{textEvent(strings.Repeat("x", 1000))}, 0},
		{"message over the limit, by its header", limits, raw("\x82\x7e\x03\xe9"), nil, CodeTooBig},
		{"huge message, by its header", limits, raw("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), nil, CodeTooBig},
		{"fragments over the limit, by the last header", limits, func(c bool) [][]byte {
			return append(list{frame(c, 0, opText, strings.Repeat("x", 600))}, raw("\x80\x7e\x01\x91")(c)...)
		}, nil, CodeTooBig},
		{"compressed message over what could inflate to the limit", deflating, raw("\xc2\x7e\x04\xa6"), nil, CodeTooBig},
		{"most fragments", limits, func(c bool) [][]byte {
			return list{frame(c, 0, opText, ""), frame(c, 0, 0, ""), frame(c, 0, 0, ""), frame(c, fin, 0, "x")}
		}, []string{textEvent("x")}, 0},
		{"too many empty fragments", limits, func(c bool) [][]byte {
			return list{frame(c, 0, opText, ""), frame(c, 0, 0, ""), frame(c, 0, 0, ""), frame(c, 0, 0, ""), frame(c, 0, 0, "")}
		}, nil, CodeTooBig},

		{"text that is not UTF-8", limits, of(fin, opText, "a\xffb"), nil, CodeInvalidData},
		{"text that ends within a rune", limits, of(fin, opText, "a\xe2\x82"), nil, CodeInvalidData},
		{"fragments that end within a rune", limits, func(c bool) [][]byte {
			return list{frame(c, 0, opText, "a\xe2"), frame(c, fin, 0, "\x82")}
		}, nil, CodeInvalidData},
		{"surrogate", limits, of(fin, opText, "\xed\xa0\x80"), nil, CodeInvalidData},
		{"wrong text in a fragment that is not the last", limits, of(0, opText, "\xf4\x90"), nil, CodeInvalidData},
		{"wrong text in a frame that is not complete", limits, func(c bool) [][]byte {
			b := frame(c, 0, opText, "a\xe2(        ")
			return list{b[:len(b)-8]}
		}, nil, CodeInvalidData},
	}
}

// TestParse feeds each stream whole, cut in two at every place, cut in three at many, and byte by byte.
func TestParse(t *testing.T) {
	for _, test := range parseTests() {
		for _, client := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/client=%v", test.name, client), func(t *testing.T) {
				lim := test.lim
				lim.client = client
				stream := bytes.Join(test.frames(client), nil)
				check := func(cuts ...int) {
					t.Helper()
					events, err := feedCut(stream, lim, cuts...)
					if !reflect.DeepEqual(events, test.want) {
						t.Fatalf("cut at %v: got %q, want %q", cuts, events, test.want)
					}
					if code := errorCode(t, err); code != test.code {
						t.Fatalf("cut at %v: %v, want code %d", cuts, err, test.code)
					}
				}
				check()
				bytewise := make([]int, len(stream))
				for i := range stream {
					bytewise[i] = i
					check(i)
					check(i, min(i+1, len(stream)))
					check(i/2, i)
				}
				check(bytewise...)
			})
		}
	}
}

func errorCode(t *testing.T, err error) Code {
	t.Helper()
	if err == nil {
		return 0
	}
	failure, ok := err.(*protocolError)
	if !ok || failure.text == "" || len(failure.text) > maxReason {
		t.Fatalf("%#v is not a *protocolError with a text that fits into a close frame", err)
	}
	return failure.code
}

func TestWrongTextIsRefusedAtItsFirstWrongByte(t *testing.T) {
	for text, good := range map[string]int{"ab\xffcd": 2, "a\xe2\x82(": 3, "\xed\xa0\x80": 1, "\xf4\x90\x80\x80": 1, "\xc0\x80": 0} {
		lim := &parseLimits{maxMessage: 100, maxFrames: 100}
		stream := frame(false, 0, opText, text)
		header := len(stream) - len(text)
		p := new(parser)
		for i := range stream {
			err := p.feed(stream[i:i+1], lim, new(heard))
			if (err != nil) != (i == header+good) {
				t.Errorf("%q: byte %d of the text gives %v", text, i-header, err)
			}
		}
	}
}

func TestIdleParserIsSmallAndHoldsNothing(t *testing.T) {
	if size := unsafe.Sizeof(parser{}); size > 80 {
		t.Errorf("a parser takes %d bytes", size)
	}
	lim := &parseLimits{maxMessage: 1000, maxFrames: 9}
	p := new(parser)
	for _, b := range bytes.Join([][]byte{frame(false, 0, opText, "abc"), frame(false, fin, opPing, "ping"),
		frame(false, fin, opContinuation, "def")}, nil) {
		if err := p.feed([]byte{b}, lim, new(heard)); err != nil {
			t.Fatal(err)
		}
	}
	if p.data != nil || p.control != nil || p.state != inHeader || p.frames != 0 || p.message != 0 {
		t.Errorf("after a message: %+v", p)
	}
}

// counting is a sink without allocations of its own.
type counting struct {
	messages int
	last     []byte
}

func (c *counting) message(_, _ bool, data []byte) { c.messages++; c.last = data }
func (c *counting) control(opcode, []byte)         {}

func TestAllocations(t *testing.T) {
	lim := &parseLimits{maxMessage: 1 << 20, maxFrames: 9}
	whole := frame(false, fin, opBinary, strings.Repeat("x", 1000))
	ping := frame(false, fin, opPing, "ping")
	buffer := make([]byte, len(whole))
	p, s := new(parser), new(counting)
	if n := testing.AllocsPerRun(100, func() { p.feed(buffer[:copy(buffer, whole)], lim, s) }); n != 1 {
		t.Errorf("a whole frame takes %v allocations", n)
	}
	if cap(s.last) != 1024 && cap(s.last) != 1000 {
		t.Errorf("a message of 1000 bytes is held in %d", cap(s.last))
	}
	if n := testing.AllocsPerRun(100, func() { p.feed(buffer[:copy(buffer, ping)], lim, s) }); n != 0 {
		t.Errorf("a ping takes %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, part := range [][2]int{{0, 1}, {1, 5}, {5, 8}} { // the header alone
			p.feed(buffer[:copy(buffer, whole[part[0]:part[1]])], lim, s)
		}
		p = &parser{}
	}); n > 1 {
		t.Errorf("a header takes %v allocations", n-1)
	}
}

func TestCompressedMessageHasRoomForTheTail(t *testing.T) {
	lim := &parseLimits{maxMessage: 1 << 20, maxFrames: 9, deflate: true}
	stream := frame(false, fin|rsv1, opBinary, strings.Repeat("x", 1000))
	for _, cut := range []int{0, 3, 500} {
		p, s := new(parser), new(counting)
		buffer := bytes.Clone(stream)
		p.feed(buffer[:cut], lim, s)
		p.feed(buffer[cut:], lim, s)
		if s.messages != 1 || cap(s.last)-len(s.last) < len(inflateTail) {
			t.Errorf("cut at %d: %d messages, %d bytes in %d", cut, s.messages, len(s.last), cap(s.last))
		}
	}
}

func TestAnnouncedLengthIsNotAllocated(t *testing.T) {
	lim := &parseLimits{maxMessage: 1 << 20, maxFrames: 9}
	stream := frame(false, fin, opBinary, strings.Repeat("x", 1<<20))
	p := new(parser)
	for i := 0; i < 20000; i += 10 {
		if err := p.feed(stream[i:i+10], lim, new(heard)); err != nil {
			t.Fatal(err)
		}
		if arrived := i + 10; cap(p.data) > max(firstBuffer, 2*arrived) {
			t.Fatalf("%d bytes are allocated when %d have arrived", cap(p.data), arrived)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, size := range []int{128, 4096} {
		for _, op := range []opcode{opText, opBinary} {
			b.Run(fmt.Sprintf("op=%d/%d bytes", op, size), func(b *testing.B) {
				lim := &parseLimits{maxMessage: 1 << 20, maxFrames: 9}
				one := frame(false, fin, op, strings.Repeat("x", size))
				const frames = 16 // of one read
				stream := bytes.Repeat(one, frames)
				buffer := make([]byte, len(stream))
				p, s := new(parser), new(counting)
				b.ReportAllocs()
				b.SetBytes(int64(len(one)))
				for i := 0; i < b.N; i += frames {
					copy(buffer, stream)
					if err := p.feed(buffer, lim, s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
