// Command from-node is the chat of server.js: an echo, rooms that need a token, and an announcement to everybody.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

type userKey struct{}

// message is what the people in a room get.
type message struct {
	From string `json:"from"`
	Text string `json:"text"`
}

// chat is the program. Handlers of different conns run in parallel, so mu keeps "who came, how many are here" together.
type chat struct {
	srv *ws.Server
	mu  sync.Mutex
}

// needToken refuses with 401 before the upgrade. As any middleware it serves WebSocket routes and plain ones alike.
func needToken(next http.Handler) http.Handler {
	tokens := map[string]string{"t-ann": "ann", "t-bob": "bob"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := tokens[r.URL.Query().Get("token")]
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="chat"`)
			http.Error(w, "a token is needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
	})
}

func (ch *chat) enter(c *ws.Conn) {
	user := c.Context().Value(userKey{}).(string)
	room := ch.srv.Group("room:" + c.PathValue("room"))
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if err := room.Add(c); err != nil {
		return // gone already
	}
	room.Broadcast(ws.JSON(message{"server", fmt.Sprintf("%s came in, %d here", user, room.Len())}))
	c.OnMessage(func(m ws.Message) {
		if m.String() == "bye" {
			c.Close(4000, "see you")
			return
		}
		room.Broadcast(ws.JSON(message{user, m.String()}))
	})
	c.OnClose(func(ws.CloseInfo) { // c has left the room by itself
		ch.mu.Lock()
		defer ch.mu.Unlock()
		room.Broadcast(ws.JSON(message{"server", fmt.Sprintf("%s left, %d here", user, room.Len())}))
	})
}

func (ch *chat) announce(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ch.srv.Broadcast(ws.Text("announcement: " + string(text)))
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	ch := &chat{srv: ws.NewServer(ws.Options{})}
	router := ws.NewRouter(ch.srv)
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})
	router.Sub("/chat", needToken).Handle("/{room}", ch.enter)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "a chat") })
	mux.Handle("POST /announce", needToken(http.HandlerFunc(ch.announce)))
	mux.Handle("/echo", router)
	mux.Handle("/chat/", router)
	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(ch.srv.Shutdown(ctx), server.Shutdown(ctx)); err != nil {
		log.Fatal(err)
	}
}
