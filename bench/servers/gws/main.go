// Broadcast and echo with gws: its upgrader in net/http with ReadLoop on a goroutine of its own, as its best practice shows,
// and its Broadcaster. ParallelEnabled stays off, as it is by default: with it, messages would lose their order.
package main

import (
	"flag"
	"log"
	"net/http"
	"sync"

	"github.com/lxzan/gws"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9001", "`host:port` to listen on")
	flag.Parse()
	http.HandleFunc("/broadcast", upgrade(&everyone{conns: map[*gws.Conn]struct{}{}}))
	http.HandleFunc("/echo", upgrade(&echo{}))
	log.Fatal(http.ListenAndServe(*addr, nil))
}

func upgrade(events gws.Event) http.HandlerFunc {
	upgrader := gws.NewUpgrader(events, &gws.ServerOption{})
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		go conn.ReadLoop() // so that the request can be collected
	}
}

type echo struct{ gws.BuiltinEventHandler }

func (*echo) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (*echo) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	c.WriteMessage(m.Opcode, m.Bytes())
}

type everyone struct {
	gws.BuiltinEventHandler
	mu    sync.RWMutex
	conns map[*gws.Conn]struct{}
}

func (e *everyone) OnOpen(c *gws.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns[c] = struct{}{}
}

func (e *everyone) OnClose(c *gws.Conn, _ error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, c)
}

func (*everyone) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (e *everyone) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	e.mu.RLock()
	defer e.mu.RUnlock()
	for c := range e.conns {
		b.Broadcast(c)
	}
}
