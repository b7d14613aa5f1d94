package backend_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

const secret = "0123456789abcdef0123456789abcdef"

// as calls in the name of somebody and returns the headers that the backend got.
func as(t *testing.T, b *backend.Backend, id *hubbub.Identity, session string, header http.Header) http.Header {
	t.Helper()
	reply, err := b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/", Identity: id, Session: session, Header: header})
	if err != nil {
		t.Fatal(err)
	}
	got := http.Header{}
	for name, values := range reply.Header {
		if name, ok := strings.CutPrefix(name, "X-"); ok {
			got[name] = values
		}
	}
	return got
}

// TestSignedIdentity reads it as a backend would.
func TestSignedIdentity(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := serve(t, echo)
	b := open(t, backend.Config{URL: s.URL, Secret: secret, Now: func() time.Time { return now }})
	token, err := jwt.ParseSigned(as(t, b, ann, "s1", nil).Get("Hubbub-Identity"), []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := token.Claims([]byte(secret), &got); err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(got)
	const want = `{"attrs":{"plan":"pro"},"aud":"products","device":"d1","exp":1772366460,"iat":1772366400,"info":{"name":"Ann"},` +
		`"iss":"hubbub","platform":"web","sid":"s1","sub":"ann"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if err := token.Claims([]byte(strings.Repeat("x", 32)), &got); err == nil {
		t.Error("another secret is as good")
	}
}

// TestSignedIdentityIsKept for half of its life, as long as it says the same.
func TestSignedIdentityIsKept(t *testing.T) {
	now := time.Now()
	b := open(t, backend.Config{URL: serve(t, echo).URL, Secret: secret, Now: func() time.Time { return now }})
	token := func(id hubbub.Identity, session string) string {
		return as(t, b, &id, session, nil).Get("Hubbub-Identity")
	}
	first := token(*ann, "s1")
	now = now.Add(29 * time.Second)
	if token(*ann, "s1") != first {
		t.Error("it is made anew for each call")
	}
	if token(*ann, "s2") == first {
		t.Error("another session has the same")
	}
	for _, change := range []func(*hubbub.Identity){
		func(i *hubbub.Identity) { i.User = "bob" },
		func(i *hubbub.Identity) { i.Device = "d2" },
		func(i *hubbub.Identity) { i.Platform = "ios" },
		func(i *hubbub.Identity) { i.Info = []byte(`{}`) },
		func(i *hubbub.Identity) { i.Attrs = map[string]string{"plan": "free"} },
	} {
		other := *ann
		change(&other)
		if token(other, "s1") == first {
			t.Errorf("%+v has the same", other)
		}
	}
	again := token(*ann, "s1")
	now = now.Add(31 * time.Second)
	if token(*ann, "s1") == again {
		t.Error("it is used for longer than half of its life")
	}
}

// TestManyIdentities fills the memory of tokens over and over.
func TestManyIdentities(t *testing.T) {
	b := open(t, backend.Config{URL: "http://127.0.0.1:1", Secret: secret, Breaker: backend.Breaker{Failures: 1, Open: time.Hour}})
	for i := range 2*backend.MaxTokens + 10 {
		b.Do(t.Context(), backend.Call{Method: http.MethodPost, Path: "/", Identity: &hubbub.Identity{User: fmt.Sprint("u", i)}})
	}
	if n := b.Tokens(); n < backend.MaxTokens || n > 2*backend.MaxTokens {
		t.Errorf("%d tokens are kept, at most %d should be", n, 2*backend.MaxTokens)
	}
}

// TestUserHeader is there whoever it is, and reads back as the same name; nobody can be written to look like another.
func TestUserHeader(t *testing.T) {
	b := open(t, backend.Config{URL: serve(t, echo).URL})
	sent := map[string]string{}
	for _, user := range []string{"ann", "ann@example.com", "Zoë", "%61nn", "%", "a+b", "日本", "a%C3%A9", "aé"} {
		got := as(t, b, &hubbub.Identity{User: user}, "", nil).Get("Hubbub-User")
		if back, err := url.PathUnescape(got); err != nil || back != user {
			t.Errorf("%s travels as %s, which reads %s, %v", user, got, back, err)
		}
		if sent[got] != "" {
			t.Errorf("%s and %s travel alike", user, sent[got])
		}
		sent[got] = user
	}
	if got := as(t, b, &hubbub.Identity{User: "ann"}, "", nil); got["Hubbub-Identity"] != nil || got.Get("Hubbub-User") != "ann" {
		t.Errorf("got %v without a secret", got)
	}
	if got := as(t, b, nil, "", nil); got["Hubbub-Identity"] != nil || got["Hubbub-User"] != nil {
		t.Errorf("got %v for nobody", got)
	}
}

// TestHeadersThatAreDropped come from callers who would be somebody else, or who write what is the conn's to say.
func TestHeadersThatAreDropped(t *testing.T) {
	b := open(t, backend.Config{URL: serve(t, echo).URL})
	from := http.Header{"Hubbub-User": {"root"}, "hubbub-user": {"root"}, "HUBBUB-IDENTITY": {"x"}, "Hubbub_User": {"root"}, "hubbub_identity": {"x"},
		"Hubbub-Else": {"x"}, "Connection": {"close, X-Hop"}, "X-Hop": {"1"}, "Keep-Alive": {"1"}, "Proxy-Authorization": {"x"}, "Te": {"trailers"},
		"Trailer": {"X"}, "Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"}, "Host": {"other"}, "Content-Length": {"5"},
		"Accept-Encoding": {"gzip"}, "Expect": {"100-continue"}, "X-Kept": {"1"}}
	got := as(t, b, nil, "", from)
	want := http.Header{"X-Kept": {"1"}, "User-Agent": {"hubbub"}, "Accept-Encoding": {"identity"}}
	line := got.Get("Line")
	delete(got, "Line")
	if fmt.Sprint(got) != fmt.Sprint(want) || strings.Contains(line, "other") {
		t.Errorf("got %v (%s), want %v", got, line, want)
	}
	if got := as(t, b, ann, "", from); got.Get("Hubbub-User") != "ann" || len(got["Hubbub-User"]) != 1 {
		t.Errorf("got %v", got)
	}
	if from.Get("Connection") == "" {
		t.Error("the caller's header was changed")
	}
}

func TestConcurrentCalls(t *testing.T) {
	b := open(t, backend.Config{URL: serve(t, echo).URL, Secret: secret})
	done := make(chan error)
	for i := range 20 {
		go func() {
			id := hubbub.Identity{User: fmt.Sprint("u", i%5)}
			for range 50 {
				reply, err := b.Do(t.Context(), backend.Call{Method: http.MethodGet, Path: "/", Identity: &id})
				if err == nil && reply.Header.Get("X-Hubbub-User") != id.User {
					err = fmt.Errorf("%s is taken for %s", id.User, reply.Header.Get("X-Hubbub-User"))
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
