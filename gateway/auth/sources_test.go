package auth_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

// everyWay is a server that accepts all credentials, and good ones of each kind, named for what brings them.
type everyWay struct {
	*auth.Authenticator
	config  auth.Config
	tickets *auth.Tickets
}

func newEveryWay(t *testing.T) *everyWay {
	t.Helper()
	tickets := auth.NewTickets(auth.NewMemoryTickets(0, nil), nil)
	c := auth.Config{Keys: []auth.Key{{Secret: secret}}, Cookie: "session", Tickets: tickets,
		Basic: auth.Basic{File: htpasswd(t, "basic:"+hashOf(t, "right"))}}
	return &everyWay{Authenticator: start(t, c), config: c, tickets: tickets}
}

func (e *everyWay) ticket(t *testing.T, user string) string {
	t.Helper()
	ticket, _, err := e.tickets.Issue(t.Context(), hubbub.Identity{User: user}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func hashOf(t *testing.T, password string) string {
	t.Helper()
	b, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func htpasswd(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "htpasswd")
	write(t, path, strings.Join(lines, "\n")+"\n")
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// put adds credentials of one kind to a request.
func put(r *http.Request, method auth.Method, value string) {
	add := func(name string) {
		q := r.URL.Query()
		q.Add(name, value)
		r.URL.RawQuery = q.Encode()
	}
	switch method {
	case auth.Bearer:
		r.Header.Add("Authorization", "Bearer "+value)
	case auth.Subprotocol:
		r.Header.Add("Sec-WebSocket-Protocol", "hubbub.v1, hubbub.token."+value)
	case auth.Ticket:
		add("ticket")
	case auth.QueryToken:
		add("token")
	case auth.Password:
		r.Header.Add("Authorization", value)
	case auth.Cookie:
		r.AddCookie(&http.Cookie{Name: "session", Value: value})
	}
}

// TestTheFirstCredentialsDecide tries every pair of methods: the earlier one decides, whether it is good or bad.
func TestTheFirstCredentialsDecide(t *testing.T) {
	e := newEveryWay(t)
	order := []auth.Method{auth.Bearer, auth.Subprotocol, auth.Ticket, auth.QueryToken, auth.Password, auth.Cookie}
	good := func(m auth.Method) string {
		switch m {
		case auth.Ticket:
			return e.ticket(t, string(m))
		case auth.Password:
			return basic("basic", "right")
		}
		return tokenFor(t, e.config, string(m))
	}
	bad := map[auth.Method]string{auth.Bearer: "x.y.z", auth.Subprotocol: "x.y.z", auth.Ticket: "used", auth.QueryToken: "",
		auth.Password: basic("basic", "wrong"), auth.Cookie: "x"}

	for i, first := range order {
		for _, second := range order[i:] {
			if first == auth.Bearer && second == auth.Password {
				continue // one header, which cannot be both
			}
			r := get("")
			put(r, first, good(first))
			if second != first {
				put(r, second, good(second))
			}
			got := accepted(t, e.Authenticator, r)
			ambient := first == auth.Password || first == auth.Cookie
			if got.Method != first || got.Identity.User != string(first) || got.Ambient != ambient {
				t.Errorf("%s and %s: %+v", first, second, got)
			}

			r = get("")
			put(r, first, bad[first])
			if second != first {
				put(r, second, good(second))
			}
			if got, _ := e.Authenticate(r); got.Method != first || got.Identity.User != "" {
				t.Errorf("a bad %s is %+v", first, got)
			}
			_, h := refused(t, e.Authenticator, r, 401)
			challenge := `Bearer realm="hubbub", error="invalid_token"`
			if first == auth.Password {
				challenge = `Basic realm="hubbub"`
			}
			if all := h.Values("WWW-Authenticate"); len(all) != 1 || !strings.HasPrefix(all[0], challenge) {
				t.Errorf("a bad %s is answered with %q", first, all)
			}
		}
	}
}

func TestCredentialsThatAreNotClear(t *testing.T) {
	e := newEveryWay(t)
	good, other := tokenFor(t, e.config, "ann"), tokenFor(t, e.config, "bob")
	for name, r := range map[string]*http.Request{
		"two Authorization headers":   get("", "Authorization", "Bearer "+good, "Authorization", "Bearer "+good),
		"two different tokens":        get("token=" + good + "&token=" + other),
		"two different tickets":       get("ticket=a&ticket=b&token=" + good),
		"two different subprotocols":  get("", "Sec-WebSocket-Protocol", "hubbub.token."+good, "Sec-WebSocket-Protocol", "hubbub.token."+other),
		"an empty token":              get("token="),
		"an empty subprotocol":        get("", "Sec-WebSocket-Protocol", "hubbub.token., hubbub.v1"),
		"Bearer alone":                get("", "Authorization", "Bearer"),
		"Basic alone":                 get("", "Authorization", "Basic"),
		"Basic that is not base64":    get("", "Authorization", "Basic ann:right"),
		"another scheme":              get("", "Authorization", "Digest username=ann"),
		"a token without its scheme":  get("", "Authorization", good),
		"a token as password":         get("", "Authorization", basic("basic", good)),
		"a token as ticket":           get("ticket=" + good),
		"a ticket as token":           get("token=" + e.ticket(t, "ann")),
		"a token in another cookie":   get("", "Cookie", "other="+good),
		"a token as bare subprotocol": get("", "Sec-WebSocket-Protocol", "hubbub.v1, "+good),
		"a token as access_token":     get("access_token=" + good),
		"a token in another header":   get("", "X-Auth-Token", good),
		"nothing":                     get(""),
		"a user of development mode":  get("user=ann"),
	} {
		t.Run(name, func(t *testing.T) {
			p, h := refused(t, e.Authenticator, r, 401)
			if p.Reason != hubbub.Unauthorized || len(p.Detail) < 10 || len(h.Values("WWW-Authenticate")) == 0 {
				t.Errorf("%+v %v", p, h)
			}
			if strings.Contains(p.Detail, good) || strings.Contains(h.Get("WWW-Authenticate"), good) {
				t.Error("the answer holds the token")
			}
		})
	}

	for _, query := range []string{"token=%zz", "a;token=x", "token=" + good + "&device=%"} {
		if p, _ := refused(t, e.Authenticator, get(query), 422); p.Reason != hubbub.Invalid {
			t.Errorf("%q: %+v", query, p)
		}
	}
	if got := accepted(t, e.Authenticator, get("token="+good+"&token="+good)); got.Identity.User != "ann" {
		t.Errorf("the same token twice is %+v", got)
	}
	if got := accepted(t, e.Authenticator, get("", "Authorization", "bEARER  "+good)); got.Identity.User != "ann" {
		t.Errorf("another spelling of Bearer is %+v", got)
	}
}

func TestDeviceAndPlatform(t *testing.T) {
	c := auth.Config{Keys: []auth.Key{{Secret: secret}}}
	a := start(t, c)
	free := tokenFor(t, c, "ann")
	bound, err := auth.Sign(c, hubbub.Identity{User: "ann", Device: "phone", Platform: "ios"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][2]string{
		"token=" + free: {},
		"token=" + free + "&device=d1&platform=web": {"d1", "web"},
		"token=" + bound: {"phone", "ios"},
		"token=" + bound + "&device=phone&platform=ios": {"phone", "ios"},
	} {
		if id := accepted(t, a, get(query)).Identity; id.Device != want[0] || id.Platform != want[1] {
			t.Errorf("%+v, want %v", id, want)
		}
	}
	for _, query := range []string{"&device=laptop", "&platform=web", "&device=phone&platform=android"} {
		if p, _ := refused(t, a, get("token="+bound+query), 401); !strings.Contains(p.Detail, "another") {
			t.Errorf("%s: %+v", query, p)
		}
	}
	for _, query := range []string{"&device=a%20b", "&platform=%00", "&device=" + strings.Repeat("d", 129), "&device=%ff"} {
		if p, _ := refused(t, a, get("token="+free+query), 422); p.Reason != hubbub.Invalid {
			t.Errorf("%s: %+v", query, p)
		}
	}
}

func TestAnonymous(t *testing.T) {
	a := start(t, auth.Config{Anonymous: true, Cookie: "session", Keys: []auth.Key{{Secret: secret}},
		Basic: auth.Basic{File: htpasswd(t, "ann:"+hashOf(t, "right"))}})
	one, two := accepted(t, a, get("device=d1")).Identity, accepted(t, a, get("", "Origin", "https://example.org")).Identity
	if !one.Anonymous || !strings.HasPrefix(one.User, "anon-") || one.User == two.User || one.Device != "d1" || one.Check() != nil {
		t.Errorf("%+v and %+v", one, two)
	}
	// Bad credentials do not make somebody anonymous.
	for _, r := range []*http.Request{get("token="), get("", "Cookie", "session=x"), get("", "Authorization", basic("ann", "wrong")),
		get("", "Authorization", "Negotiate abc"), get("ticket=x")} {
		refused(t, a, r, 401)
	}
	_, h := refused(t, a, get("auth=basic"), 401)
	if all := h.Values("WWW-Authenticate"); len(all) != 1 || all[0] != `Basic realm="hubbub", charset="UTF-8"` {
		t.Errorf("?auth=basic is answered with %q", all)
	}
	got := accepted(t, a, get("auth=basic", "Authorization", basic("ann", "right")))
	if got.Identity.User != "ann" || got.Identity.Anonymous || !got.Ambient {
		t.Errorf("%+v", got)
	}
}

func TestBasicOfAProxyInFront(t *testing.T) {
	c := auth.Config{Anonymous: true, Cookie: "session", Keys: []auth.Key{{Secret: secret}}}
	a := start(t, c)
	r := get("", "Authorization", basic("staging", "x"), "Cookie", "session="+tokenFor(t, c, "ann"))
	if got := accepted(t, a, r); got.Method != auth.Cookie || got.Identity.User != "ann" {
		t.Errorf("%+v", got)
	}
	if p, _ := refused(t, a, get("", "Authorization", basic("staging", "x")), 401); !strings.Contains(p.Detail, "auth.basic.file") {
		t.Errorf("%+v", p)
	}
}

func TestDevelopmentMode(t *testing.T) {
	c := auth.Config{Dev: true, Keys: []auth.Key{{Secret: secret}}}
	a := start(t, c)
	got := accepted(t, a, get("user=ann&device=d1&name=Ann+%22A%22"))
	if id := got.Identity; id.User != "ann" || id.Device != "d1" || string(id.Info) != `{"name":"Ann \"A\""}` || id.Anonymous || got.Ambient {
		t.Errorf("%+v", got)
	}
	if got := accepted(t, a, get("user=ann&token="+tokenFor(t, c, "bob"))); got.Identity.User != "bob" {
		t.Errorf("a token does not come first: %+v", got)
	}
	refused(t, a, get("user=a+b"), 422)
	if p, _ := refused(t, a, get(""), 401); !strings.Contains(p.Detail, "?user=") {
		t.Errorf("%+v", p)
	}
	if p, _ := refused(t, start(t, auth.Config{Keys: c.Keys}), get("user=ann"), 401); !strings.Contains(p.Detail, "serve --dev") {
		t.Errorf("outside of it: %+v", p)
	}
}

// FuzzCredentials looks for a request that panics, that is let in without the token, or whose refusal is no refusal.
func FuzzCredentials(f *testing.F) {
	f.Add("Bearer x", "hubbub.v1, hubbub.token.a.b.c", "ticket=x", "session=1")
	f.Add("Basic YW5uOng=", "hubbub.token.", "token=%zz", "session=\"")
	f.Add("bearer\t", ",,hubbub.token.x,hubbub.token.y", "token=a&token=b", ";=;")
	f.Add(" ", "", "auth=basic&device=&platform=%00", "")
	a, err := auth.New(auth.Config{Keys: []auth.Key{{Secret: secret}}, Cookie: "session"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, authorization, protocol, query, cookie string) {
		r := get(query, "Authorization", authorization, "Sec-WebSocket-Protocol", protocol, "Cookie", cookie)
		got, err := a.Authenticate(r)
		if err == nil {
			t.Fatalf("%+v was let in", got)
		}
		w := httptest.NewRecorder()
		auth.WriteProblem(w, r, err)
		challenged := len(w.Header()["Www-Authenticate"]) > 0
		if w.Code != 422 && w.Code != 401 || challenged != (w.Code == 401) {
			t.Errorf("status %d, challenged: %v", w.Code, challenged)
		}
		for _, c := range w.Header()["Www-Authenticate"] {
			if strings.ContainsFunc(c, func(c rune) bool { return c < ' ' || c > '~' }) || strings.Count(c, `"`)%2 != 0 {
				t.Errorf("challenge %q", c)
			}
		}
	})
}
