package reactor_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// tape is a Handler that writes down what it is told.
type tape struct {
	conn *reactor.Conn

	mu    sync.Mutex
	got   bytes.Buffer
	ended error
	ticks int
}

func (h *tape) Received(p []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got.Write(p)
}

func (h *tape) Ended(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = err
}

func (h *tape) Timeout() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ticks++
}

func (h *tape) HungUp()                         {}
func (h *tape) Slow(*reactor.Fan)               {}
func (h *tape) Skipped(reactor.Skip)            {}
func (h *tape) Encode(p *reactor.Packet) []byte { return p.Plain }
func (h *tape) state() (got string, err error, n int) { // what was written down so far
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got.String(), h.ended, h.ticks
}

// connect makes a socket, with our end on the reactor.
func connect(t *testing.T, r *reactor.Reactor, set reactor.Setup) (*tape, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	sock, err := reactor.Adopt(near)
	if err != nil {
		t.Fatal(err)
	}
	h := &tape{conn: new(reactor.Conn)}
	set.Handler, set.Limit = h, 1<<20
	r.Start(h.conn, sock, set)
	return h, far
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

func TestConn(t *testing.T) {
	r := reactor.New(reactor.Config{Loops: 2})
	h, far := connect(t, r, reactor.Setup{First: []byte("first "), Read: []byte("before ")})
	far.Write([]byte("after"))
	until(t, "all is received", func() bool { got, _, _ := h.state(); return got == "before after" })
	h.conn.Reserve(5, 1<<20)
	h.conn.Send([]byte("last "), nil)
	h.conn.Do(func() { h.conn.Finish([]byte("end"), reactor.ThenClose) })
	if got, err := io.ReadAll(far); err != nil || string(got) != "first last end" {
		t.Errorf("the peer read %q, %v", got, err)
	}
	until(t, "the conn has ended", func() bool { _, err, _ := h.state(); return err != nil })
	if _, err, _ := h.state(); !errors.Is(err, reactor.ErrClosed) {
		t.Errorf("ended with %v, want ErrClosed", err)
	}
}

// TestControlOvertakes fills the socket, and looks where a control frame and a later one of its kind come out.
func TestControlOvertakes(t *testing.T) {
	r := reactor.New(reactor.Config{Loops: 1})
	h, far := connect(t, r, reactor.Setup{})
	line := []byte(strings.Repeat("x", 1<<16-1) + "\n")
	same, before := 0, 0
	until(t, "the socket takes no more", func() bool {
		for h.conn.Queued() < 15*len(line) {
			h.conn.Reserve(len(line), 1<<30)
			h.conn.Send(line, nil)
			turn := make(chan struct{})
			h.conn.Do(func() { close(turn) })
			<-turn
		}
		<-time.After(20 * time.Millisecond) // the kernel moves bytes from one end to the other for a while
		if same++; h.conn.Queued() != before {
			same, before = 0, h.conn.Queued()
		}
		return same == 10
	})
	for _, word := range []string{"one\n", "two\n"} {
		h.conn.Do(func() { h.conn.Control([]byte(word), true) })
	}
	placed := make(chan struct{})
	h.conn.Do(func() {
		h.conn.Finish(nil, reactor.ThenClose)
		close(placed)
	})
	<-placed // the peer reads only now, or the lines would be gone before
	got, err := io.ReadAll(far)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(got, []byte("two\n"))
	if at < 0 || bytes.Contains(got, []byte("one\n")) {
		t.Fatal("want the second control frame and not the first")
	}
	if at%len(line) != 0 || at >= len(got)-9*len(line) {
		t.Errorf("control frame at byte %d of %d: want it between two lines and before those that waited", at, len(got))
	}
}

// manual is a clock that the test moves.
type manual struct {
	mu     sync.Mutex
	now    time.Duration
	alarms map[int]alarm
	next   int
}

type alarm struct {
	at time.Duration
	f  func()
}

func (m *manual) Now() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *manual) AfterFunc(d time.Duration, f func()) func() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	id := m.next
	if m.alarms == nil {
		m.alarms = make(map[int]alarm)
	}
	m.alarms[id] = alarm{m.now + d, f}
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		_, ok := m.alarms[id]
		delete(m.alarms, id)
		return ok
	}
}

func (m *manual) set() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.alarms)
}

func (m *manual) move(d time.Duration) {
	m.mu.Lock()
	m.now += d
	var due []func()
	for id, a := range m.alarms {
		if a.at <= m.now {
			due = append(due, a.f)
			delete(m.alarms, id)
		}
	}
	m.mu.Unlock()
	for _, f := range due {
		f()
	}
}

func TestTimersFollowTheClock(t *testing.T) {
	clock := &manual{}
	r := reactor.New(reactor.Config{Loops: 1, Clock: clock})
	h, _ := connect(t, r, reactor.Setup{Timer: 25 * time.Second})
	until(t, "the loop has set an alarm", func() bool { return clock.set() == 1 })
	for range 24 {
		clock.move(time.Second)
		until(t, "the loop has set its next alarm", func() bool { return clock.set() == 1 })
	}
	if _, _, ticks := h.state(); ticks != 0 {
		t.Fatal("a timer of 25 s fired before")
	}
	clock.move(1100 * time.Millisecond)
	until(t, "the timer fires", func() bool { _, _, ticks := h.state(); return ticks == 1 })
}

// TestNothingIsLeft looks for goroutines and descriptors after the last conn, also of the loops themselves.
func TestNothingIsLeft(t *testing.T) {
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	r := reactor.New(reactor.Config{Loops: 3})
	for range 3 { // the loops start and stop again
		var peers []net.Conn
		var tapes []*tape
		for range 6 {
			h, far := connect(t, r, reactor.Setup{Timer: time.Hour})
			peers, tapes = append(peers, far), append(tapes, h)
		}
		for _, far := range peers {
			far.Close()
		}
		if err := r.Wait(t.Context().Done()); err != nil {
			t.Fatal(err)
		}
		for _, h := range tapes {
			if _, err, _ := h.state(); !errors.Is(err, io.EOF) {
				t.Errorf("ended with %v, want EOF", err)
			}
		}
	}
	until(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
	until(t, "all descriptors are closed", func() bool { return openDescriptors(t) <= descriptors })
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux
	}
	return len(list)
}
