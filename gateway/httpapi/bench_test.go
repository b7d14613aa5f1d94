package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// BenchmarkSendToRoom is what a message of a backend costs without the HTTP server.
func BenchmarkSendToRoom(b *testing.B) {
	secret, key, err := httpapi.NewKey("bench", httpapi.Publish)
	if err != nil {
		b.Fatal(err)
	}
	hub, err := hubbub.New(b.Context(), hubbub.Options{Driver: memory.New(memory.Options{})})
	if err != nil {
		b.Fatal(err)
	}
	defer hub.Close(b.Context())
	api, err := httpapi.New(httpapi.Options{Hub: hub, Keys: []httpapi.Key{key}, Rate: hubbub.Rate{PerSecond: -1}})
	if err != nil {
		b.Fatal(err)
	}
	body := `{"data": {"text": "` + strings.Repeat("x", 100) + `"}}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, httpapi.Prefix+"/rooms/lobby/messages", strings.NewReader(body))
		r.Header["Authorization"] = []string{"Bearer " + secret}
		r.Header["Content-Type"] = []string{"application/json"}
		w := discarding{header: http.Header{}}
		api.ServeHTTP(&w, r)
		if w.status > http.StatusOK || w.length == 0 {
			b.Fatal(w.status)
		}
	}
}

// discarding is a response that nobody reads.
type discarding struct {
	header http.Header
	status int
	length int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) Write(p []byte) (int, error) { d.length += len(p); return len(p), nil }
func (d *discarding) WriteHeader(status int)      { d.status = status }
