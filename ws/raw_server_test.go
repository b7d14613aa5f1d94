package ws_test

import (
	"context"
	"io"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// rawServer serves one kind of conn to raw clients, and beside it an echo at "/echo".
type rawServer struct {
	*ws.Server
	t     testing.TB
	addr  string
	route *ws.Group         // the conns at "/"
	ended chan ws.CloseInfo // how the conns at "/" ended
}

// rawSetup says how a rawServer is to be different.
type rawSetup struct {
	ws.Options
	tls           bool
	tight         bool          // small send buffers in the kernel, so that a client that does not read is noticed soon
	headerTimeout time.Duration // 0 means patience
}

// serveRaw starts a server whose conns at "/" get handler. When the test is over it must leave nothing behind.
func serveRaw(t testing.TB, set rawSetup, handler func(*ws.Conn)) *rawServer {
	t.Helper()
	checkLeaks(t)
	s := &rawServer{t: t, ended: make(chan ws.CloseInfo, 1024)}
	onClose := set.OnClose
	set.OnClose = func(c *ws.Conn, info ws.CloseInfo) {
		if c.URL().Path != "/echo" {
			s.ended <- info
		}
		if onClose != nil {
			onClose(c, info)
		}
	}
	if set.Logger == nil {
		set.Logger = slog.New(slog.DiscardHandler)
	}
	s.Server = ws.NewServer(set.Options)
	router := ws.NewRouter(s.Server)
	s.route = router.Handle("/{$}", handler)
	router.Handle("/echo", echo)
	s.listen(router, set)
	return s
}

func (s *rawServer) listen(router *ws.Router, set rawSetup) {
	hs := httptest.NewUnstartedServer(router)
	hs.Config.ReadHeaderTimeout = patience
	if set.headerTimeout > 0 {
		hs.Config.ReadHeaderTimeout = set.headerTimeout
	}
	hs.Config.ErrorLog = log.New(io.Discard, "", 0)
	if set.tight {
		hs.Listener = tightListener{hs.Listener}
	}
	s.addr = hs.Listener.Addr().String()
	if set.tls {
		hs.Listener = ws.Listen(hs.Listener)
		hs.StartTLS()
	} else {
		hs.Start()
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			s.t.Errorf("Shutdown: %v", err)
		}
		hs.Close()
	})
}

// echo is the handler of most tests.
func echo(c *ws.Conn) { c.OnMessage(func(m ws.Message) { c.Send(m) }) }

// wantEnded waits for the end of the next conn and checks its code.
func (s *rawServer) wantEnded(code ws.Code) ws.CloseInfo {
	s.t.Helper()
	info := receive(s.t, s.ended, "the end of a conn")
	if info.Code != code {
		s.t.Fatalf("the conn ended with %v, want code %d", info, code)
	}
	return info
}

// tightListener gives accepted sockets the smallest send buffers that the kernel allows.
type tightListener struct{ net.Listener }

func (l tightListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if tc, ok := nc.(*net.TCPConn); ok {
		tc.SetWriteBuffer(1)
	}
	return nc, err
}

// receive takes the next value of a channel.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// waitFor polls a condition.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if !poll(condition) {
		t.Fatalf("waited in vain for %s", what)
	}
}

func poll(condition func() bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !condition(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// checkLeaks fails the test if, when all its other cleanups have run, this module's goroutines or descriptors are left
// over from it.
func checkLeaks(t testing.TB) {
	t.Helper()
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close() // from here on the runtime has its own descriptors
	}
	before, files := allGoroutines(), openFiles()
	t.Cleanup(func() {
		var left map[string]string
		if !poll(func() bool {
			left = ourGoroutines()
			maps.DeleteFunc(left, func(id, _ string) bool { _, old := before[id]; return old })
			return len(left) == 0
		}) {
			for _, stack := range left {
				t.Errorf("goroutine left behind:\n%s", stack)
			}
		}
		if !poll(func() bool { return openFiles() <= files }) {
			t.Errorf("%d descriptors are open, %d were before the test", openFiles(), files)
		}
	})
}

var goroutineID = regexp.MustCompile(`^goroutine \d+`)

// ourGoroutines lists the goroutines that run this module's code, or net/http's for it, without those of the tests
// themselves.
func ourGoroutines() map[string]string {
	ours := allGoroutines()
	maps.DeleteFunc(ours, func(_, stack string) bool {
		return !strings.Contains(stack, "hubbub-dev/hubbub") || strings.Contains(stack, "testing.tRunner(") ||
			strings.Contains(stack, "testing.(*F).Fuzz")
	})
	return ours
}

// allGoroutines lists the stacks of all goroutines. The stack of one that has not run yet does not tell whose it is.
func allGoroutines() map[string]string {
	buf := make([]byte, 64<<10)
	n := runtime.Stack(buf, true)
	for ; n == len(buf); n = runtime.Stack(buf, true) {
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for _, stack := range strings.Split(string(buf[:n]), "\n\n") {
		all[goroutineID.FindString(stack)] = stack
	}
	return all
}

// openFiles counts the process's descriptors, where the system tells.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
