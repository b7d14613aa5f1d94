// Command chi has WebSocket routes beside the routes of chi.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/hubbub-dev/hubbub/ws"
)

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
		c.Send(ws.Text(fmt.Sprintf("room %s, request %s", c.PathValue("room"), middleware.GetReqID(c.Context()))))
	})
	// What is no WebSocket upgrade: a GET of /echo.
	router.Fallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/echo" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, "the echo page")
	}))

	r := chi.NewRouter()
	// Compress, Timeout and Logger see the upgrade too. They do no harm: a conn outlives the request and its deadline.
	r.Use(middleware.RequestID, middleware.Logger, middleware.Recoverer, middleware.Compress(5),
		middleware.Timeout(time.Second))
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "the first page") })
	r.Handle("/echo", router)
	r.Mount("/chat", router) // chi leaves r.URL.Path whole
	r.Get("/users/{name}", func(w http.ResponseWriter, r *http.Request) {
		c, err := srv.Upgrade(w, r)
		if err != nil {
			return // it has been answered
		}
		// Not chi.URLParam: chi takes its context back when this returns, and the conn lives on.
		c.Send(ws.Text("user " + c.PathValue("name")))
	})

	server := &http.Server{Addr: *addr, Handler: r, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
