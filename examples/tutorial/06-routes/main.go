// Command 06-routes has several WebSocket routes, and some that share a prefix and a middleware.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

func echo(c *ws.Conn) {
	c.OnMessage(func(m ws.Message) { c.Send(m) })
}

func shout(c *ws.Conn) {
	c.OnMessage(func(m ws.Message) { c.Send(ws.Message{Data: bytes.ToUpper(m.Data)}) })
}

// enter greets with what the address says: ws://localhost:8080/rooms/kitchen?name=ann
func enter(c *ws.Conn) {
	c.Send(ws.Text(fmt.Sprintf("welcome to the %s, %s", c.PathValue("room"), c.Query().Get("name"))))
}

// needName is an ordinary HTTP middleware. Whom it refuses gets an HTTP answer and never becomes a conn.
func needName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("name") == "" {
			http.Error(w, "say who you are: add ?name=… to the address", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	router := ws.NewRouter(ws.NewServer(ws.Options{}))
	router.Handle("/echo", echo)
	router.Handle("/shout", shout)
	rooms := router.Sub("/rooms", needName)
	rooms.Handle("/{room}", enter)
	rooms.Handle("/{room}/shout", shout)

	server := &http.Server{Addr: *addr, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
