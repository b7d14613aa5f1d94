// Command 01-polling is a chat without WebSocket: its clients ask again and again whether there is something new.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// chat is every message so far. Handlers of different requests run in parallel, hence the mutex.
type chat struct {
	mu       sync.Mutex
	messages []string
}

func (c *chat) send(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4096))
	if err != nil {
		http.Error(w, "a message has at most 4096 bytes", http.StatusRequestEntityTooLarge)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages = append(c.messages, string(text))
	w.WriteHeader(http.StatusNoContent)
}

// list answers with what came after the first n messages, which the client has already.
func (c *chat) list(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("after"))
	c.mu.Lock()
	defer c.mu.Unlock()
	n = max(0, min(n, len(c.messages)))
	json.NewEncoder(w).Encode(append([]string{}, c.messages[n:]...))
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	var c chat
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages", c.send)
	mux.HandleFunc("GET /messages", c.list)

	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
