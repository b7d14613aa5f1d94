package backend_test

import (
	"net/http"
	"testing"

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
