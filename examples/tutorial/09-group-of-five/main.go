// Command 09-group-of-five has tables that seat five: whoever comes sixth is told that the table is full.
package main

import (
	"flag"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

const seats = 5

// tables are the groups "table:NAME" of a server.
type tables struct {
	srv *ws.Server
	mu  sync.Mutex // held from looking for a seat to taking it: two may reach for the last one at once
}

// take gives c a seat, or says that there is none.
func (ts *tables) take(name string, c *ws.Conn) (*ws.Group, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	table := ts.srv.Group("table:" + name)
	if table.Len() >= seats || table.Add(c) != nil {
		return nil, false
	}
	return table, true
}

func (ts *tables) sit(c *ws.Conn) {
	table, ok := ts.take(c.PathValue("table"), c)
	if !ok {
		c.Close(ws.CodeTryLater, "this table is full")
		return
	}
	c.OnMessage(func(m ws.Message) { table.Broadcast(m) })
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	srv := ws.NewServer(ws.Options{})
	ts := &tables{srv: srv}
	router := ws.NewRouter(srv)
	router.Handle("/tables/{table}", ts.sit)

	server := &http.Server{Addr: *addr, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
