package ws

import (
	"bytes"
	stdflate "compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
)

var fullTakeover = deflateParams{enabled: true, sendTakeover: true, receiveTakeover: true, sendBits: 15, receiveBits: 15}

func TestDeflateMessage(t *testing.T) {
	if got := deflateMessage([]byte("before"), nil, 0); string(got) != "before\x00" {
		t.Errorf("an empty message becomes %q", got)
	}
	payloads := []string{"", "a", "Hello", strings.Repeat("a", 127), strings.Repeat("hello ", 30), strings.Repeat("ab", 100000)}
	for level := -1; level <= 10; level++ {
		for _, payload := range payloads {
			compressed := deflateMessage(nil, []byte(payload), level)
			out, err := inflateMessage(compressed, len(payload))
			if err != nil || string(out) != payload {
				t.Fatalf("level %d, %d bytes: %d bytes back, %v", level, len(payload), len(out), err)
			}
		}
	}
}

func TestInflateMessage(t *testing.T) {
	finalHello := "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
	for _, test := range []struct {
		name, data string
		limit      int
		want       string
		code       Code
	}{
		{"fixed block (RFC 7692, 7.2.3.1)", "\xf2\x48\xcd\xc9\xc9\x07\x00", 5, "Hello", 0},
		{"stored block (7.2.3.3)", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 5, "Hello", 0},
		{"final block (7.2.3.4)", finalHello, 5, "Hello", 0},
		{"two blocks (7.2.3.5)", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 5, "Hello", 0},
		{"final block in the middle", finalHello[:7] + finalHello, 10, "HelloHello", 0},
		{"final block without the last octet", finalHello[:7], 5, "", CodeInvalidData},
		{"too many final blocks", strings.Repeat("\x03\x00", maxFinalBlocks) + "\x00", 5, "", CodeInvalidData},
		{"over the limit by one", "\xf2\x48\xcd\xc9\xc9\x07\x00", 4, "", CodeTooBig},
		{"final blocks over the limit", finalHello[:7] + finalHello, 9, "", CodeTooBig},
		{"no data at all, where an empty message is one octet", "", 5, "", CodeInvalidData},
		{"corrupt", "\xff\xff\xff\xff", 5, "", CodeInvalidData},
		{"cut", "\xf2\x48\xcd", 500, "", CodeInvalidData},
		{"reference before the beginning", "\x02\x13\x00", 500, "", CodeInvalidData},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := inflateMessage([]byte(test.data), test.limit)
			if code := errorCode(t, err); code != test.code || string(out) != test.want {
				t.Errorf("%q, %v; want %q, code %d", out, err, test.want, test.code)
			}
		})
	}
}

// TestFinalBlockKeepsTheWindow has a message whose second stream refers to its first.
func TestFinalBlockKeepsTheWindow(t *testing.T) {
	first, second := new(bytes.Buffer), new(bytes.Buffer)
	w, _ := stdflate.NewWriter(first, 9)
	io.WriteString(w, "a first stream, not short")
	w.Close()
	w, _ = stdflate.NewWriterDict(second, 9, []byte("a first stream, not short"))
	io.WriteString(w, "a first stream, not short")
	w.Flush()
	data := append(first.Bytes(), bytes.TrimSuffix(second.Bytes(), []byte(flushTail))...)
	out, err := inflateMessage(data, 100)
	if err != nil || string(out) != strings.Repeat("a first stream, not short", 2) {
		t.Errorf("%q, %v", out, err)
	}
}

func TestBombIsNotInflated(t *testing.T) {
	bomb := deflateMessage(nil, make([]byte, 16<<20), 1)
	for name, inflate := range map[string]func([]byte, int) ([]byte, error){
		"stateless": inflateMessage, "takeover": newInflater(fullTakeover).inflate,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := inflate(bytes.Clone(bomb), 1<<20)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; errorCode(t, err) != CodeTooBig || used > 4<<20 {
			t.Errorf("%s: %v, %d bytes allocated", name, err, used)
		}
	}
}

var words = strings.Fields("we can meet at the station when your train comes in tonight and then walk along the river to that " +
	"place with good soup which everybody likes so much except for its name but nobody remembers who told us about it first")

// chat returns JSON messages such as a chat sends.
func chat(seed uint64, count, size int) [][]byte {
	random := rand.New(rand.NewPCG(seed, 1))
	messages := make([][]byte, count)
	for i := range messages {
		text := ""
		for len(text) < size {
			text += words[random.IntN(len(words))] + " "
		}
		messages[i], _ = json.Marshal(map[string]any{"method": "message", "params": map[string]any{
			"room": "lobby", "from": fmt.Sprint("user", random.IntN(1000)), "time": random.IntN(1e9), "text": text}})
	}
	return messages
}

