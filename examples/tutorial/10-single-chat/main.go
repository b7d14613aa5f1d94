// Command 10-single-chat carries messages from one person to one other.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// letter is what clients send with To, and get with From.
type letter struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	Text string `json:"text"`
}

// talk puts each conn of a person into that person's group, so that all open tabs get what is meant for them.
func talk(srv *ws.Server, c *ws.Conn) {
	me := c.Query().Get("name")
	if err := srv.Group("user:" + me).Add(c); err != nil {
		return // closed already
	}
	c.OnMessage(func(m ws.Message) {
		var in letter
		if err := m.Unmarshal(&in); err != nil {
			c.Send(ws.JSON(letter{From: "server", Text: `write {"to": "…", "text": "…"}`}))
			return
		}
		peer := srv.Group("user:" + in.To)
		if peer.Len() == 0 {
			c.Send(ws.JSON(letter{From: "server", Text: in.To + " is not here"}))
			return
		}
		peer.Broadcast(ws.JSON(letter{From: me, Text: in.Text}))
	})
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	router.Handle("/single", func(c *ws.Conn) { talk(srv, c) })

	server := &http.Server{Addr: *addr, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
