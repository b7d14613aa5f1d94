package backend_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	pathpkg "path"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

func TestCall(t *testing.T) {
	s := serve(t, echo)
	b := open(t, backend.Config{URL: s.URL + "/v1/", Headers: map[string]string{"authorization": "Bearer x"}})
	reply, err := b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/items/a%2Fb?q=%C3%A9&r=1", Body: []byte(`{"a":1}`),
		Header: http.Header{"X-Other": {"1", "2"}}})
	if err != nil {
		t.Fatal(err)
	}
	if reply.Status != 200 || string(reply.Body) != `{"a":1}` {
		t.Errorf("got %d %s", reply.Status, reply.Body)
	}
	want := map[string]string{"X-Line": "POST /v1/items/a%2Fb?q=%C3%A9&r=1 " + s.Listener.Addr().String(), "X-Authorization": "Bearer x",
		"X-Content-Type": "application/json", "X-X-Other": "1", "X-User-Agent": "hubbub", "X-Accept-Encoding": "identity"}
	for name, value := range want {
		if got := reply.Header.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
}

func TestCallsThatCannotBeSent(t *testing.T) {
	b := open(t, backend.Config{URL: "http://127.0.0.1:1"})
	long := "/" + strings.Repeat("x", 8<<10)
	for _, call := range []backend.Call{
		{Method: "GET", Path: ""}, {Method: "GET", Path: "x"}, {Method: "GET", Path: "//evil.example/x"}, {Method: "GET", Path: "?x"},
		{Method: "GET", Path: "http://evil.example/"}, {Method: "GET", Path: "/a b"}, {Method: "GET", Path: "/a\r\nX: y"}, {Method: "GET", Path: "/é"},
		{Method: "GET", Path: "/a#b"}, {Method: "GET", Path: `/a\..\b`}, {Method: "GET", Path: "/a/.."}, {Method: "GET", Path: "/a/../b"},
		{Method: "GET", Path: "/./b"}, {Method: "GET", Path: "/%2e%2E/b"}, {Method: "GET", Path: "/.%2e?x"}, {Method: "GET", Path: "/a/..%2f..%2Fadmin"},
		{Method: "GET", Path: "/x%2f..%5cadmin"}, {Method: "GET", Path: "/..;a=b/x"}, {Method: "GET", Path: long},
		{Method: "", Path: "/"}, {Method: "GET /x", Path: "/"}, {Method: "CONNECT", Path: "/"},
		{Method: "GET", Path: "/", Header: http.Header{"A b": {"x"}}}, {Method: "GET", Path: "/", Header: http.Header{"A": {"x\r\nB: y"}}},
	} {
		_, err := b.Do(t.Context(), call)
		if reason := hubbub.AsError(err).Reason; reason != hubbub.Invalid && (call.Path != long || reason != hubbub.TooLarge) {
			t.Errorf("%q %q %q: got %v, want invalid", call.Method, call.Path, call.Header, err)
		}
	}
}

func TestConfigsThatAreRefused(t *testing.T) {
	for _, c := range []backend.Config{
		{}, {Name: "a"}, {URL: "http://x"}, {Name: "a b", URL: "http://x"}, {Name: "a", URL: "x"}, {Name: "a", URL: "ftp://x"},
		{Name: "a", URL: "http:///x"}, {Name: "a", URL: "http://ann:hunter2@x"}, {Name: "a", URL: "http://x/?hunter2=1"},
		{Name: "a", URL: "http://x/#hunter2"}, {Name: "a", URL: "http://x/%zzhunter2"}, {Name: "a", URL: "http://x/a/../b"},
		{Name: "a", URL: "http://x", Timeout: -1}, {Name: "a", URL: "http://x", MaxResponse: -1}, {Name: "a", URL: "http://x", Concurrency: -1},
		{Name: "a", URL: "http://x", Breaker: backend.Breaker{Open: -1}}, {Name: "a", URL: "http://x", Secret: "hunter2"},
		{Name: "a", URL: "http://x", Headers: map[string]string{"A b": "hunter2"}}, {Name: "a", URL: "http://x", Headers: map[string]string{"A": "hunter2\n"}},
		{Name: "a", URL: "http://x", Headers: map[string]string{"hubbub-user": "hunter2"}}, {Name: "a", URL: "http://x", Headers: map[string]string{"host": "hunter2"}},
	} {
		_, err := backend.New(c)
		if err == nil {
			t.Errorf("%+v is accepted", c)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v tells a secret", err)
		}
	}
}

func TestObserve(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[string]int{"/ok": 200, "/no": 404, "/to": 302}[r.URL.Path])
	})
	var told []string
	b := open(t, backend.Config{URL: s.URL, Observe: func(name string, status int, err error, took time.Duration) {
		told = append(told, fmt.Sprintf("%s %d %t %t", name, status, err != nil, took > 0))
	}})
	for _, path := range []string{"/ok", "/no", "/to", "bad"} {
		b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: path})
	}
	if got, want := fmt.Sprint(told), "[products 200 false true products 404 false true products 0 true true products 0 true true]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzPath shows that a path which is accepted reaches the backend below the path of its URL, on its host, and unchanged.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/", "/a", "/a/b?c=d", "/%2e%2e", "/..", "/a/%2E.", "//x", "/a%2fb", "/a?../..", "/;/..;/x", "/?", "/%", "/a:b@c", "/*", "/a?b?c"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if backend.CheckPath(path) != nil {
			return
		}
		r := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "inside", Opaque: "/v1" + path}}
		var wire bytes.Buffer
		err := r.Write(&wire)
		if err != nil {
			t.Fatalf("%q is accepted and cannot be sent: %v", path, err)
		}
		if want := "GET /v1" + path + " HTTP/1.1\r\nHost: inside\r\n"; !strings.HasPrefix(wire.String(), want) {
			t.Fatalf("%q is sent as %q", path, &wire)
		}
		got, err := http.ReadRequest(bufio.NewReader(&wire))
		if err != nil {
			return // not every server takes it
		}
		if clean := pathpkg.Clean(got.URL.Path); clean != "/v1" && !strings.HasPrefix(clean, "/v1/") {
			t.Errorf("%q leads to %q", path, clean)
		}
	})
}