func TestTakeoverAtEveryWindow(t *testing.T) {
	for _, bits := range []uint8{8, 11, 14, 15} {
		for _, keep := range []bool{false, true} {
			for _, level := range []int{1, 6, 9} {
				params := deflateParams{enabled: true, sendTakeover: keep, receiveTakeover: true, sendBits: bits, receiveBits: bits}
				d, i := newDeflater(params, level), newInflater(params)
				for n, message := range append(chat(1, 10, 30), bytes.Repeat([]byte("0123456789abc"), 3000), nil, []byte("end")) {
					compressed := d.deflate(nil, message)
					out, err := i.inflate(compressed, len(message))
					if err != nil || !bytes.Equal(out, message) {
						t.Fatalf("%d bits, takeover %v, level %d, message %d: %d bytes of %d, %v",
							bits, keep, level, n, len(out), len(message), err)
					}
				}
				if len(d.history) > sendHistory || cap(d.history) > sendHistory || cap(i.history) > i.window {
					t.Fatalf("%d bits: history of %d and %d bytes", bits, cap(d.history), cap(i.history))
				}
			}
		}
	}
}

// TestSmallWindowsAreKept relies on this: what inflates with only the last n bytes as history, to m bytes, refers back by at
// most n+m. So messages of one piece each are inflated with just that history, and a longer message must be compressed
// into the same bytes as its pieces one by one.
func TestSmallWindowsAreKept(t *testing.T) {
	for _, bits := range []uint8{8, 11, 14} {
		window := 1 << bits
		params := deflateParams{enabled: true, sendTakeover: true, sendBits: bits}
		long, short := newDeflater(params, 1), newDeflater(params, 1)
		keep := min(sendHistory, window/2)
		piece := window - keep
		var history []byte
		for _, message := range chat(2, 8, 3*window) {
			var joined []byte
			for start := 0; start < len(message); start += piece {
				part := message[start:min(start+piece, len(message))]
				compressed := short.deflate(nil, part)
				joined = append(append(joined, compressed...), flushTail...)
				out, err := inflate(compressed, history[max(0, len(history)-keep):], len(part))
				if err != nil || !bytes.Equal(out, part) {
					t.Fatalf("window %d: a reference goes too far back: %v", window, err)
				}
				history = append(history, part...)
			}
			if got := append(long.deflate(nil, message), flushTail...); !bytes.Equal(got, joined) {
				t.Fatalf("window %d: a long message is not compressed in pieces", window)
			}
		}
	}
}

func TestTakeoverPaysOff(t *testing.T) {
	d := newDeflater(fullTakeover, 1)
	apart, together := 0, 0
	for _, message := range chat(3, 100, 100) {
		apart += len(deflateMessage(nil, message, 1))
		together += len(d.deflate(nil, message))
	}
	if together*10 > apart*8 {
		t.Errorf("%d bytes with takeover, %d without", together, apart)
	}
}

func FuzzDeflateRoundTrip(f *testing.F) {
	f.Add([]byte(""), uint8(1), uint8(15), true, uint16(10))
	f.Add([]byte("hello hello hello hello"), uint8(6), uint8(8), true, uint16(7))
	f.Add(bytes.Repeat([]byte("0123456789"), 500), uint8(9), uint8(10), false, uint16(1500))
	f.Fuzz(func(t *testing.T, data []byte, level, bits uint8, takeover bool, size uint16) {
		bits = 8 + bits%8
		params := deflateParams{enabled: true, sendTakeover: takeover, receiveTakeover: true, sendBits: bits, receiveBits: bits}
		d, i := newDeflater(params, int(level%11)), newInflater(params)
		var stream, plain []byte
		for len(data) > 0 && len(plain) < 1<<20 {
			message := data[:min(len(data), int(size)+1)]
			data = data[len(message):]
			compressed := d.deflate(nil, message)
			stream = append(append(stream, compressed...), flushTail...)
			plain = append(plain, message...)
			out, err := i.inflate(compressed, len(message))
			if err != nil || !bytes.Equal(out, message) {
				t.Fatalf("takeover: %q becomes %q, %v", message, out, err)
			}
			out, err = inflateMessage(deflateMessage(nil, message, int(level%11)), len(message))
			if err != nil || !bytes.Equal(out, message) {
				t.Fatalf("stateless: %q becomes %q, %v", message, out, err)
			}
		}
		got, err := io.ReadAll(stdflate.NewReader(bytes.NewReader(append(stream, 1, 0, 0, 0xFF, 0xFF))))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("the standard library reads %q, %v; want %q", got, err, plain)
		}
	})
}

