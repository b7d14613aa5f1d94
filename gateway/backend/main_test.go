package backend_test

import (
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

// TestMain fails the run when a conn is left open.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server that ends with the test.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// open makes a Backend that ends with the test, named products unless the Config says otherwise.
func open(t testing.TB, c backend.Config) *backend.Backend {
	t.Helper()
	if c.Name == "" {
		c.Name = "products"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	b, err := backend.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// echo answers with what it was sent.
func echo(w http.ResponseWriter, r *http.Request) {
	for name, values := range r.Header {
		w.Header()["X-"+name] = values
	}
	w.Header().Set("X-Line", r.Method+" "+r.RequestURI+" "+r.Host)
	io.Copy(w, r.Body)
}

// get does a GET that must have a reply.
func get(t testing.TB, b *backend.Backend, path string) backend.Reply {
	t.Helper()
	reply, err := b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// discard is a log that nobody reads.
var discard = log.New(io.Discard, "", 0)

var ann = &hubbub.Identity{User: "ann", Device: "d1", Platform: "web", Info: []byte(`{"name":"Ann"}`), Attrs: map[string]string{"plan": "pro"}}
