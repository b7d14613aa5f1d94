package ws_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/hubbub-dev/hubbub/ws"
)

// A server with a route beside an ordinary page, and a client.
func Example() {
	srv := ws.NewServer(ws.Options{})
	defer srv.Shutdown(context.Background())
	router := ws.NewRouter(srv)
	router.Handle("/echo/{name}", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(ws.Text(c.PathValue("name") + " says " + m.String())) })
	})
	mux := http.NewServeMux()
	mux.Handle("/echo/", router)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "a page") })
	server := httptest.NewServer(mux) // in a program an http.Server with Addr, Handler and ReadHeaderTimeout
	defer server.Close()

	c, err := ws.Dial(context.Background(), server.URL+"/echo/ann", ws.DialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	c.Send(ws.Text("hello"))
	for m := range c.Messages(context.Background()) {
		fmt.Println(m)
		c.Close(ws.CodeNormal, "")
	}
	// Output: ann says hello
}

// A chat with rooms: who enters one hears what is said there from then on.
func ExampleGroup_Broadcast() {
	srv := ws.NewServer(ws.Options{})
	defer srv.Shutdown(context.Background())
	router := ws.NewRouter(srv)
	router.Handle("/rooms/{room}", func(c *ws.Conn) {
		room := srv.Group("room:" + c.PathValue("room"))
		if err := room.Add(c); err != nil {
			return // it is gone already
		}
		c.Send(ws.Text(fmt.Sprintf("you are number %d", room.Len())))
		c.OnMessage(func(m ws.Message) { room.Broadcast(m, c) }) // to all but the sender
	})
	server := httptest.NewServer(router)
	defer server.Close()

	enter := func() *ws.Conn {
		c, err := ws.Dial(context.Background(), server.URL+"/rooms/kitchen", ws.DialOptions{})
		if err != nil {
			log.Fatal(err)
		}
		for m := range c.Messages(context.Background()) {
			fmt.Println(m)
			break
		}
		return c
	}
	ann, bob := enter(), enter()
	ann.Send(ws.Text("dinner is ready"))
	for m := range bob.Messages(context.Background()) {
		fmt.Println("bob hears:", m)
		break
	}
	// Output:
	// you are number 1
	// you are number 2
	// bob hears: dinner is ready
}

// Messages that are JSON, in both directions.
func ExampleJSON() {
	type sum struct{ A, B, Result int }
	srv := ws.NewServer(ws.Options{})
	defer srv.Shutdown(context.Background())
	router := ws.NewRouter(srv)
	router.Handle("/add", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) {
			var s sum
			if err := m.Unmarshal(&s); err != nil {
				c.Close(ws.CodeInvalidData, `write {"A": 1, "B": 2}`)
				return
			}
			s.Result = s.A + s.B
			c.Send(ws.JSON(s))
		})
	})
	server := httptest.NewServer(router)
	defer server.Close()

	c, err := ws.Dial(context.Background(), server.URL+"/add", ws.DialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	closed := make(chan struct{})
	c.OnMessage(func(m ws.Message) {
		fmt.Println(m)
		c.Send(ws.Text("three and four"))
	})
	c.OnClose(func(why ws.CloseInfo) {
		fmt.Println(why.Code, why.Reason)
		close(closed)
	})
	c.Send(ws.JSON(sum{A: 1, B: 2}))
	<-closed
	// Output:
	// {"A":1,"B":2,"Result":3}
	// 1007 invalid data write {"A": 1, "B": 2}
}

// Middleware is that of net/http. Whom it refuses gets an HTTP answer and never becomes a conn; what it puts into the
// request's context is in the conn's.
func ExampleRouter_Sub() {
	type userKey struct{}
	requireUser := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			if user != "ann" || password != "secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="chat"`)
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
		})
	}
	srv := ws.NewServer(ws.Options{})
	defer srv.Shutdown(context.Background())
	router := ws.NewRouter(srv)
	members := router.Sub("/members", requireUser)
	members.Handle("/hello", func(c *ws.Conn) {
		c.Send(ws.Text(fmt.Sprint("hello ", c.Context().Value(userKey{}))))
	})
	server := httptest.NewServer(router)
	defer server.Close()

	_, err := ws.Dial(context.Background(), server.URL+"/members/hello", ws.DialOptions{})
	if refused, ok := errors.AsType[*ws.HandshakeError](err); ok {
		fmt.Println(refused.Status, refused.Header.Get("WWW-Authenticate"))
	}
	header := http.Header{"Authorization": {"Basic YW5uOnNlY3JldA=="}}
	c, err := ws.Dial(context.Background(), server.URL+"/members/hello", ws.DialOptions{Header: header})
	if err != nil {
		log.Fatal(err)
	}
	for m := range c.Messages(context.Background()) {
		fmt.Println(m)
		break
	}
	// Output:
	// 401 Basic realm="chat"
	// hello ann
}

// The handshake in a handler of one's own, without a Router.
func ExampleServer_Upgrade() {
	srv := ws.NewServer(ws.Options{Subprotocols: []string{"news.v2", "news.v1"}})
	defer srv.Shutdown(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /news/{topic}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("topic") == "gossip" {
			http.Error(w, "not here", http.StatusForbidden)
			return
		}
		c, err := srv.Upgrade(w, r)
		if err != nil {
			return // the request has been answered
		}
		c.Send(ws.Text("nothing new about " + c.PathValue("topic")))
		c.Close(ws.CodeNormal, "that was all")
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	c, err := ws.Dial(context.Background(), server.URL+"/news/go", ws.DialOptions{Subprotocols: []string{"news.v1"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Subprotocol())
	for m := range c.Messages(context.Background()) {
		fmt.Println(m)
	}
	// Output:
	// news.v1
	// nothing new about go
}

// A loop instead of handlers, here on the server. It ends with the conn.
func ExampleConn_Messages() {
	srv := ws.NewServer(ws.Options{})
	defer srv.Shutdown(context.Background())
	ended := make(chan struct{})
	router := ws.NewRouter(srv)
	router.Handle("/count", func(c *ws.Conn) {
		n := 0
		for m := range c.Messages(c.Context()) {
			n += len(m.Data)
			fmt.Println(n, "bytes so far")
		}
		fmt.Println("left:", context.Cause(c.Context()))
		close(ended)
	})
	server := httptest.NewServer(router)
	defer server.Close()

	c, err := ws.Dial(context.Background(), server.URL+"/count", ws.DialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	c.Send(ws.Text("one"))
	c.Send(ws.Binary([]byte{2, 2}))
	c.Close(ws.CodeNormal, "done")
	<-ended
	// Output:
	// 3 bytes so far
	// 5 bytes so far
	// left: ws: conn closed with 1000 normal: done
}
