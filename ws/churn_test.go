package ws_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// churn is how long, and with how many conns open at a time, the tests below churn. The environment variables HUBBUB_CHURN ("60s") and
// HUBBUB_CHURN_CONNS ("10000") set it.
type churn struct {
	duration time.Duration
	conns    int
}

func churnSettings(t *testing.T) churn {
	c := churn{3 * time.Second, 300}
	var err error
	if s := os.Getenv("HUBBUB_CHURN"); s != "" {
		if c.duration, err = time.ParseDuration(s); err != nil {
			t.Fatalf("HUBBUB_CHURN: %v", err)
		}
	}
	if s := os.Getenv("HUBBUB_CHURN_CONNS"); s != "" {
		if c.conns, err = strconv.Atoi(s); err != nil {
			t.Fatalf("HUBBUB_CHURN_CONNS: %v", err)
		}
	}
	return c
}

// leaving is how a client may go. What it does last closes its socket.
var leaving = []func(*rawConn){
	func(c *rawConn) { // as it should be
		c.Write(maskedClose(1000, "bye"))
		for f, err := c.next(); err == nil && f.opcode() != rawClose; f, err = c.next() {
		}
		c.Close()
	},
	(*rawConn).reset,
	func(c *rawConn) { c.Close() },
	func(c *rawConn) {
		c.halfClose()
		io.Copy(io.Discard, c.r)
		c.Close()
	},
	func(c *rawConn) { // in the middle of a frame
		c.Write(masked(rawFin|rawText, make([]byte, 1000))[:500])
		c.Close()
	},
	func(c *rawConn) { // with an echo on its way
		c.Write(masked(rawFin|rawText, make([]byte, 1000)))
		c.reset()
	},
	func(c *rawConn) { // shown the door
		c.Write(unmasked(rawFin|rawText, []byte("no mask")))
		io.Copy(io.Discard, c.r)
		c.Close()
	},
}

// TestChurn opens conns and lets them leave in all ways. Nothing is left of them: no goroutine, no descriptor, no memory.
func TestChurn(t *testing.T) {
	set := churnSettings(t)
	t.Run("TCP", func(t *testing.T) { set.run(t, false) })
	t.Run("TLS", func(t *testing.T) { set.run(t, true) })
}

func (set churn) run(t *testing.T, encrypted bool) {
	s := serveRaw(t, rawSetup{tls: encrypted}, echo)
	s.churn(churn{0, 20}, encrypted) // fills pools and caches
	s.settled()
	goroutines, files, heap := runtime.NumGoroutine(), openFiles(), heapInUse()

	n := s.churn(set, encrypted)
	s.settled()
	waitFor(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	waitFor(t, "the descriptors to be closed", func() bool { return openFiles() <= files })
	const slack = 1 << 20 // pools and the maps' own growth; a conn that is kept costs more than 500 bytes
	var now int64
	if !poll(func() bool { now = heapInUse(); return now <= heap+slack }) {
		t.Errorf("the heap has %d bytes more than before", now-heap)
	}
	t.Logf("%d conns came and went; the heap grew by %d bytes", n, now-heap)
}

// settled waits until the server has no conns.
func (s *rawServer) settled() {
	s.t.Helper()
	waitFor(s.t, "the conns to end", func() bool { return s.Len() == 0 })
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // the second empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// churn opens set.conns, replaces the oldest ones until the time is over, and lets all leave. It returns how many there were.
func (s *rawServer) churn(set churn, encrypted bool) int {
	const workers = 16
	end := time.Now().Add(set.duration)
	var total atomic.Int64
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			open := make([]*rawConn, 0, set.conns/workers+1)
			way := w
			for len(open) < cap(open) || time.Now().Before(end) {
				if len(open) == cap(open) {
					leaving[way%len(leaving)](open[0])
					open = append(open[:0], open[1:]...)
					way++
				}
				c, err := s.visitor(w, encrypted)
				if err != nil {
					s.t.Errorf("after %d conns: %v", total.Load(), err)
					break
				}
				total.Add(1)
				open = append(open, c)
			}
			for _, c := range open {
				leaving[way%len(leaving)](c)
				way++
			}
		})
	}
	work.Wait()
	return int(total.Load())
}

// visitor connects from an address of its worker's, so that a long run does not use up the ports, and has one echo.
func (s *rawServer) visitor(worker int, encrypted bool) (*rawConn, error) {
	d := net.Dialer{Timeout: patience}
	if runtime.GOOS == "linux" {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+worker))}
	}
	nc, err := d.DialContext(s.t.Context(), "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	if encrypted {
		nc = insecure(nc)
	}
	c, err := rawTryUpgrade(nc, "/echo")
	if err != nil {
		nc.Close()
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience + time.Hour)) // it may stay for long
	c.Write(masked(rawFin|rawText, []byte("hello")))
	if f, err := c.next(); err != nil || string(f.payload) != "hello" {
		c.Close()
		return nil, fmt.Errorf("echo: %q, %w", f.payload, err)
	}
	return c, nil
}
