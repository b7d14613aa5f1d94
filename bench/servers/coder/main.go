// Broadcast and echo with coder/websocket, after its chat example: a set of subscribers behind a mutex, each with a channel of
// messages that its goroutine writes, with a timeout per write.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	writeWait = 5 * time.Second
	queue     = 256 // messages that wait for one subscriber; one that is further behind is closed
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9001", "`host:port` to listen on")
	flag.Parse()
	e := &everyone{subscribers: map[*subscriber]struct{}{}}
	http.HandleFunc("/broadcast", e.serve)
	http.HandleFunc("/echo", echo)
	log.Fatal(http.ListenAndServe(*addr, nil))
}

func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, data, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := write(r.Context(), conn, message{kind, data}); err != nil {
			return
		}
	}
}

type message struct {
	kind websocket.MessageType
	data []byte
}

func write(ctx context.Context, conn *websocket.Conn, m message) error {
	ctx, cancel := context.WithTimeout(ctx, writeWait)
	defer cancel()
	return conn.Write(ctx, m.kind, m.data)
}

type subscriber struct {
	messages chan message
	tooSlow  func()
}

type everyone struct {
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
}

func (e *everyone) add(s *subscriber) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subscribers[s] = struct{}{}
}

func (e *everyone) remove(s *subscriber) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.subscribers, s)
}

func (e *everyone) publish(m message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.subscribers {
		select {
		case s.messages <- m:
		default:
			go s.tooSlow()
		}
	}
}

func (e *everyone) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	s := &subscriber{messages: make(chan message, queue), tooSlow: func() {
		conn.Close(websocket.StatusPolicyViolation, "too slow to keep up with messages")
	}}
	e.add(s)
	defer e.remove(s)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go e.read(ctx, cancel, conn)
	for {
		select {
		case m := <-s.messages:
			if err := write(ctx, conn, m); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (e *everyone) read(ctx context.Context, cancel context.CancelFunc, conn *websocket.Conn) {
	defer cancel()
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		e.publish(message{kind, data})
	}
}
