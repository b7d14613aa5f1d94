package backend_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// script serves each conn by a function that gets requests from next; it is false when the other side has gone. It returns the URL.
func script(t *testing.T, serve func(c net.Conn, next func() (*http.Request, bool))) string {
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
			in := bufio.NewReader(c)
			serve(c, func() (*http.Request, bool) {
				r, err := http.ReadRequest(in)
				if err != nil {
					return nil, false
				}
				_, err = io.Copy(io.Discard, r.Body)
				return r, err == nil
			})
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// TestConnThatWasClosed is noticed before the next call, whatever that is and however large.
func TestConnThatWasClosed(t *testing.T) {
	for _, size := range []int{0, 1, 100_000} {
		closed := make(chan bool)
		url := script(t, func(c net.Conn, next func() (*http.Request, bool)) {
			next()
			io.WriteString(c, fine)
			c.(*net.TCPConn).CloseWrite()
			closed <- true
			next() // until the other side has closed it
		})
		b := open(t, backend.Config{URL: url, Retries: -1})
		for i := range 3 {
			_, err := b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/", Body: make([]byte, size)})
			if err != nil {
				t.Fatalf("call %d with %d bytes: %v", i, size, err)
			}
			testkit.Receive(t, "the close", (<-chan bool)(closed))
		}
		b.Close()
	}
}

// TestConnThatIsClosedInstead of an answer: only what does no harm is sent again, and only once.
func TestConnThatIsClosedInstead(t *testing.T) {
	for _, c := range []struct {
		method, key string
		calls       int32
		fails       bool
	}{{http.MethodGet, "", 3, false}, {http.MethodHead, "", 3, false}, {http.MethodPost, "k1", 3, false}, {http.MethodPost, "", 2, true}, {http.MethodDelete, "", 2, true}} {
		var calls atomic.Int32
		url := script(t, func(to net.Conn, next func() (*http.Request, bool)) {
			for {
				r, ok := next()
				if !ok || calls.Add(1) == 2 {
					return
				}
				io.WriteString(to, strings.TrimSuffix(fine, map[bool]string{true: "ok"}[r.Method == http.MethodHead]))
			}
		})
		b := open(t, backend.Config{URL: url, Retries: -1})
		call := backend.Call{Method: c.method, Path: "/", Header: http.Header{}}
		if c.key != "" {
			call.Header.Set("Idempotency-Key", c.key)
		}
		if _, err := b.Do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		_, err := b.Do(t.Context(), call)
		if (err != nil) != c.fails || calls.Load() != c.calls {
			t.Errorf("%s %s: got %v after %d calls, want %d", c.method, c.key, err, calls.Load(), c.calls)
		}
		b.Close()
	}
}

// TestAnswersThatNobodyAskedFor are not taken for those to the next call, whether they come with the first one or later.
func TestAnswersThatNobodyAskedFor(t *testing.T) {
	more := make(chan bool)
	url := script(t, func(c net.Conn, next func() (*http.Request, bool)) {
		r, _ := next()
		answer := "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + r.URL.Path[1:]
		if r.URL.RawQuery == "" {
			io.WriteString(c, answer)
			more <- true
			io.WriteString(c, answer)
			more <- true
			next()
			return
		}
		io.WriteString(c, answer+answer)
	})
	b := open(t, backend.Config{URL: url})
	for i, query := range []string{"", "", "?", "?x", "?x"} {
		path := fmt.Sprint("/", i)
		if got := get(t, b, path+query); string(got.Body) != path[1:] {
			t.Errorf("got %s, want %s", got.Body, path[1:])
		}
		if strings.TrimPrefix(query, "?") == "" {
			<-more
			<-more
		}
	}
	b.Close()
}

// TestInforming answers go before the real one.
func TestInforming(t *testing.T) {
	url := script(t, func(c net.Conn, next func() (*http.Request, bool)) {
		for _, ok := next(); ok; _, ok = next() {
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+fine)
		}
	})
	b := open(t, backend.Config{URL: url})
	for range 3 {
		if got := get(t, b, "/"); got.Status != 200 || string(got.Body) != "ok" || got.Header["Link"] != nil {
			t.Errorf("got %+v", got)
		}
	}
	b.Close()
}

// TestLargeBothWays shows that nobody waits for the other when the backend answers while it reads.
func TestLargeBothWays(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	b := open(t, backend.Config{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	}).URL, MaxResponse: len(body), Timeout: time.Minute})
	for range 3 {
		reply, err := b.Do(t.Context(), backend.Call{Method: http.MethodPut, Path: "/", Body: body})
		if err != nil || !bytes.Equal(reply.Body, body) {
			t.Fatalf("got %d bytes, %v", len(reply.Body), err)
		}
	}
}

// TestAnswerBeforeTheEnd of a request that the backend does not want.
func TestAnswerBeforeTheEnd(t *testing.T) {
	url := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	})
	reply, err := open(t, backend.Config{URL: url}).Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/", Body: make([]byte, 64<<20)})
	if err != nil || reply.Status != 413 || string(reply.Body) != "no" {
		t.Errorf("got %d %s, %v", reply.Status, reply.Body, err)
	}
}

// TestTLS keeps conns too, and notices those that were closed.
func TestTLS(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	defer s.Close()
	b := open(t, backend.Config{URL: s.URL, Retries: -1})
	b.Trust(s.Certificate())
	for _, size := range []int{1, 1, 1, 100_000} {
		for range 2 {
			reply, err := b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/", Body: make([]byte, size)})
			if err != nil || len(reply.Body) != size {
				t.Fatalf("got %d bytes, %v", len(reply.Body), err)
			}
			if n := conns.Load(); size == 1 && n != 1 {
				t.Errorf("%d conns were made for calls one after the other", n)
			}
		}
	}
	s.CloseClientConnections()
	if _, err := b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/"}); err != nil {
		t.Errorf("after the backend has closed its conns: %v", err)
	}
}

// TestIdleConns are closed after some seconds.
func TestIdleConns(t *testing.T) {
	inBubble(t, backend.Config{}, func(t *testing.T, b *backend.Backend, _ *service) {
		ended := make(chan struct{})
		for range 3 {
			go func() { post(t.Context(), b); ended <- struct{}{} }()
		}
		for range 3 {
			<-ended
		}
		time.Sleep(3 * time.Second)
		post(t.Context(), b)
		most := b.Idle()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if n := b.Idle(); n != 1 || most < 2 {
			t.Errorf("%d conns of %d are kept, want the one that was used", n, most)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if n := b.Idle(); n != 0 {
			t.Errorf("%d conns are kept", n)
		}
	})
}

// TestGivingUpHarmsNoOther has callers give up all the time beside others who do not.
func TestGivingUpHarmsNoOther(t *testing.T) {
	b := open(t, backend.Config{URL: serve(t, echo).URL, Breaker: backend.Breaker{Failures: -1}})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	given := make(chan struct{})
	go func() {
		defer close(given)
		for i := 0; ctx.Err() == nil; i++ {
			short, cancel := context.WithTimeout(ctx, time.Duration(i%300)*time.Microsecond)
			b.Do(short, backend.Call{Method: http.MethodGet, Path: "/gives-up"})
			cancel()
		}
	}()
	for i := range 500 {
		path := fmt.Sprint("/", i)
		if got := get(t, b, path).Header.Get("X-Line"); !strings.HasPrefix(got, "GET "+path+" ") {
			t.Fatalf("%s is answered with %s", path, got)
		}
	}
	stop()
	<-given
}
