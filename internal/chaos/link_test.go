package chaos_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// manner is how a link treats what goes over it.
type manner int

const (
	open   manner = iota
	cut           // connections are lost, new ones too
	silent        // nothing goes through, and nobody is told
	slow          // everything takes 100 ms longer each way
)

// link is the way of one gateway to a server: a proxy that can be cut. Its methods may be called concurrently.
type link struct {
	addr   string
	target string
	ctx    context.Context
	work   sync.WaitGroup

	mu      sync.Mutex
	manner  manner
	changed chan struct{} // closed when manner changes
	conns   map[net.Conn]struct{}
}

// newLink makes a link to a server, on an address of its own.
func newLink(t *testing.T, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &link{addr: listener.Addr().String(), target: target, ctx: ctx, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	l.work.Go(func() { l.accept(listener) })
	t.Cleanup(func() {
		stop()
		listener.Close()
		l.be(cut)
		l.work.Wait()
	})
	return l
}

func (l *link) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // it is closed
		}
		l.work.Go(func() { l.join(conn) })
	}
}

// join connects the two ends, until one of them hangs up.
func (l *link) join(near net.Conn) {
	defer l.drop(near)
	if !l.keep(near) {
		return
	}
	far, err := (&net.Dialer{Timeout: time.Second}).DialContext(l.ctx, "tcp4", l.target)
	if err != nil {
		return
	}
	defer l.drop(far)
	if !l.keep(far) {
		return
	}
	back := make(chan struct{})
	l.work.Go(func() {
		defer close(back)
		defer near.Close()
		l.carry(near, far)
	})
	l.carry(far, near)
	far.Close()
	<-back
}

// keep remembers a connection, unless the link is cut.
func (l *link) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	return l.manner != cut
}

func (l *link) drop(c net.Conn) {
	c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// carry copies, in the manner of the link.
func (l *link) carry(to io.Writer, from io.Reader) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && !l.pass() {
			return
		}
		if _, failed := to.Write(b[:n]); failed != nil || err != nil {
			return
		}
	}
}

// pass waits until something may go over the link, and tells whether it may at all.
func (l *link) pass() bool {
	for {
		l.mu.Lock()
		manner, changed := l.manner, l.changed
		l.mu.Unlock()
		switch manner {
		case cut:
			return false
		case slow:
			return wait(l.ctx, 100*time.Millisecond)
		case open:
			return true
		}
		select {
		case <-changed:
		case <-l.ctx.Done():
			return false
		}
	}
}

// be changes the manner of the link.
func (l *link) be(m manner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.manner = m
	close(l.changed)
	l.changed = make(chan struct{})
	if m == cut {
		for c := range l.conns {
			c.Close()
		}
	}
}

// wait waits, and tells whether the context has not ended before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func TestLink(t *testing.T) {
	echo, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c) // until it is cut
				c.Close()
			}()
		}
	}()
	l := newLink(t, echo.Addr().String())
	dial := func() (net.Conn, chan string) {
		c, err := net.Dial("tcp4", l.addr)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 10)
		go func() {
			defer close(got)
			for b := make([]byte, 1); ; {
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
				got <- string(b)
			}
		}()
		return c, got
	}
	say := func(c net.Conn, what string) { _, _ = c.Write([]byte(what)) } // an error is seen by who listens
	closed := func(got chan string) {
		t.Helper()
		testkit.Eventually(t, "the connection to be cut", func() bool {
			select {
			case _, more := <-got:
				return !more
			default:
				return false
			}
		})
	}
	c, got := dial()
	for _, m := range []manner{open, slow} {
		l.be(m)
		say(c, "a")
		testkit.Receive(t, "an echo", got)
	}
	l.be(silent)
	say(c, "b")
	fresh, gotFresh := dial()
	say(fresh, "c")
	if wait(t.Context(), 50*time.Millisecond); len(got)+len(gotFresh) > 0 {
		t.Error("something goes over a silent link")
	}
	l.be(open)
	if b, c := testkit.Receive(t, "what was said in silence", got), testkit.Receive(t, "the same", gotFresh); b+c != "bc" {
		t.Errorf("after silence there are %q and %q", b, c)
	}
	l.be(cut)
	closed(got)
	closed(gotFresh)
	_, gotCut := dial()
	closed(gotCut)
	l.be(open)
	c, got = dial()
	say(c, "d")
	testkit.Receive(t, "an echo after all", got)
	c.Close()
	closed(got)
}
