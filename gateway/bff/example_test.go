package bff_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// A page gets a product and its reviews by one call. The service of the reviews is down.
func Example() {
	products := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"id": %q, "name": "Oolong", "stock": 3}`, strings.TrimPrefix(r.URL.Path, "/products/"))
	}))
	defer products.Close()
	reviews := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "broken", 500) }))
	defer reviews.Close()
	backends := map[string]*backend.Backend{}
	for name, url := range map[string]string{"products": products.URL, "reviews": reviews.URL} {
		b, err := backend.New(backend.Config{Name: name, URL: url})
		if err != nil {
			log.Fatal(err)
		}
		defer b.Close()
		backends[name] = b
	}
	calls, err := bff.New(bff.Options{Backends: backends, Routes: []bff.Route{{
		Name:   "home",
		Params: []bff.Param{{Name: "id", Required: true}},
		Parts: []bff.Part{
			{Name: "product", Backend: "products", Path: "/products/{params.id}", Pick: "{id, name}", Required: true},
			{Name: "reviews", Backend: "reviews", Path: "/reviews", Query: map[string]any{"product": "{parts.product.id}"}},
		},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	defer calls.Close()

	identify := func(*http.Request) (*hubbub.Identity, error) { return &hubbub.Identity{User: "ann"}, nil }
	door := httptest.NewServer(calls.Handler(identify))
	defer door.Close()
	response, err := door.Client().Get(door.URL + "/bff/home?id=7")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.StatusCode, string(text))
	// Output:
	// 200 {"product":{"status":200,"data":{"id":"7","name":"Oolong"}},"reviews":{"status":500,"error":{"reason":"unavailable","message":"the backend reviews answered with status 500"}}}
}
