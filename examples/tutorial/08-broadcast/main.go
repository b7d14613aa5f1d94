// Command 08-broadcast is a chat: what one says, all hear.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// chat is one room for everybody.
type chat struct {
	everyone *ws.Group // the conns of the route
}

// message is what the clients get.
type message struct {
	From string `json:"from"`
	Text string `json:"text"`
}

func (ch *chat) join(c *ws.Conn) {
	name := c.Query().Get("name")
	ch.everyone.Broadcast(ws.JSON(message{name, "came in"}), c) // to all but c
	c.OnMessage(func(m ws.Message) {
		ch.everyone.Broadcast(ws.JSON(message{name, m.String()}))
	})
	c.OnClose(func(ws.CloseInfo) {
		ch.everyone.Broadcast(ws.JSON(message{name, "left"}))
	})
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	var ch chat
	router := ws.NewRouter(ws.NewServer(ws.Options{}))
	ch.everyone = router.Handle("/chat", ch.join)

	server := &http.Server{Addr: *addr, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
