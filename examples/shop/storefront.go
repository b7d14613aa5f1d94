package main

import (
	"encoding/json"
	"io/fs"
	"log"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"
)

// signInSecret is the one under auth.keys in hubbub.yaml.
const signInSecret = "shop-demonstration-sign-in-secret-0001"

// storefront serves the page and signs shoppers in. What the page shows comes from the gateway, whose address it gets with the token.
func storefront(files fs.FS, gateway string, notifications *service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) { signIn(w, r, gateway) })
	mux.HandleFunc("GET /services/notifications", func(w http.ResponseWriter, _ *http.Request) { tellPlugged(w, notifications) })
	mux.HandleFunc("PUT /services/notifications", func(w http.ResponseWriter, r *http.Request) { plug(w, r, notifications) })
	return ownPagesOnly(mux)
}

// signIn believes every name: this is where a shop has its passwords. The token is a JWT that the gateway checks by the same secret. Attributes
// are for services alone; the info is what other shoppers see.
func signIn(w http.ResponseWriter, r *http.Request, gateway string) {
	var ask struct {
		Name  string `json:"name"`
		Staff bool   `json:"staff"`
	}
	if !read(w, r, &ask) {
		return
	}
	name := strings.Join(strings.Fields(ask.Name), " ")
	user := strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return '-'
	}, name), "-")
	if user == "" || len(name) > 60 {
		http.Error(w, "Please tell us your name, in up to 60 letters.", http.StatusUnprocessableEntity)
		return
	}
	claims := jwt.MapClaims{
		"iss": "shop", "sub": user, "exp": time.Now().Add(12 * time.Hour).Unix(), "info": map[string]any{"name": name},
	}
	if ask.Staff {
		claims["sub"] = "staff-" + user
		claims["attrs"] = map[string]any{"role": "staff"}
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(signInSecret))
	if err != nil {
		log.Printf("sign in: %v", err)
		http.Error(w, "That did not work.", http.StatusInternalServerError)
		return
	}
	answer(w, map[string]any{"token": token, "user": claims["sub"], "name": name, "gateway": gateway})
}

// plug pulls the plug of the notifications service, or puts it back, so that you can see what the page makes of that.
func plug(w http.ResponseWriter, r *http.Request, s *service) {
	var ask struct {
		Running bool `json:"running"`
	}
	if !read(w, r, &ask) {
		return
	}
	if !ask.Running {
		s.end()
	} else if err := s.start(); err != nil {
		log.Print(err)
		http.Error(w, "It does not start.", http.StatusInternalServerError)
		return
	}
	tellPlugged(w, s)
}

func tellPlugged(w http.ResponseWriter, s *service) {
	answer(w, map[string]bool{"running": s.running()})
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "send JSON", http.StatusUnsupportedMediaType) // which pages of others cannot
		return false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<12)).Decode(into); err != nil {
		http.Error(w, "send JSON", http.StatusBadRequest)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Printf("answer: %v", err)
	}
}

// ownPagesOnly keeps the page from what others would put into it.
func ownPagesOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; connect-src 'self' http: ws: https: wss:; style-src 'self' 'unsafe-inline'; "+
			"img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}
