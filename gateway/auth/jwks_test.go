package auth_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// keyServer serves a JWK set that tests change.
type keyServer struct {
	*httptest.Server
	mu      sync.Mutex
	answer  http.HandlerFunc
	fetches int
}

func newKeyServer(t *testing.T) *keyServer {
	t.Helper()
	s := &keyServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.fetches++
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) serve(f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// serveKeys serves the public keys under the names of kids.
func (s *keyServer) serveKeys(t *testing.T, keys map[string]ed25519.PrivateKey) {
	t.Helper()
	var set jose.JSONWebKeySet
	for kid, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: kid, Use: "sig"})
	}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(func(w http.ResponseWriter, _ *http.Request) { w.Write(b) })
}

func (s *keyServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func verifies(t *testing.T, a *auth.Authenticator, key crypto.Signer, kid string) error {
	t.Helper()
	_, err := a.Verify(t.Context(), signed(t, jose.EdDSA, key, kid, claims(time.Now(), nil)))
	return err
}

func reason(err error) hubbub.Reason {
	if err == nil {
		return ""
	}
	return hubbub.AsError(err).Reason
}

func TestRotation(t *testing.T) {
	clock := newClock()
	clock.Add(time.Since(clock.Now())) // the tokens are of now
	one, two := edKey(t), edKey(t)
	s := newKeyServer(t)
	s.serveKeys(t, map[string]ed25519.PrivateKey{"one": one})
	a := start(t, auth.Config{Keys: []auth.Key{{URL: s.URL, MinRefresh: 10 * time.Second}}, Now: clock.Now})

	if err := verifies(t, a, one, "one"); err != nil {
		t.Fatalf("the first token does not wait for the first fetch: %v", err)
	}
	if err := verifies(t, a, two, "two"); reason(err) != hubbub.Unauthorized || s.count() != 1 {
		t.Errorf("within MinRefresh: %v, %d fetches", err, s.count())
	}
	s.serveKeys(t, map[string]ed25519.PrivateKey{"two": two})
	clock.Add(10 * time.Second)
	if err := verifies(t, a, one, "one"); err != nil || s.count() != 1 {
		t.Errorf("a known key causes a fetch: %v, %d fetches", err, s.count())
	}
	if err := verifies(t, a, two, "two"); err != nil || s.count() != 2 {
		t.Errorf("a new key is not fetched: %v, %d fetches", err, s.count())
	}
	if err := verifies(t, a, one, "one"); reason(err) != hubbub.Unauthorized {
		t.Errorf("a withdrawn key is still good: %v", err)
	}
	clock.Add(10 * time.Second)
	for range 50 {
		if err := verifies(t, a, edKey(t), "made-up"); reason(err) != hubbub.Unauthorized {
			t.Fatal(err)
		}
	}
	if n := s.count(); n != 3 {
		t.Errorf("50 made-up keys cause %d fetches", n-2)
	}
}

// TestRotationBesideAKeyWithoutID has another key that fits every token, and keys and tokens that name none.
func TestRotationBesideAKeyWithoutID(t *testing.T) {
	other, one, two := edKey(t), edKey(t), edKey(t)
	s := newKeyServer(t)
	s.serveKeys(t, map[string]ed25519.PrivateKey{"one": one})
	a := start(t, auth.Config{Keys: []auth.Key{{URL: s.URL, MinRefresh: 1},
		{File: file(t, "other.pem", publicPEM(t, other.Public()))}}})
	if err := verifies(t, a, one, "one"); err != nil {
		t.Fatal(err)
	}
	s.serveKeys(t, map[string]ed25519.PrivateKey{"two": two})
	if err := verifies(t, a, two, "two"); err != nil {
		t.Errorf("a new key is hidden by one that fits every token: %v", err)
	}
	before := s.count()
	if err := verifies(t, a, one, "two"); reason(err) != hubbub.Unauthorized || s.count() != before {
		t.Errorf("a bad signature by a known key: %v, %d fetches", err, s.count()-before)
	}
	s.serveKeys(t, map[string]ed25519.PrivateKey{"": one})
	if err := verifies(t, a, one, ""); err != nil {
		t.Errorf("a new key without a name: %v", err)
	}
}

// TestEverybodyWaitsForTheSameFetch has many arrive with a key that is just being fetched.
func TestEverybodyWaitsForTheSameFetch(t *testing.T) {
	key := edKey(t)
	s := newKeyServer(t)
	s.serveKeys(t, map[string]ed25519.PrivateKey{"k": key})
	keys, hold := s.answer, make(chan struct{})
	s.serve(func(w http.ResponseWriter, r *http.Request) { <-hold; keys(w, r) })
	a := start(t, auth.Config{Keys: []auth.Key{{URL: s.URL}}})

	impatient, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	token := signed(t, jose.EdDSA, key, "k", claims(time.Now(), nil))
	go func() {
		_, err := a.Verify(impatient, token)
		left <- err
	}()
	cancel()
	if err := testkit.Receive(t, "the one who left", left); reason(err) != hubbub.Unavailable {
		t.Error(err)
	}
	results := make(chan error, 20)
	for range cap(results) {
		go func() {
			_, err := a.Verify(t.Context(), token)
			results <- err
		}()
	}
	close(hold)
	for range cap(results) {
		if err := testkit.Receive(t, "a token", results); err != nil {
			t.Error(err)
		}
	}
	if s.count() != 1 {
		t.Errorf("%d fetches", s.count())
	}
}

func TestASetThatCannotBeFetched(t *testing.T) {
	key := edKey(t)
	s := newKeyServer(t)
	jwk := asJSON(t, jose.JSONWebKey{Key: key.Public(), KeyID: "k"})
	set := `{"keys":[` + jwk + `]}`
	for name, answer := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) },
		"a page":   func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"no keys":  func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) },
		"too long": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(set + strings.Repeat(" ", 2<<20))) },
		"many keys": func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"keys":[` + strings.Repeat(jwk+",", 100) + jwk + `]}`))
		},
		"only a secret": func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"kty":"oct","k":"` + encode([]byte(secret)) + `"}`))
		},
		"in circles": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			log := &logs{}
			s.serve(answer)
			a := start(t, auth.Config{Keys: []auth.Key{{URL: s.URL + "/?token=hidden"}, {Secret: secret}}, Logger: logger(log)})
			err := verifies(t, a, key, "k")
			if e := hubbub.AsError(err); e == nil || e.Reason != hubbub.Unavailable || e.RetryAfter <= 0 {
				t.Errorf("%v", err)
			}
			if !strings.Contains(log.String(), "JWK set cannot be fetched") || strings.Contains(log.String()+err.Error(), "hidden") {
				t.Errorf("log: %s, error: %v", log, err)
			}
			if _, err := a.Verify(t.Context(), tokenFor(t, auth.Config{Keys: []auth.Key{{Secret: secret}}}, "ann")); err != nil {
				t.Errorf("the other key does not count: %v", err)
			}
		})
	}

	// What was known still counts when a later fetch fails, and the set is fetched again without being asked for.
	s.serveKeys(t, map[string]ed25519.PrivateKey{"k": key})
	a := start(t, auth.Config{Keys: []auth.Key{{URL: s.URL, Refresh: time.Millisecond}}})
	if err := verifies(t, a, key, "k"); err != nil {
		t.Fatal(err)
	}
	s.serve(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) })
	before := s.count()
	testkit.Eventually(t, "failing fetches", func() bool { return s.count() > before+3 })
	if err := verifies(t, a, key, "k"); err != nil {
		t.Errorf("a failed fetch takes the keys away: %v", err)
	}
	next := edKey(t)
	s.serveKeys(t, map[string]ed25519.PrivateKey{"next": next})
	testkit.Eventually(t, "the withdrawal of the old key", func() bool { return verifies(t, a, key, "k") != nil })
	if err := verifies(t, a, next, "next"); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsAFetch(t *testing.T) {
	s := newKeyServer(t)
	arrived := make(chan struct{}, 1)
	s.serve(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	a := start(t, auth.Config{Keys: []auth.Key{{URL: s.URL}}})
	testkit.Receive(t, "the fetch", arrived)
	waits := make(chan error, 1)
	go func() { waits <- verifies(t, a, edKey(t), "k") }()
	a.Close()
	a.Close()
	if err := testkit.Receive(t, "the waiting token", waits); reason(err) != hubbub.Unavailable {
		t.Error(err)
	}
}

func TestPlainHTTPIsMentioned(t *testing.T) {
	log := &logs{}
	start(t, auth.Config{Keys: []auth.Key{{URL: "http://keys.invalid/set?jwt=hidden"}}, Logger: logger(log)}).Close()
	if !strings.Contains(log.String(), "plain http") || strings.Contains(log.String(), "hidden") {
		t.Errorf("log: %s", log)
	}
}
