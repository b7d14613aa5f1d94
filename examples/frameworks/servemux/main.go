// Command servemux has WebSocket routes beside the routes of http.ServeMux.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

type requestIDKey struct{}

// requestID is a middleware of the whole program: it puts a value into the context of every request.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), requestIDKey{}, r.Header.Get("X-Request-Id"))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// needToken is a middleware of the chat alone; whom it refuses gets a 401 and no conn.
func needToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("token") != "secret" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="chat"`)
			http.Error(w, "a token is needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})
	router.Sub("/chat", needToken).Handle("/{room}", func(c *ws.Conn) {
		c.Send(ws.Text(fmt.Sprintf("room %s, request %s", c.PathValue("room"), c.Context().Value(requestIDKey{}))))
	})
	// What is no WebSocket upgrade: a GET of /echo.
	router.Fallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/echo" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, "the echo page")
	}))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "the first page") })
	mux.Handle("/echo", router)
	mux.Handle("/chat/", router)
	mux.HandleFunc("GET /users/{name}", func(w http.ResponseWriter, r *http.Request) { // without a ws.Router
		c, err := srv.Upgrade(w, r)
		if err != nil {
			return // it has been answered
		}
		c.Send(ws.Text("user " + c.PathValue("name")))
	})

	server := &http.Server{Addr: *addr, Handler: requestID(mux), ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
