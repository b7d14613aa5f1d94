// Command 13-shutdown says goodbye to everyone before it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})
	server := &http.Server{Addr: *addr, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	if err := serve(ctx, server, srv); err != nil {
		log.Fatal(err)
	}
}

// serve runs the server until ctx ends, then lets requests and conns end before it returns.
func serve(ctx context.Context, server *http.Server, srv *ws.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Println("shutting down")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	// Each knows nothing of the other's: http.Server of conns, ws.Server of plain requests.
	return errors.Join(srv.Shutdown(ctx), server.Shutdown(ctx))
}
