// Command 11-basic-auth lets in only who knows a password.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// passwords of a tutorial. Yours are in a database, hashed with bcrypt or argon2.
func passwords() map[string]string {
	return map[string]string{"ann": "correct horse", "bob": "battery staple"}
}

type userKey struct{}

// basic asks for a name and a password (RFC 7617) before any upgrade.
func basic(next http.Handler) http.Handler {
	users := passwords()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		want, known := users[name]
		a, b := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(want))
		if same := subtle.ConstantTimeCompare(a[:], b[:]) == 1; !same || !known {
			w.Header().Set("WWW-Authenticate", `Basic realm="chat", charset="UTF-8"`)
			http.Error(w, "a name and a password are needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, name)))
	})
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()

	router := ws.NewRouter(ws.NewServer(ws.Options{}), basic)
	router.Handle("/chat", func(c *ws.Conn) {
		name := c.Context().Value(userKey{}).(string)
		c.Send(ws.Text("hello " + name))
	})

	server := &http.Server{Addr: *addr, Handler: router, ReadHeaderTimeout: 5 * time.Second}
	log.Println("listening on", *addr)
	log.Fatal(server.ListenAndServe())
}
