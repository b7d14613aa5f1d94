// Broadcast and echo with hubbub's ws package, with nothing set but the routes.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9001", "`host:port` to listen on")
	secure := flag.Bool("tls", false, "serve wss with a certificate made now, in memory")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := serve(ctx, *addr, *secure); err != nil {
		log.Fatal(err)
	}
}

func routes(srv *ws.Server) http.Handler {
	router := ws.NewRouter(srv)
	var everyone *ws.Group
	everyone = router.Handle("/broadcast", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { everyone.Broadcast(m) })
	})
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /memstats", memstats)
	mux.Handle("/", router)
	return mux
}

func serve(ctx context.Context, addr string, secure bool) error {
	srv := ws.NewServer(ws.Options{})
	web := &http.Server{Handler: routes(srv), ReadHeaderTimeout: 10 * time.Second}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	if secure {
		cert, err := certificate()
		if err != nil {
			return fmt.Errorf("make a certificate: %w", err)
		}
		web.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		go func() { ended <- web.ServeTLS(ws.Listen(l), "", "") }()
	} else {
		go func() { ended <- web.Serve(l) }()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	soon, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(web.Shutdown(soon), srv.Shutdown(soon))
}

// memstats tells the live heap after a full collection. Reading it is part of the measuring, not of the server.
func memstats(w http.ResponseWriter, _ *http.Request) {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	json.NewEncoder(w).Encode(map[string]uint64{"HeapAlloc": m.HeapAlloc, "StackInuse": m.StackInuse})
}
