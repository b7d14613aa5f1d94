package backend_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/backend"
)

func TestRetries(t *testing.T) {
	cases := map[string]struct {
		method  string
		status  int32
		retries int
		calls   int32
	}{
		"503 of GET":   {http.MethodGet, 503, 0, 2},
		"502 of HEAD":  {http.MethodHead, 502, 3, 4},
		"504 of GET":   {http.MethodGet, 504, 1, 2},
		"500 of GET":   {http.MethodGet, 500, 3, 1},
		"404 of GET":   {http.MethodGet, 404, 3, 1},
		"never":        {http.MethodGet, 503, -1, 1},
		"503 of POST":  {http.MethodPost, 503, 3, 1},
		"503 of PUT":   {http.MethodPut, 503, 3, 1},
		"302 of GET":   {http.MethodGet, 302, 3, 1},
		"200 of GET":   {http.MethodGet, 200, 3, 1},
		"to the limit": {http.MethodGet, 503, 1000, 9}, // the pauses grow to 1.6 s and must end within 5 s
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, backend.Config{Retries: c.retries, Breaker: backend.Breaker{Failures: -1}}, func(t *testing.T, b *backend.Backend, s *service) {
				s.status.Store(c.status)
				began := time.Now()
				reply, err := b.Do(t.Context(), backend.Call{Method: c.method, Path: "/"})
				if c.status != 302 && (err != nil || reply.Status != int(c.status)) {
					t.Errorf("got %d, %v", reply.Status, err)
				}
				got := s.calls.Load()
				if name == "to the limit" {
					c.calls = min(max(got, 6), 10) // as chance has it
				}
				if got != c.calls {
					t.Errorf("called %d times, want %d", got, c.calls)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestRetryOfAConn shows that GET is repeated when nobody listens for a moment, and POST is not.
func TestRetryOfAConn(t *testing.T) {
	for method, want := range map[string]int{http.MethodGet: 200, http.MethodPost: 0} {
		inBubble(t, backend.Config{}, func(t *testing.T, b *backend.Backend, s *service) {
			s.refuses.Store(true)
			time.AfterFunc(time.Millisecond, func() { s.refuses.Store(false) })
			if reply, err := b.Do(t.Context(), backend.Call{Method: method, Path: "/"}); reply.Status != want {
				t.Errorf("%s: got %d, %v", method, reply.Status, err)
			}
		})
	}
}

// TestRetryAndBreaker keeps the backend's own answer when the breaker opens before the second try.
func TestRetryAndBreaker(t *testing.T) {
	inBubble(t, backend.Config{Breaker: backend.Breaker{Failures: 1}}, func(t *testing.T, b *backend.Backend, s *service) {
		s.status.Store(503)
		reply, err := b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/"})
		if err != nil || reply.Status != 503 || s.calls.Load() != 1 {
			t.Errorf("got %d, %v after %d calls", reply.Status, err, s.calls.Load())
		}
	})
}

// TestTurns shows that no more than Concurrency are under way, and that others wait for theirs.
func TestTurns(t *testing.T) {
	inBubble(t, backend.Config{Concurrency: 3, Timeout: 10 * time.Second, Breaker: backend.Breaker{Failures: -1}},
		func(t *testing.T, b *backend.Backend, s *service) {
			s.status.Store(0)
			ended := make(chan struct{})
			for range 10 {
				go func() { post(t.Context(), b); ended <- struct{}{} }()
			}
			synctest.Wait()
			if n := s.calls.Load(); n != 3 {
				t.Errorf("%d calls are under way, want 3", n)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := b.Do(ctx, backend.Call{Method: http.MethodGet, Path: "/"})
			unavailable(t, err, "http://products:80", "busy: 3 calls")
			if took := time.Since(began); took != time.Second {
				t.Errorf("waited %s, want 1 s", took)
			}
			for range 10 {
				<-ended
			}
			s.status.Store(200)
			if status, err := post(t.Context(), b); status != 200 {
				t.Errorf("a turn was not given back: %v", err)
			}
		})
}
