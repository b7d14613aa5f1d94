package auth_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

// TestMain fails the run when something goes on fetching keys.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret is good for HS256.
const secret = "0123456789abcdef0123456789abcdef"

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// logs is what a logger wrote; it may be read and written concurrently.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func logger(l *logs) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// start makes an Authenticator that ends with the test. Its log is dropped unless the Config has one.
func start(t *testing.T, c auth.Config) *auth.Authenticator {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// get makes a request for /ws with a query and headers, each a name followed by its value.
func get(query string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	r.URL.RawQuery = query
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// refused returns the answer to a request that must be refused with this status.
func refused(t *testing.T, a *auth.Authenticator, r *http.Request, status int) (auth.Problem, http.Header) {
	t.Helper()
	got, err := a.Authenticate(r)
	if err == nil {
		t.Fatalf("%+v was let in", got)
	}
	w := httptest.NewRecorder()
	auth.WriteProblem(w, r, err)
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	var p auth.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("body %s: %v", w.Body, err)
	}
	return p, w.Header()
}

// accepted returns who a request that must be accepted comes from.
func accepted(t *testing.T, a *auth.Authenticator, r *http.Request) auth.Result {
	t.Helper()
	got, err := a.Authenticate(r)
	if err != nil {
		t.Fatalf("refused: %v (%v)", err, hubbub.AsError(err).Err)
	}
	return got
}

// tokenFor makes a token by Sign.
func tokenFor(t *testing.T, c auth.Config, user string) string {
	t.Helper()
	token, err := auth.Sign(c, hubbub.Identity{User: user}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
