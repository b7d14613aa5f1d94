// Command gin has WebSocket routes beside the routes of gin.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/hubbub-dev/hubbub/ws"
)

type requestIDKey struct{}

// requestID is a middleware of gin. What it puts into the request's context reaches c.Context(); what it would put into
// gin's own context with g.Set would not, since gin takes that back for the next request.
func requestID(g *gin.Context) {
	ctx := context.WithValue(g.Request.Context(), requestIDKey{}, g.GetHeader("X-Request-Id"))
	g.Request = g.Request.WithContext(ctx)
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

	g := gin.Default()
	g.Use(requestID)
	g.GET("/", func(g *gin.Context) { g.String(http.StatusOK, "the first page\n") })
	g.GET("/echo", gin.WrapH(router))
	g.GET("/chat/*rest", gin.WrapH(router))
	g.GET("/users/:name", func(g *gin.Context) {
		name := g.Param("name") // kept here, since gin takes g back when this returns and the conn lives on
		c, err := srv.Upgrade(g.Writer, g.Request)
		if err != nil {
			return // it has been answered
		}
		c.Send(ws.Text("user " + name))
	})

	server := &http.Server{Addr: *addr, Handler: g, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
