package bff_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// TestMain fails the run when a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ann = hubbub.Identity{User: "ann", Device: "d1", Platform: "web", Info: json.RawMessage(`{"name":"Ann"}`),
	Attrs: map[string]string{"plan": "pro"}}

// serve starts a backend that ends with the test.
func serve(t testing.TB, name string, h http.HandlerFunc) map[string]*backend.Backend {
	t.Helper()
	return serveAs(t, backend.Config{Name: name, Retries: -1}, h)
}

func serveAs(t testing.TB, c backend.Config, h http.HandlerFunc) map[string]*backend.Backend {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c.URL, c.Logger = s.URL, slog.New(slog.DiscardHandler)
	b, err := backend.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return map[string]*backend.Backend{c.Name: b}
}

// open makes a BFF that ends with the test, before its backends.
func open(t testing.TB, o bff.Options) *bff.BFF {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b, err := bff.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// one makes a BFF of one route.
func one(t testing.TB, r bff.Route, backends map[string]*backend.Backend) *bff.BFF {
	t.Helper()
	return open(t, bff.Options{Routes: []bff.Route{r}, Backends: backends})
}

// door calls a route over HTTP as somebody, nil for nobody.
func door(ctx context.Context, b *bff.BFF, who *hubbub.Identity, method, target, body string, header ...string) *httptest.ResponseRecorder {
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(ctx, method, target, from)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.Handler(func(*http.Request) (*hubbub.Identity, error) { return who, nil }).ServeHTTP(w, r)
	return w
}

// get calls a route by GET as ann, and returns its reply.
func get(t testing.TB, b *bff.BFF, target string) string {
	t.Helper()
	w := door(t.Context(), b, &ann, http.MethodGet, target, "")
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	return w.Body.String()
}

// refusedBy returns the status and the reason of an error, and its detail.
func refusedBy(t testing.TB, w *httptest.ResponseRecorder) (kind, detail string) {
	t.Helper()
	var problem struct{ Reason, Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("no problem: %d %v %s", w.Code, w.Header(), w.Body)
	}
	return fmt.Sprint(w.Code, " ", problem.Reason), problem.Detail
}

// parts are the parts of a reply.
type parts map[string]struct {
	Status int
	Data   json.RawMessage
	Error  *struct {
		Reason     string
		Message    string
		RetryAfter int64 `json:"retry_after_ms"`
	}
}

func partsOf(t testing.TB, reply string) parts {
	t.Helper()
	var all parts
	if err := json.Unmarshal([]byte(reply), &all); err != nil {
		t.Fatalf("%v: %s", err, reply)
	}
	return all
}

// answer writes JSON.
func answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) }
}

// hang answers nothing until the caller leaves.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// journal notes requests.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

// note answers {"n": how many requests there were} and notes each.
func (j *journal) note(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	j.add(strings.TrimSpace(r.Method + " " + r.RequestURI + " " + r.Header.Get("Hubbub-User") + " " + string(body)))
	fmt.Fprintf(w, `{"n":%d}`, len(j.all()))
}

// quiet is a conn that tells nobody.
type quiet struct{}

func (*quiet) Send(hubbub.Event)                                 {}
func (*quiet) Close(hubbub.EndReason, hubbub.Retry)              {}
func (quiet) Audience(string, hubbub.SlowPolicy) hubbub.Audience { return quiet{} }
func (quiet) Add(hubbub.Conn)                                    {}
func (quiet) Remove(hubbub.Conn)                                 {}
func (quiet) Deliver(hubbub.Event, []hubbub.Conn)                {}

// session opens a session of ann that ends with the test.
func session(t testing.TB) *hubbub.Session {
	t.Helper()
	hub, err := hubbub.New(t.Context(), hubbub.Options{Driver: memory.New(memory.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := hub.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	s, err := hub.Open(t.Context(), hubbub.Arrival{Identity: ann, Conn: &quiet{}, Transport: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Closed)
	return s
}

// compact removes spaces from JSON.
func compact(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return text
	}
	return b.String()
}
