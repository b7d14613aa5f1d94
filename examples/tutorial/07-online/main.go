// Command 07-online tells everyone how many are connected, whenever that changes.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	srv := ws.NewServer(ws.Options{})
	var mu sync.Mutex // two visitors may come in the same instant; without it the older count could be told last
	tell := func() {
		mu.Lock()
		defer mu.Unlock()
		srv.Broadcast(ws.JSON(map[string]int{"online": srv.Len()}))
	}

	router := ws.NewRouter(srv)
	router.Handle("/live", func(c *ws.Conn) {
		tell()
		c.OnClose(func(ws.CloseInfo) { tell() })
	})

	mux := http.NewServeMux()
	mux.Handle("/live", router)
	mux.HandleFunc("GET /online", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, srv.Len())
	})

	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
