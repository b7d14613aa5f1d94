package wstest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

// greet is the code under test.
func greet(c *ws.Conn) {
	c.OnMessage(func(m ws.Message) { c.Send(ws.Text("hello " + m.String())) })
}

// A test of a handler, in a bubble whose time is its own.
func ExamplePair() {
	_ = func(t *testing.T) { // func TestGreet(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, client := wstest.Pair(t, wstest.Options{})
			greet(server)
			var got string
			client.OnMessage(func(m ws.Message) { got = m.String() })
			client.Send(ws.Text("ann"))
			synctest.Wait()
			if got != "hello ann" {
				t.Errorf("got %q", got)
			}

			time.Sleep(time.Hour) // of pings and pongs, and over at once
			if client.State() != ws.Open {
				t.Error("conn did not last")
			}
		})
	}
}

// A test of everything between the HTTP request and the handler.
func ExampleNewServer() {
	_ = func(t *testing.T) { // func TestGreetRoute(t *testing.T) {
		srv := ws.NewServer(ws.Options{})
		router := ws.NewRouter(srv)
		router.Handle("/greet", greet)
		mux := http.NewServeMux()
		mux.Handle("/", router)

		s := wstest.NewServer(t, mux)
		c := s.Dial(t, "/greet", ws.DialOptions{})
		c.Send(ws.Text("ann"))
		for m := range c.Messages(t.Context()) {
			if m.String() != "hello ann" {
				t.Errorf("got %q", m)
			}
			break
		}
	}
}
