// Command 12-token-auth hands out tokens over HTTP and asks for one at the upgrade.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

type userKey struct{}

// bearer asks for a token: a program sends it in a header, a browser page, which cannot, in the address.
func (s signer) bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, explicit := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !explicit {
			token = r.URL.Query().Get("token")
		}
		name, err := s.check(token, time.Now())
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="chat"`)
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, name)))
	})
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	ttl := flag.Duration("ttl", time.Minute, "how long a token is good for; it is needed only to connect")
	flag.Parse()

	s := signer{key: []byte(rand.Text())}
	router := ws.NewRouter(ws.NewServer(ws.Options{}))
	chat := router.Sub("/chat", s.bearer)
	chat.Handle("/{room}", func(c *ws.Conn) {
		c.Send(ws.Text(fmt.Sprintf("hello %s in %s", c.Context().Value(userKey{}), c.PathValue("room"))))
	})

	mux := http.NewServeMux()
	mux.Handle("/chat/", router)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth() // your own way to sign in; this one knows a single person
		if name != "ann" || password != "correct horse" {
			w.Header().Set("WWW-Authenticate", `Basic realm="chat", charset="UTF-8"`)
			http.Error(w, "a name and a password are needed", http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, s.sign(name, time.Now().Add(*ttl)))
	})

	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
