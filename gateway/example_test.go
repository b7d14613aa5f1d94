package gateway_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/hubbub-dev/hubbub/gateway"
)

// The whole server in a program of your own, in development mode on a free port, with everything in memory. It ends with its context.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	g, err := gateway.New(gateway.Config{Dev: true, Addr: "127.0.0.1:0", Store: gateway.StoreConfig{Path: gateway.NoStore}})
	if err != nil {
		log.Fatal(err)
	}
	l, err := g.Listen(ctx)
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- g.Serve(ctx, l) }()

	response, err := http.Get(g.URL(l.Addr()) + "readyz")
	if err != nil {
		log.Fatal(err)
	}
	response.Body.Close()
	fmt.Println(response.Status)

	stop()
	fmt.Println("ended:", <-served)
	// Output:
	// 200 OK
	// ended: <nil>
}
