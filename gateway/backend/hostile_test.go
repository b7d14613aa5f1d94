package backend_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// raw serves conns by a function that gets each after the header of its first request has come. It returns the URL.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for r := bufio.NewReader(c); ; {
				line, err := r.ReadString('\n')
				if err != nil || line == "\r\n" {
					break
				}
			}
			serve(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// forever writes the same again and again until the other side has gone.
func forever(c io.Writer, text string) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}

func TestBadBackends(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	long := strings.Repeat("x", 4096)
	cases := map[string]struct {
		says  string
		serve func(net.Conn)
	}{
		"garbage":                 {"cannot be reached", func(c net.Conn) { io.WriteString(c, "\x00\x01\xffSSH-2.0\r\n\r\n") }},
		"garbage without end":     {"cannot be reached", func(c net.Conn) { forever(c, long) }},
		"header without end":      {"cannot be reached", func(c net.Conn) { io.WriteString(c, ok); forever(c, "A: b\r\n") }},
		"header line without end": {"cannot be reached", func(c net.Conn) { io.WriteString(c, ok+"A: "); forever(c, long) }},
		"garbage in header":       {"cannot be reached", func(c net.Conn) { io.WriteString(c, ok+"A\x00: b\r\nContent-Length: 0\r\n\r\n") }},
		"informing without end":   {"cannot be reached", func(c net.Conn) { forever(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }},
		"length below nothing":    {"cannot be reached", func(c net.Conn) { io.WriteString(c, ok+"Content-Length: -1\r\n\r\n") }},
		"two lengths":             {"cannot be reached", func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab") }},
		"hangs up":                {"cannot be reached", func(net.Conn) {}},
		"stops in the body":       {"broke off", func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 10\r\n\r\nhello") }},
		"garbage between chunks":  {"broke off", func(c net.Conn) { io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n") }},
		"chunks without end": {"more than 1000 bytes", func(c net.Conn) {
			io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n")
			forever(c, "5\r\nhello\r\n")
		}},
		"body without end": {"more than 1000 bytes", func(c net.Conn) { io.WriteString(c, ok+"\r\n"); forever(c, long) }},
		"says it is large": {"more than 1000 bytes", func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 1099511627776\r\n\r\n"); forever(c, long) }},
		"switches protocols": {"status 101", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		}},
		"compressed without reason": {"Content-Encoding", func(c net.Conn) { bomb(c) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			url := raw(t, c.serve)
			b := open(t, backend.Config{URL: url, MaxResponse: 1000, Retries: -1})
			_, err := b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/x?password=1"})
			unavailable(t, err, url, c.says)
		})
	}
}

// bomb is a response that is small until somebody unpacks it.
func bomb(c net.Conn) {
	io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
	z := gzip.NewWriter(c)
	for range 4 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
}

// unavailable fails unless err is Unavailable, says this of products, and does not say where it is.
func unavailable(t *testing.T, err error, url, says string) {
	t.Helper()
	e, ok := errors.AsType[*hubbub.Error](err)
	if !ok || e.Reason != hubbub.Unavailable {
		t.Fatalf("got %v, want Unavailable", err)
	}
	if !strings.Contains(e.Message, "products") || !strings.Contains(e.Message, says) {
		t.Errorf("got %q, want something of products and %q", e.Message, says)
	}
	host := strings.TrimPrefix(url, "http://")
	if strings.Contains(e.Message, host) || strings.Contains(e.Message, "password") {
		t.Errorf("%q tells the URL", e.Message)
	}
}

// TestSlowBackends need not be waited for, whatever they are slow at.
func TestSlowBackends(t *testing.T) {
	for name, begin := range map[string]string{"says nothing": "", "hangs in the header": "HTTP/1.1 200 OK\r\nA: ",
		"hangs in the body": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"} {
		for _, trickle := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, trickles: %t", name, trickle), func(t *testing.T) {
				url := raw(t, func(c net.Conn) {
					io.WriteString(c, begin)
					if trickle && begin != "" {
						for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
							if _, err := io.WriteString(c, "x"); err != nil {
								return
							}
						}
					}
					io.Copy(io.Discard, c) // until the other side has gone
				})
				b := open(t, backend.Config{URL: url, Timeout: time.Minute})
				_, err := b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/", Timeout: 100 * time.Millisecond})
				unavailable(t, err, url, "did not answer in time")
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v does not wrap that the time is over", err)
				}
			})
		}
	}
}

