// Command 03-server sends every message back to whom it came from.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	router.Handle("/echo", func(c *ws.Conn) {
		log.Println("came", c.RemoteAddr())
		c.OnMessage(func(m ws.Message) { c.Send(m) })
		c.OnClose(func(why ws.CloseInfo) { log.Println("left", c.RemoteAddr(), why.Code, why.Err) })
	})

	server := &http.Server{Addr: *addr, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
