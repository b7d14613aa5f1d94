package auth_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

// A login signs a token for its user, and the gateway checks it before the upgrade.
func Example() {
	config := auth.Config{Keys: []auth.Key{{SecretBase64: auth.NewSecret()}}, Issuer: "https://login.example.com/"}
	token, err := auth.Sign(config, hubbub.Identity{User: "ann", Info: []byte(`{"name":"Ann"}`)}, time.Hour)
	if err != nil {
		log.Fatal(err)
	}

	a, err := auth.New(config)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	handler := func(w http.ResponseWriter, r *http.Request) {
		result, err := a.Authenticate(r)
		if err != nil {
			auth.WriteProblem(w, r, err)
			return
		}
		fmt.Println(result.Identity.User, string(result.Identity.Info), "by", result.Method)
	}

	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	r.Header.Set("Sec-WebSocket-Protocol", "hubbub.v1, hubbub.token."+token)
	handler(httptest.NewRecorder(), r)

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest(http.MethodGet, "/ws?token=wrong", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate") != "")
	// Output:
	// ann {"name":"Ann"} by subprotocol
	// 401 true
}
