// Command echo has WebSocket routes beside the routes of the web framework echo.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/hubbub-dev/hubbub/ws"
)

type requestIDKey struct{}

// requestID is a middleware of echo. What it puts into the request's context reaches c.Context(); what it would put into
// echo's own context with e.Set would not, since echo takes that back for the next request.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(e *echo.Context) error {
		r := e.Request()
		e.SetRequest(r.WithContext(context.WithValue(r.Context(), requestIDKey{}, r.Header.Get("X-Request-Id"))))
		return next(e)
	}
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

	e := echo.New()
	e.Use(middleware.RequestLogger(), middleware.Recover(), requestID)
	e.GET("/", func(e *echo.Context) error { return e.String(http.StatusOK, "the first page\n") })
	e.GET("/echo", echo.WrapHandler(router))
	e.GET("/chat/*", echo.WrapHandler(router))
	// WrapHandler gives the handler, and so the conn, the route's path values. (A handler of echo's own upgrades with
	// srv.Upgrade(e.Response(), e.Request()), and keeps e.Param("name") itself: echo takes e back when it returns.)
	e.GET("/users/:name", echo.WrapHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := srv.Upgrade(w, r)
		if err != nil {
			return // it has been answered
		}
		c.Send(ws.Text("user " + c.PathValue("name")))
	})))

	server := &http.Server{Addr: *addr, Handler: e, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