// FuzzInflate compares what is not ours with the standard library, for messages that are one stream.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), 100)
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), 100)
	f.Add([]byte("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), 3)
	f.Add([]byte("\xf20\x0000"), 1) // over the limit before it is corrupt
	f.Add([]byte("20"), -36)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		limit = min(max(limit, 1), 1<<16)
		source := bytes.NewReader(append(bytes.Clone(data), inflateTail...))
		want, wantErr := io.ReadAll(io.LimitReader(stdflate.NewReader(source), int64(limit)+1))
		if wantErr == nil && len(want) <= limit && source.Len() > 0 {
			return // more than one stream, which the standard library does not read
		}
		got, err := inflateMessage(bytes.Clone(data), limit) // which appends to its argument; the fuzzer's must stay as it is
		if err != nil {
			if failure := new(protocolError); !errors.As(err, &failure) {
				t.Fatalf("%#v", err)
			}
		}
		if len(want) > limit {
			if errorCode(t, err) != CodeTooBig {
				t.Fatalf("more than %d bytes give %v", limit, err)
			}
			return
		}
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q, %v; the standard library says %q, %v", got, err, want, wantErr)
		}
	})
}

func BenchmarkDeflate(b *testing.B) {
	for _, size := range []int{100, 450, 2000} {
		messages := chat(4, 64, size)
		run := func(name string, level int, compress func(dst, payload []byte) []byte) {
			b.Run(fmt.Sprintf("%s/level=%d/%d bytes", name, level, len(messages[0])), func(b *testing.B) {
				var out []byte
				n, total := 0, 0
				b.ReportAllocs()
				for b.Loop() {
					out = compress(out[:0], messages[n%len(messages)])
					total += len(out)
					n++
				}
				b.ReportMetric(float64(total)/float64(n), "compressed-bytes")
			})
		}
		for _, level := range []int{1, 6} {
			run("stateless", level, func(dst, payload []byte) []byte { return deflateMessage(dst, payload, level) })
			run("takeover", level, newDeflater(fullTakeover, level).deflate)
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{450, 2000} {
		message := chat(5, 1, size)[0]
		compressed := deflateMessage(nil, message, 1)
		buffer := make([]byte, 0, len(compressed)+len(inflateTail))
		for name, inflate := range map[string]func([]byte, int) ([]byte, error){
			"stateless": inflateMessage, "takeover": newInflater(fullTakeover).inflate,
		} {
			b.Run(fmt.Sprintf("%s/%d bytes", name, len(message)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := inflate(append(buffer, compressed...), 1<<20); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkTakeoverMemory reports what a conn holds after some traffic, and what a compressor of its own would hold.
func BenchmarkTakeoverMemory(b *testing.B) {
	messages := chat(6, 400, 300)
	compressed := make([][]byte, len(messages))
	sender := newDeflater(fullTakeover, 1)
	for n, message := range messages {
		compressed[n] = sender.deflate(nil, message)
	}
	measure := func(name string, conns int, one func() any) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				held := make([]any, conns)
				var before, after runtime.MemStats
				runtime.GC()
				runtime.GC()
				runtime.ReadMemStats(&before)
				for n := range held {
					held[n] = one()
				}
				runtime.GC()
				runtime.GC() // the second empties the pools
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(conns), "bytes/conn")
				runtime.KeepAlive(held)
			}
		})
	}
	measure("idle deflater", 1000, func() any { return newDeflater(fullTakeover, 1) })
	measure("deflater", 100, func() any {
		d := newDeflater(fullTakeover, 1)
		for _, message := range messages {
			d.deflate(nil, message)
		}
		return d
	})
	measure("idle inflater", 1000, func() any { return newInflater(fullTakeover) })
	measure("inflater", 100, func() any {
		i := newInflater(fullTakeover)
		for _, data := range compressed {
			if _, err := i.inflate(bytes.Clone(data), 1<<20); err != nil {
				b.Fatal(err)
			}
		}
		return i
	})
	for _, level := range []int{1, 6, 9} {
		measure(fmt.Sprintf("compressor of its own, level %d", level), 20, func() any {
			w, _ := flate.NewWriter(io.Discard, level)
			w.Write(messages[0])
			w.Flush()
			return w
		})
	}
}
