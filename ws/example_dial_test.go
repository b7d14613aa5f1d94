package ws_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// echoServer is what the examples talk to. It wants a token, and echoes.
func echoServer() (url string, stop func()) {
	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("token") == "" {
			http.Error(w, "a token is missing", http.StatusUnauthorized)
			return
		}
		router.ServeHTTP(w, r)
	}))
	return hs.URL + "/echo", func() {
		srv.Shutdown(context.Background())
		hs.Close()
	}
}

func ExampleDial() {
	url, stop := echoServer()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	c, err := ws.Dial(ctx, url+"?token=t1", ws.DialOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	closed := make(chan struct{})
	c.OnMessage(func(m ws.Message) {
		fmt.Println("received", m)
		c.Close(ws.CodeNormal, "thank you")
	})
	c.OnClose(func(why ws.CloseInfo) {
		fmt.Println(why.Code, why.Reason)
		close(closed)
	})
	if err := c.Send(ws.Text("hello")); err != nil {
		fmt.Println(err)
	}
	<-closed
	// Output:
	// received hello
	// 1000 normal thank you
}

func ExampleDial_refused() {
	url, stop := echoServer()
	defer stop()
	_, err := ws.Dial(context.Background(), url, ws.DialOptions{})
	if refused, ok := errors.AsType[*ws.HandshakeError](err); ok {
		fmt.Printf("%d: %s", refused.Status, refused.Body)
	}
	// Output: 401: a token is missing
}

// A program that listens until it is told to end. Its token is asked for anew each time, since it may have expired.
func ExampleReconnecting() {
	url, stop := echoServer()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	tokens := 0
	r := ws.Reconnecting{
		Target: func(context.Context) (string, ws.DialOptions, error) {
			tokens++
			return fmt.Sprintf("%s?token=t%d", url, tokens), ws.DialOptions{}, nil
		},
		OnConnect: func(c *ws.Conn) {
			c.OnMessage(func(m ws.Message) { c.Close(ws.CodeRestart, "once more retry=5-10") })
			c.Send(ws.Text("hello"))
		},
		OnEvent: func(e ws.ReconnectEvent) {
			fmt.Println(e.State)
			if e.State == ws.ReconnectWaiting && tokens == 2 {
				cancel()
			}
		},
	}
	fmt.Println(r.Run(ctx))
	// Output:
	// dialing
	// open
	// waiting
	// dialing
	// open
	// waiting
	// stopped
	// context canceled
}
