package main

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// count is a receiver that does nothing: conns count by themselves.
type count struct{}

func (count) message(*conn, []byte) error { return nil }
func (count) pong(*conn, []byte) error    { return nil }

// pair returns a conn and the descriptor of its other end.
func pair(t testing.TB) (*conn, int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	d, err := newDialect("ws", "/broadcast")
	if err != nil {
		t.Fatal(err)
	}
	return &conn{fd: fds[0], dialog: &d}, fds[1]
}

func TestFramesCutAnywhereAreCountedOnce(t *testing.T) {
	c, far := pair(t)
	frame := unmask(c.dialog.message(nil, 7, 1))
	stream := bytes.Repeat(frame, 50)
	for cut := 1; len(stream) > 0; cut = cut*3%257 + 1 {
		n := min(cut, len(stream))
		if _, err := send(far, stream[:n]); err != nil {
			t.Fatal(err)
		}
		if err := c.read(count{}); err != nil {
			t.Fatal(err)
		}
		stream = stream[n:]
	}
	if c.got != 50 {
		t.Fatalf("%d of 50 messages were counted", c.got)
	}
}

// BenchmarkRead shows what the generator itself needs for messages that come 16 at a time, sending included.
func BenchmarkRead(b *testing.B) {
	c, far := pair(b)
	batch := bytes.Repeat(unmask(c.dialog.message(nil, 7, 1)), 16)
	for b.Loop() {
		if _, err := send(far, batch); err != nil {
			b.Fatal(err)
		}
		if err := c.read(count{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.got)/b.Elapsed().Seconds()/1e6, "M/s")
}
