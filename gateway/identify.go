package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The demo believes what the query says: ?user=ID is who connects, &name=NAME what others see (ID if it is missing).
type personKey struct{}

// identify puts the query's person into the request's context, or answers 400 before any upgrade and says what is wrong.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := personOf(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), personKey{}, p)))
	})
}

func personOf(r *http.Request) (person, error) {
	q := r.URL.Query()
	user, name := q.Get("user"), strings.TrimSpace(q.Get("name"))
	if err := checkUser(user); err != nil {
		return person{}, err
	}
	if name == "" {
		return person{user, info{user}}, nil
	}
	if err := checkName(name); err != nil {
		return person{}, err
	}
	return person{user, info{name}}, nil
}

// checkUser is the rule of hubbub.v1 for names of users, devices and rooms.
func checkUser(s string) error {
	if s == "" {
		return fmt.Errorf("say who you are: /ws?user=ann")
	}
	if len(s) > maxName || !utf8.ValidString(s) {
		return fmt.Errorf("the user must be UTF-8 of at most %d bytes", maxName)
	}
	if strings.ContainsAny(s, " {}*") || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("the user must not contain control characters, spaces, { } or *")
	}
	return nil
}

// checkName is the rule for what others see: 1 to maxName bytes of UTF-8 on one line, of which something can be seen.
func checkName(s string) error {
	if len(s) > maxName || !utf8.ValidString(s) {
		return fmt.Errorf("the name must be UTF-8 of at most %d bytes", maxName)
	}
	if strings.ContainsFunc(s, isLineOrControl) {
		return fmt.Errorf("the name must not contain control characters or line breaks")
	}
	if !strings.ContainsFunc(s, isVisible) {
		return fmt.Errorf("the name must have a character that can be seen")
	}
	return nil
}

func isLineOrControl(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func isVisible(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) }
