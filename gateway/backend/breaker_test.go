package backend_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

// pipes is a listener whose conns are pipes, so that time can be made up.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.ended); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours, nil
}

// service is a backend of which a test says how it is; its clock is that of the test's bubble.
type service struct {
	status  atomic.Int32 // that it answers with; 0 means never
	refuses atomic.Bool  // conns
	calls   atomic.Int32
}

// inBubble runs a test with a Backend of a service.
func inBubble(t *testing.T, c backend.Config, test func(*testing.T, *backend.Backend, *service)) {
	synctest.Test(t, func(t *testing.T) {
		to := &service{}
		to.status.Store(http.StatusOK)
		p := &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			to.calls.Add(1)
			if status := int(to.status.Load()); status != 0 {
				w.WriteHeader(status)
				return
			}
			<-r.Context().Done()
		})}
		go server.Serve(p)
		c.URL = "http://products"
		b := open(t, c)
		b.DialBy(func() (net.Conn, error) {
			if to.refuses.Load() {
				return nil, errors.New("connection refused")
			}
			return p.dial()
		})
		test(t, b, to)
		b.Close()
		server.Close()
		synctest.Wait()
	})
}

// post calls once and returns what comes of it.
func post(ctx context.Context, b *backend.Backend) (int, *hubbub.Error) {
	reply, err := b.Do(ctx, backend.Call{Method: http.MethodPost, Path: "/"})
	return reply.Status, hubbub.AsError(err)
}

// TestBreaker goes through all of it for each kind of failure: it opens, fails at once, lets one call find out, and closes.
func TestBreaker(t *testing.T) {
	for name, fail := range map[string]func(*service, bool){
		"5xx":     func(s *service, on bool) { s.status.Store(map[bool]int32{true: 500, false: 200}[on]) },
		"timeout": func(s *service, on bool) { s.status.Store(map[bool]int32{true: 0, false: 200}[on]) },
		"refused": func(s *service, on bool) { s.refuses.Store(on) },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := backend.Config{Timeout: time.Second, Breaker: backend.Breaker{Failures: 5, Open: 4 * time.Second},
				Logger: slog.New(slog.NewTextHandler(&log, nil))}
			inBubble(t, c, func(t *testing.T, b *backend.Backend, s *service) {
				post(t.Context(), b)
				fail(s, true)
				b.Close() // the conn that is kept, so that the next call connects
				for range 5 {
					post(t.Context(), b)
				}
				s.calls.Store(0)
				isOpen(t, b, 4*time.Second)
				time.Sleep(3 * time.Second) // in the bubble
				isOpen(t, b, time.Second)
				time.Sleep(time.Second + 1)
				post(t.Context(), b) // the probe fails
				isOpen(t, b, 4*time.Second)
				fail(s, false)
				time.Sleep(4*time.Second + 1)
				for range 20 {
					if status, err := post(t.Context(), b); status != 200 {
						t.Fatalf("got %d, %v from a backend that is back", status, err)
					}
				}
				want := 3 // that it opens, that it closes, and once in the minute why there was no reply
				if name == "5xx" {
					want = 2 // the reply itself says what is wrong
				}
				if got := strings.Count(log.String(), "level="); got != want {
					t.Errorf("%d lines were logged, want %d:\n%s", got, want, &log)
				}
			})
		})
	}
}

// isOpen fails unless a call ends at once, without reaching the service, and says how long to wait.
func isOpen(t *testing.T, b *backend.Backend, wait time.Duration) {
	t.Helper()
	began := time.Now()
	_, err := post(t.Context(), b)
	if err == nil || err.Reason != hubbub.Unavailable || err.RetryAfter != wait || !strings.Contains(err.Message, "left alone") {
		t.Fatalf("got %+v, want RetryAfter %s", err, wait)
	}
	if took := time.Since(began); took != 0 {
		t.Errorf("it took %s to fail", took)
	}
}

// TestOneProbe has many call while one finds out; they fail at once.
func TestOneProbe(t *testing.T) {
	c := backend.Config{Timeout: time.Second, Breaker: backend.Breaker{Failures: 1}}
	inBubble(t, c, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(0)
		post(t.Context(), b)
		time.Sleep(5*time.Second + 1)
		s.calls.Store(0)
		probed := make(chan struct{})
		go func() { post(t.Context(), b); close(probed) }()
		synctest.Wait()
		for range 10 {
			isOpen(t, b, time.Second)
		}
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d calls reached the backend, want the probe alone", n)
		}
		<-probed
	})
}

// TestProbeWhoseCallerGivesUp says nothing about the backend: the next call is the probe.
func TestProbeWhoseCallerGivesUp(t *testing.T) {
	c := backend.Config{Timeout: time.Second, Breaker: backend.Breaker{Failures: 1}}
	inBubble(t, c, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(0)
		post(t.Context(), b)
		time.Sleep(5*time.Second + 1)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan struct{})
		go func() { post(ctx, b); close(gone) }()
		synctest.Wait()
		cancel()
		<-gone
		s.status.Store(200)
		if status, err := post(t.Context(), b); status != 200 {
			t.Errorf("got %d, %v", status, err)
		}
	})
}