// TestBodyThatIsNotTaken ends in time too: the backend reads nothing of it.
func TestBodyThatIsNotTaken(t *testing.T) {
	release := make(chan struct{})
	url := raw(t, func(net.Conn) { <-release })
	defer close(release)
	b := open(t, backend.Config{URL: url, Timeout: 200 * time.Millisecond})
	_, err := b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/", Body: make([]byte, 64<<20)})
	unavailable(t, err, url, "did not answer in time")
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := open(t, backend.Config{URL: s.URL}).Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/"})
	unavailable(t, err, s.URL, "cannot be reached")
}

func TestCertificateOfAStranger(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	s.Config.ErrorLog = discard
	s.StartTLS()
	defer s.Close()
	_, err := open(t, backend.Config{URL: s.URL}).Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/"})
	unavailable(t, err, s.URL, "cannot be reached")
}

// TestRedirects shows that nobody is led elsewhere, and that clients do not learn where.
func TestRedirects(t *testing.T) {
	var visits atomic.Int32
	inside := serve(t, func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", inside.URL+"/latest/meta-data")
			w.WriteHeader(status)
		})
		reply, err := open(t, backend.Config{URL: s.URL}).Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/"})
		unavailable(t, err, inside.URL, fmt.Sprintf("redirect %d", status))
		if reply.Header != nil {
			t.Errorf("%d: the header is told: %v", status, reply.Header)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("followed %d times", n)
	}
}

// TestLargest shows that MaxResponse is exact, that the conn of a longer one is not used again, and that of others is.
func TestLargest(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if r.URL.RawQuery == "flush" {
			w.(http.Flusher).Flush() // no Content-Length
		}
		io.WriteString(w, strings.Repeat("x", n))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	b := open(t, backend.Config{URL: s.URL, MaxResponse: 100_000})
	for _, query := range []string{"", "?flush"} {
		conns.Store(0)
		for _, n := range []int{0, 1, 511, 512, 513, 65_536, 65_537, 99_999, 100_000} {
			if got := len(get(t, b, fmt.Sprintf("/%d%s", n, query)).Body); got != n {
				t.Errorf("got %d bytes of %d", got, n)
			}
		}
		if n := conns.Load(); n > 1 {
			t.Errorf("%d conns were made for calls one after the other", n)
		}
		_, err := b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/1000000" + query})
		unavailable(t, err, s.URL, "more than 100000 bytes")
		conns.Store(0)
		get(t, b, "/1")
		if n := conns.Load(); n != 1 {
			t.Errorf("%d new conns after one that was given up, want 1", n)
		}
	}
}

// TestGigabytes has many read what has no end, and looks at what that costs.
func TestGigabytes(t *testing.T) {
	block := make([]byte, 1<<20)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	b := open(t, backend.Config{URL: s.URL})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		_, err := b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/"})
		unavailable(t, err, s.URL, "more than 1048576 bytes")
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / 20; got > 16<<20 {
		t.Errorf("%d bytes were allocated for each", got)
	}
}

// TestHead has no body, however long it says that one would be.
func TestHead(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1099511627776") })
	reply, err := open(t, backend.Config{URL: s.URL}).Do(t.Context(), backend.Call{Method: http.MethodHead, Path: "/"})
	if err != nil || reply.Status != 200 || len(reply.Body) != 0 {
		t.Errorf("got %+v, %v", reply, err)
	}
}

// TestCallerGivesUp and the backend learns it.
func TestCallerGivesUp(t *testing.T) {
	came, left := make(chan struct{}), make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { close(came); <-r.Context().Done(); close(left) })
	b := open(t, backend.Config{URL: s.URL})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-came; cancel() }()
	_, err := b.Do(ctx, backend.Call{Method: http.MethodGet, Path: "/"})
	unavailable(t, err, s.URL, "gave up")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap that it was cancelled", err)
	}
	testkit.Receive(t, "the backend to learn it", closed(left))
}

// closed turns the close of a channel into a value.
func closed(c <-chan struct{}) <-chan bool {
	told := make(chan bool, 1)
	go func() { <-c; told <- true }()
	return told
}
