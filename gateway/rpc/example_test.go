package rpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/ws"
)

// A program of your own that speaks hubbub.v1, with one method more. How people sign in is up to it: here nobody has to
// prove anything.
func Example() {
	ctx := context.Background()
	hub, err := hubbub.New(ctx, hubbub.Options{Driver: memory.New(memory.Options{})})
	if err != nil {
		log.Fatal(err)
	}
	sockets := ws.NewServer(ws.Options{Group: rpc.GroupOptions, Subprotocols: []string{rpc.Subprotocol}})
	server := rpc.New(rpc.Options{Hub: hub, Sockets: sockets})
	server.Register("bff.greet", func(_ context.Context, s *hubbub.Session, _ json.RawMessage) (any, error) {
		return "hello " + s.Identity().User, nil
	})
	router := ws.NewRouter(sockets)
	router.Handle("/ws", func(c *ws.Conn) { server.Serve(c, hubbub.Identity{User: c.Query().Get("user")}) })
	site := httptest.NewServer(router)

	answers := make(chan string)
	conn, err := ws.Dial(ctx, "ws"+strings.TrimPrefix(site.URL, "http")+"/ws?user=ann", ws.DialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	conn.OnMessage(func(m ws.Message) {
		if !strings.Contains(string(m.Data), `"welcome"`) {
			answers <- string(m.Data)
		}
	})
	if err := conn.Send(ws.Text(`{"id": 1, "method": "bff.greet"}`)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-answers)

	// Everything ends in this order.
	for _, end := range []func(context.Context) error{sockets.Shutdown, hub.Close, server.Close} {
		if err := end(ctx); err != nil {
			log.Fatal(err)
		}
	}
	site.Close()
	// Output: {"jsonrpc":"2.0","id":1,"result":"hello ann"}
}