// TestLateAnswersAreNotTheProbe shows that calls which began before it opened neither close it nor open it again.
func TestLateAnswersAreNotTheProbe(t *testing.T) {
	c := backend.Config{Timeout: 20 * time.Second, Breaker: backend.Breaker{Failures: 1, Open: time.Second}}
	inBubble(t, c, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(0)
		late := make(chan struct{})
		go func() { post(t.Context(), b); close(late) }() // fails after 20 s
		synctest.Wait()
		s.status.Store(500)
		post(t.Context(), b) // opens
		s.status.Store(200)
		time.Sleep(time.Second + 1)
		if status, err := post(t.Context(), b); status != 200 {
			t.Fatalf("got %d, %v", status, err)
		}
		<-late
		if status, err := post(t.Context(), b); status != 200 {
			t.Errorf("the failure of a call from before counted: got %d, %v", status, err)
		}
	})
}

// TestWhatDoesNotOpenIt are replies that are no failures, failures that are few among many, and those of long ago.
func TestWhatDoesNotOpenIt(t *testing.T) {
	stays := func(name string, c backend.Breaker, test func(context.Context, *backend.Backend, *service)) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, backend.Config{Breaker: c}, func(t *testing.T, b *backend.Backend, s *service) {
				test(t.Context(), b, s)
				s.status.Store(200)
				if status, err := post(t.Context(), b); status != 200 {
					t.Errorf("it opened: %v", err)
				}
			})
		})
	}
	statuses := func(all ...int32) func(context.Context, *backend.Backend, *service) {
		return func(ctx context.Context, b *backend.Backend, s *service) {
			for range 20 {
				for _, status := range all {
					s.status.Store(status)
					post(ctx, b)
				}
			}
		}
	}
	stays("4xx", backend.Breaker{}, statuses(400, 401, 404, 429))
	stays("redirects", backend.Breaker{}, statuses(302))
	stays("fewer than half", backend.Breaker{}, statuses(200, 500, 200))
	stays("off", backend.Breaker{Failures: -1}, statuses(500))
	stays("long ago", backend.Breaker{Failures: 2}, func(ctx context.Context, b *backend.Backend, s *service) {
		for range 5 {
			s.status.Store(500)
			post(ctx, b)
			time.Sleep(20 * time.Second) // more than window and timeout
		}
	})
	stays("callers who give up", backend.Breaker{Failures: 2}, func(ctx context.Context, b *backend.Backend, s *service) {
		s.status.Store(0)
		for range 5 {
			given, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Millisecond, cancel)
			post(given, b)
		}
	})
}

// TestWindow rolls: failures count that are near to each other, wherever they lie, and those of calls that took longer than it.
func TestWindow(t *testing.T) {
	c := backend.Config{Timeout: 5 * time.Second, Breaker: backend.Breaker{Failures: 4}}
	inBubble(t, c, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(500)
		time.Sleep(13 * time.Second)
		post(t.Context(), b)
		post(t.Context(), b)
		time.Sleep(5 * time.Second)
		post(t.Context(), b)
		post(t.Context(), b)
		isOpen(t, b, 5*time.Second)
	})
	c = backend.Config{Timeout: 5 * time.Second, Breaker: backend.Breaker{Failures: 2, Window: time.Second}}
	inBubble(t, c, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(0)
		ended := make(chan struct{})
		for range 2 {
			go func() { post(t.Context(), b); ended <- struct{}{} }()
		}
		<-ended
		<-ended
		isOpen(t, b, 5*time.Second)
	})
}

// TestTimeouts shows that a call's own timeout only shortens the backend's, and that the context may shorten both.
func TestTimeouts(t *testing.T) {
	inBubble(t, backend.Config{Timeout: 2 * time.Second}, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(0)
		for _, c := range []struct{ call, context, want time.Duration }{
			{0, time.Hour, 2 * time.Second}, {time.Second, time.Hour, time.Second}, {time.Minute, time.Hour, 2 * time.Second},
			{time.Second, time.Millisecond, time.Millisecond},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.context)
			began := time.Now()
			_, err := b.Do(ctx, backend.Call{Method: http.MethodGet, Path: "/", Timeout: c.call})
			unavailable(t, err, "http://products:80", "did not answer in time")
			if took := time.Since(began); took != c.want {
				t.Errorf("%+v: took %s", c, took)
			}
			cancel()
		}
	})
}

// TestFullOfHangingCalls does not make those wait who come when it is known that the backend fails.
func TestFullOfHangingCalls(t *testing.T) {
	c := backend.Config{Timeout: 2 * time.Second, Concurrency: 2, Breaker: backend.Breaker{Failures: 2, Open: time.Minute}}
	inBubble(t, c, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(0)
		ended := make(chan struct{})
		begin := func() { go func() { post(t.Context(), b); ended <- struct{}{} }() }
		begin()
		time.Sleep(time.Second)
		begin()
		synctest.Wait()
		_, err := b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/", Timeout: 100 * time.Millisecond})
		unavailable(t, err, "http://products:80", "busy: 2 calls")
		<-ended
		<-ended
		isOpen(t, b, time.Minute)
	})
}
