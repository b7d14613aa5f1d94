package ws_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// churn says how conns are to come and go.
type churn struct {
	Duration  time.Duration
	Conns     int // open at a time
	Addr      string
	Encrypted bool
}

// churnFromEnv lets HUBBUB_CHURN ("60s") and HUBBUB_CHURN_CONNS ("10000") set how long and how many.
func churnFromEnv(t *testing.T) churn {
	c := churn{Duration: 3 * time.Second, Conns: 300}
	var err error
	if s := os.Getenv("HUBBUB_CHURN"); s != "" {
		if c.Duration, err = time.ParseDuration(s); err != nil {
			t.Fatalf("HUBBUB_CHURN: %v", err)
		}
	}
	if s := os.Getenv("HUBBUB_CHURN_CONNS"); s != "" {
		if c.Conns, err = strconv.Atoi(s); err != nil {
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

func (c *rawConn) leave(way int) {
	c.SetDeadline(time.Now().Add(patience))
	leaving[way%len(leaving)](c)
}

// TestChurn opens conns and lets them leave in all ways. Nothing is left of them: no goroutine, no descriptor, no memory.
func TestChurn(t *testing.T) {
	set := churnFromEnv(t)
	t.Run("TCP", func(t *testing.T) { testChurn(t, set) })
	set.Encrypted = true
	t.Run("TLS", func(t *testing.T) { testChurn(t, set) })
}

func testChurn(t *testing.T, set churn) {
	s := serveRaw(t, rawSetup{tls: set.Encrypted}, echo)
	set.Addr = s.addr
	warm := set
	warm.Duration, warm.Conns = 0, 20
	warm.elsewhere(t) // fills pools and caches
	waitFor(t, "the conns to end", func() bool { return s.Len() == 0 })
	goroutines, files, heap := runtime.NumGoroutine(), openFiles(), heapInUse()

	n := set.elsewhere(t)
	waitFor(t, "the conns to end", func() bool { return s.Len() == 0 })
	waitFor(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	waitFor(t, "the descriptors to be closed", func() bool { return openFiles() <= files })
	slack := int64(1<<20 + 100*set.Conns) // pools, and tables that keep the size they once had; a conn that is kept costs far more
	var now int64
	if !poll(func() bool { now = heapInUse(); return now <= heap+slack }) {
		t.Errorf("the heap has %d bytes more than before", now-heap)
	}
	t.Logf("%s conns came and went; the heap grew by %d bytes", n, now-heap)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // the second empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// visitorsEnv makes this test binary the visitors of TestChurn. They are a process of their own, so that ten thousand
// of them and their server's conns need not share one limit of descriptors.
const visitorsEnv = "HUBBUB_TEST_VISITORS"

// elsewhere runs the churn in a child process, and returns how many conns there were.
func (set churn) elsewhere(t *testing.T) string {
	t.Helper()
	what, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestVisitors$")
	child.Env = append(os.Environ(), visitorsEnv+"="+string(what))
	out, err := child.Output()
	if err != nil {
		t.Fatalf("visitors: %v\n%s", err, out)
	}
	count, _, _ := strings.Cut(string(out), "\n")
	return count
}

// TestVisitors is the child process of TestChurn, and does nothing when it is run as a test.
func TestVisitors(t *testing.T) {
	what := os.Getenv(visitorsEnv)
	if what == "" {
		return
	}
	var set churn
	if err := json.Unmarshal([]byte(what), &set); err != nil {
		t.Fatal(err)
	}
	fmt.Println(set.run(t))
}

// run opens conns, replaces the oldest ones until the time is over, and lets all leave.
func (set churn) run(t *testing.T) (total int64) {
	const workers = 16
	end := time.Now().Add(set.Duration)
	var count atomic.Int64
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			open := make([]*rawConn, 0, set.Conns/workers+1)
			way := w
			for len(open) < cap(open) || time.Now().Before(end) {
				if len(open) == cap(open) {
					open[0].leave(way)
					open = append(open[:0], open[1:]...)
					way++
				}
				c, err := set.visitor(t, w)
				if err != nil {
					t.Errorf("after %d conns: %v", count.Load(), err)
					break
				}
				count.Add(1)
				open = append(open, c)
			}
			for _, c := range open {
				c.leave(way)
				way++
			}
		})
	}
	work.Wait()
	return count.Load()
}

// visitor connects from an address of its worker's, so that a long run does not use up the ports, and has one echo.
func (set churn) visitor(t *testing.T, worker int) (*rawConn, error) {
	d := net.Dialer{Timeout: patience}
	if runtime.GOOS == "linux" {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+worker))}
	}
	nc, err := d.DialContext(t.Context(), "tcp", set.Addr)
	if err != nil {
		return nil, err
	}
	if set.Encrypted {
		nc = insecure(nc)
	}
	c, err := rawTryUpgrade(nc, "/echo")
	if err != nil {
		nc.Close()
		return nil, err
	}
	c.SetDeadline(time.Time{}) // it may stay for long
	c.Write(masked(rawFin|rawText, []byte("hello")))
	if f, err := c.next(); err != nil || string(f.payload) != "hello" {
		c.Close()
		return nil, fmt.Errorf("echo: %q, %w", f.payload, err)
	}
	return c, nil
}
