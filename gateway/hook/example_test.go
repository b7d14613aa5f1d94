package hook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/hook"
)

// A backend says who connects by a cookie that it knows, and lets nobody shout.
func Example() {
	shop := http.NewServeMux()
	shop.HandleFunc("POST /hooks/connect", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Headers http.Header }
		if json.NewDecoder(r.Body).Decode(&asked) != nil || asked.Headers.Get("Cookie") != "session=42" {
			fmt.Fprint(w, `{"allow": false, "reason": "unauthorized", "message": "sign in at the shop first"}`)
			return
		}
		fmt.Fprint(w, `{"allow": true, "user": "ann", "info": {"name": "Ann"}, "rooms": {"join": ["shop-*"]}}`)
	})
	shop.HandleFunc("POST /hooks/send", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Data string }
		if json.NewDecoder(r.Body).Decode(&asked) == nil && asked.Data == "HELLO" {
			fmt.Fprint(w, `{"allow": true, "data": "hello"}`)
			return
		}
		fmt.Fprint(w, `{"allow": true}`)
	})
	server := httptest.NewServer(shop)
	defer server.Close()

	to, err := backend.New(backend.Config{Name: "shop", URL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	defer to.Close()
	hooks, err := hook.New(hook.Options{Rules: []hook.Rule{
		{On: hook.OnConnect, Backend: "shop", Path: "/hooks/connect", Headers: []string{"Cookie"}},
		{On: hook.OnRoomSend, Rooms: []string{"shop-*"}, Backend: "shop", Path: "/hooks/send", OnFailure: hook.Allow},
	}, Backends: map[string]*backend.Backend{"shop": to}})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	_, err = hooks.Connect(ctx, hook.Connection{Header: http.Header{}, Query: url.Values{}, Path: "/ws"})
	fmt.Println(hubbub.AsError(err).Reason, err)
	ann, err := hooks.Connect(ctx, hook.Connection{Header: http.Header{"Cookie": {"session=42"}}, Query: url.Values{}, Path: "/ws"})
	fmt.Println(ann.User, string(ann.Info), err)

	maySend := hooks.MaySend() // for hubbub.Options.MaySend
	data, err := maySend(ctx, hubbub.Sending{From: ann, Room: "shop-1", Data: []byte(`"HELLO"`)})
	fmt.Println(string(data), err)
	// Output:
	// unauthorized sign in at the shop first
	// ann {"name": "Ann"} <nil>
	// "hello" <nil>
}
