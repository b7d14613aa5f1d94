package backend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

// A service is called in the name of a user.
func Example() {
	products := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"path":%q,"for":%q}`, r.URL.Path, r.Header.Get(backend.UserHeader))
	}))
	defer products.Close()

	b, err := backend.New(backend.Config{Name: "products", URL: products.URL + "/v1", Timeout: time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	reply, err := b.Do(context.Background(), backend.Call{Method: http.MethodGet, Path: "/items/7", Identity: &hubbub.Identity{User: "ann"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Status, string(reply.Body))
	// Output: 200 {"path":"/v1/items/7","for":"ann"}
}

// A backend in Go verifies who is asking.
func Example_verify() {
	const name, secret = "products", "a secret of at least 32 random bytes"
	verify := func(r *http.Request) (user string, attrs map[string]string, err error) {
		token, err := jwt.ParseSigned(r.Header.Get(backend.IdentityHeader), []jose.SignatureAlgorithm{jose.HS256})
		if err != nil {
			return "", nil, err
		}
		var says jwt.Claims
		var more struct {
			Attrs map[string]string `json:"attrs"`
		}
		if err := token.Claims([]byte(secret), &says, &more); err != nil {
			return "", nil, err
		}
		err = says.ValidateWithLeeway(jwt.Expected{Issuer: "hubbub", AnyAudience: jwt.Audience{name}, Time: time.Now()}, 10*time.Second)
		return says.Subject, more.Attrs, err
	}
	products := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, attrs, err := verify(r)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"user": user, "plan": attrs["plan"]})
	}))
	defer products.Close()

	b, err := backend.New(backend.Config{Name: name, URL: products.URL, Secret: secret})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	ann := hubbub.Identity{User: "ann", Attrs: map[string]string{"plan": "pro"}}
	signed, err := b.Do(context.Background(), backend.Call{Method: http.MethodGet, Path: "/", Identity: &ann})
	if err != nil {
		log.Fatal(err)
	}
	forged, err := b.Do(context.Background(), backend.Call{Method: http.MethodGet, Path: "/", Header: http.Header{"Hubbub-User": {"ann"}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(signed.Status, " ", string(signed.Body), forged.Status, "\n")
	// Output:
	// 200 {"plan":"pro","user":"ann"}
	// 401
}
