// Command 14-wss is the echo server over TLS: https:// and wss://.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

func main() {
	addr := flag.String("addr", "localhost:8443", "address to listen on")
	file := flag.String("cert", "cert.pem", "where to write the certificate")
	flag.Parse()

	router := ws.NewRouter(ws.NewServer(ws.Options{}))
	router.Handle("/echo", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})
	mux := http.NewServeMux()
	mux.Handle("/echo", router)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello over", r.Proto)
	})

	cert, err := selfSigned(*file)
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	log.Println("listening on", *addr)
	log.Fatal(server.ServeTLS(ws.Listen(l), "", ""))
}
