package backend_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway/backend"
)

// answer is what a small service says.
func answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"id":7,"name":"Teapot","price":1250,"stock":3,"tags":["kitchen","tea"]}`)
}

var question = []byte(`{"id":7,"with":["price","stock"]}`)

// BenchmarkDo is a call with a signed identity and a body. Compare it with BenchmarkHTTPClient, which does the same without.
func BenchmarkDo(b *testing.B) {
	s := serve(b, answer)
	to := open(b, backend.Config{URL: s.URL, Secret: "0123456789abcdef0123456789abcdef"})
	b.ReportAllocs()
	for b.Loop() {
		_, err := to.Do(context.Background(), backend.Call{Method: http.MethodPost, Path: "/items?x=1", Body: question, Identity: ann, Session: "s1"})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHTTPClient is what somebody would write who has nothing but net/http.
func BenchmarkHTTPClient(b *testing.B) {
	s := serve(b, answer)
	client := &http.Client{Transport: &http.Transport{}}
	b.Cleanup(client.CloseIdleConnections)
	b.ReportAllocs()
	for b.Loop() {
		request, err := http.NewRequest(http.MethodPost, s.URL+"/items?x=1", bytes.NewReader(question))
		if err != nil {
			b.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAll(response.Body); err != nil {
			b.Fatal(err)
		}
		response.Body.Close()
	}
}
