package hook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/hook"
)

// TestMain fails the run when a goroutine is left behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// decider is a backend that answers as a test says and remembers what it was asked.
type decider struct {
	answer http.HandlerFunc
	logged logs

	mu     sync.Mutex
	asked  []map[string]any
	header http.Header
}

// ServeHTTP answers.
func (d *decider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q map[string]any
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || json.Unmarshal(body, &q) != nil {
		http.Error(w, "not a question", http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	d.asked, d.header = append(d.asked, q), r.Header
	d.mu.Unlock()
	d.answer(w, r)
}

// last returns what was asked last, as JSON with its fields in order, and how often it was asked.
func (d *decider) last() (string, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.asked) == 0 {
		return "", 0
	}
	text, _ := json.Marshal(d.asked[len(d.asked)-1])
	return string(text), len(d.asked)
}

// says answers with a body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

// hooks makes Hooks whose rules ask d, which is the backend shop at /decide unless a rule says otherwise.
func (d *decider) hooks(t *testing.T, rules ...hook.Rule) *hook.Hooks {
	t.Helper()
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return d.at(t, s.URL, rules...)
}

func (d *decider) at(t *testing.T, url string, rules ...hook.Rule) *hook.Hooks {
	t.Helper()
	b, err := backend.New(backend.Config{Name: "shop", URL: url, Secret: "0123456789abcdef0123456789abcdef",
		Logger: slog.New(slog.DiscardHandler), Breaker: backend.Breaker{Failures: -1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	for i := range rules {
		rules[i].Backend, rules[i].Path = "shop", "/decide"
	}
	h, err := hook.New(hook.Options{Rules: rules, Backends: map[string]*backend.Backend{"shop": b}, Logger: slog.New(slog.NewTextHandler(&d.logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// logs is what a logger wrote.
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

// line is a conn that nobody reads, and its own transport.
type line struct{}

func (line) Send(hubbub.Event)                                  {}
func (line) Close(hubbub.EndReason, hubbub.Retry)               {}
func (line) Audience(string, hubbub.SlowPolicy) hubbub.Audience { return line{} }
func (line) Add(hubbub.Conn)                                    {}
func (line) Remove(hubbub.Conn)                                 {}
func (line) Deliver(hubbub.Event, []hubbub.Conn)                {}

// session opens a session of an identity on a hub that asks hooks.
func session(t *testing.T, h *hook.Hooks, id hubbub.Identity) *hubbub.Session {
	t.Helper()
	hub, err := hubbub.New(t.Context(), hubbub.Options{Driver: memory.New(memory.Options{}), MayJoin: h.MayJoin(), MaySend: h.MaySend()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := hub.Open(t.Context(), hubbub.Arrival{Identity: id, Conn: line{}, Transport: line{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Closed()
		if err := hub.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func join(s *hubbub.Session, room string) error {
	return s.Join(context.Background(), room, hubbub.JoinOptions{}, func(hubbub.JoinResult) {})
}

// want fails unless err is of this reason, with this message if one is given.
func want(t *testing.T, err error, reason hubbub.Reason, message string) {
	t.Helper()
	e := hubbub.AsError(err)
	if e == nil || e.Reason != reason || message != "" && e.Message != message {
		t.Errorf("got %#v, want %s %q", e, reason, message)
	}
}

var ann = hubbub.Identity{User: "ann", Device: "d1", Platform: "web", Info: json.RawMessage(`{"name":"Ann"}`), Attrs: map[string]string{"plan": "pro"},
	Expires: time.UnixMilli(4102444800000), Issued: time.UnixMilli(1772366400000)}
