package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// The API before a hub, and a backend that may publish and nothing else.
func Example() {
	ctx := context.Background()
	hub, err := hubbub.New(ctx, hubbub.Options{Driver: memory.New(memory.Options{})})
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close(ctx)
	secret, key, err := httpapi.NewKey("shop", httpapi.Publish)
	if err != nil {
		log.Fatal(err)
	}
	api, err := httpapi.New(httpapi.Options{Hub: hub, Keys: []httpapi.Key{key}}) // a Key has a hash of the secret only
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()

	call := func(method, path, body string) {
		r, err := http.NewRequestWithContext(ctx, method, server.URL+httpapi.Prefix+path, strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		fmt.Println(method, path, response.Status)
	}
	call("POST", "/rooms/lobby/messages", `{"data": {"text": "The shop is open."}}`)
	call("GET", "/online", "")
	// Output:
	// POST /rooms/lobby/messages 200 OK
	// GET /online 403 Forbidden
}
