// Command 04-browser serves a page that talks to the echo route.
package main

import (
	"embed"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

//go:embed index.html
var pages embed.FS

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})

	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(pages))
	mux.Handle("/echo", router)

	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Println("open http://" + *addr)
	log.Fatal(server.ListenAndServe())
}
