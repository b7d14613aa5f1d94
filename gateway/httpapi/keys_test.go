package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// newKey makes a key that must be good.
func newKey(t *testing.T, name string, scopes ...httpapi.Scope) (secret string, k httpapi.Key) {
	t.Helper()
	secret, k, err := httpapi.NewKey(name, scopes...)
	if err != nil {
		t.Fatal(err)
	}
	return secret, k
}

func TestNewKey(t *testing.T) {
	secret, k := newKey(t, "billing", httpapi.Publish, httpapi.Read)
	other, _ := newKey(t, "billing", httpapi.Publish)
	if !strings.HasPrefix(secret, "hub_") || len(secret) != 30 || secret == other {
		t.Errorf("the keys are %s and %s", secret, other)
	}
	if strings.Contains(k.Hash, secret) || len(k.Hash) != len("sha256:")+64 {
		t.Errorf("the hash is %s", k.Hash)
	}
	for _, bad := range []struct {
		name   string
		scopes []httpapi.Scope
		says   string
	}{
		{"", []httpapi.Scope{httpapi.Read}, "name"},
		{"a b", []httpapi.Scope{httpapi.Read}, "name"},
		{"a", nil, "publish, read, sessions, admin"},
		{"a", []httpapi.Scope{"raed"}, `"raed"`},
	} {
		if _, _, err := httpapi.NewKey(bad.name, bad.scopes...); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestKeysAreChecked(t *testing.T) {
	secret, good := newKey(t, "good", httpapi.Read)
	with := func(change func(*httpapi.Key)) []httpapi.Key {
		k := good
		change(&k)
		return []httpapi.Key{k}
	}
	for says, keys := range map[string][]httpapi.Key{
		"is a key itself":   with(func(k *httpapi.Key) { k.Hash = secret }),
		"64 hexadecimal":    with(func(k *httpapi.Key) { k.Hash = k.Hash[:70] }),
		`must be "sha256:"`: with(func(k *httpapi.Key) { k.Hash = k.Hash + "0" }),
		"hexadecimal dig":   with(func(k *httpapi.Key) { k.Hash = "sha256:" + strings.Repeat("x", 64) }),
		"apikey":            with(func(k *httpapi.Key) { k.Hash = k.Hash[len("sha256:"):] }),
		"missing":           with(func(k *httpapi.Key) { k.Name = "" }),
		"opens nothing":     with(func(k *httpapi.Key) { k.Scopes = nil }),
		`scope "write"`:     with(func(k *httpapi.Key) { k.Scopes = []httpapi.Scope{"write"} }),
		"there twice":       {good, good},
	} {
		_, err := httpapi.New(httpapi.Options{Keys: keys})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	s := start(t, set{})
	ok[hubbub.Counts](s, "GET", "/online", "")
	ok[hubbub.Counts](s, "GET", "/online", "", "Authorization", "bearer  "+s.key)
	ok[hubbub.Counts](s, "GET", "/online", "", "Authorization", "", "X-API-Key", s.key)

	stranger, _ := newKey(t, "stranger", httpapi.Admin)
	for _, bad := range []struct {
		says      string
		challenge string
		header    []string
	}{
		{"missing", "", []string{"Authorization", ""}},
		{"not known", "invalid_token", []string{"Authorization", "Bearer " + stranger}},
		{"not known", "invalid_token", []string{"Authorization", "Bearer " + s.key + "x"}},
		{"not known", "invalid_token", []string{"Authorization", "Bearer " + s.key[:29]}},
		{"not known", "invalid_token", []string{"Authorization", "Bearer " + strings.Repeat("x", 10_000)}},
		{"not known", "invalid_token", []string{"Authorization", "Bearer"}},
		{"not known", "invalid_token", []string{"Authorization", "", "X-API-Key", "hub_"}},
		{"another scheme", "", []string{"Authorization", "Basic dGVzdHM6eA=="}},
		{"another scheme", "", []string{"Authorization", s.key}},
		{"not known", "invalid_token", []string{"Authorization", "Bearer x", "X-API-Key", s.key}},
	} {
		a := s.refuse(refused{401, hubbub.Unauthorized, bad.says}, "GET", "/online", "", bad.header...)
		challenge := a.Header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, "Bearer ") || strings.Contains(challenge, "error") != (bad.challenge != "") ||
			!strings.Contains(challenge, bad.challenge) {
			t.Errorf("%v is challenged with %s", bad.header, challenge)
		}
		if strings.Contains(string(a.body), stranger) {
			t.Errorf("the answer shows the key: %s", a.body)
		}
	}
	s.refuse(refused{401, hubbub.Unauthorized, "missing"}, "GET", "/no/such/call", "", "Authorization", "")
	if strings.Contains(s.log.String(), "hub_") {
		t.Errorf("the log shows a key: %s", s.log)
	}
}

func TestWithoutKeys(t *testing.T) {
	s := start(t, set{})
	if err := s.api.SetKeys(nil); err != nil {
		t.Fatal(err)
	}
	s.refuse(refused{401, hubbub.Unauthorized, "api.keys"}, "GET", "/online", "")
	s.refuse(refused{401, hubbub.Unauthorized, "hubbub apikey"}, "GET", "/online", "", "Authorization", "")
}

func TestSetKeys(t *testing.T) {
	s := start(t, set{})
	next, key := newKey(t, "next", httpapi.Admin)
	s.refuse(refused{401, hubbub.Unauthorized, "not known"}, "GET", "/online", "", "Authorization", "Bearer "+next)
	bad := key
	bad.Scopes = nil
	if err := s.api.SetKeys([]httpapi.Key{bad}); err == nil {
		t.Error("a key without scopes is taken")
	}
	ok[hubbub.Counts](s, "GET", "/online", "")
	if err := s.api.SetKeys([]httpapi.Key{key}); err != nil {
		t.Fatal(err)
	}
	s.refuse(refused{401, hubbub.Unauthorized, "not known"}, "GET", "/online", "")
	ok[hubbub.Counts](s, "GET", "/online", "", "Authorization", "Bearer "+next)
}

// TestScopes tries every call of the document with a key of each scope.
func TestScopes(t *testing.T) {
	secrets := map[httpapi.Scope]string{}
	var keys []httpapi.Key
	for _, scope := range httpapi.Scopes() {
		secret, key := newKey(t, "only-"+string(scope), scope)
		secrets[scope], keys = secret, append(keys, key)
	}
	s := start(t, set{api: httpapi.Options{Keys: keys, IssueTicket: noTickets, Rate: hubbub.Rate{PerSecond: -1}}})
	calls := described(t, s.api)
	if len(calls) < 30 {
		t.Fatalf("the document has only %d calls", len(calls))
	}
	for _, c := range calls {
		path := strings.NewReplacer("{", "", "}", "").Replace(c.path)
		body := ""
		if c.method == http.MethodPost {
			body = "{}"
		}
		for scope, secret := range secrets {
			bearer := []string{"Authorization", "Bearer " + secret}
			if c.path == "/presence/stream" && (scope == httpapi.Admin || string(scope) == c.scope) {
				c.method = http.MethodHead // else it would not end
			}
			if scope != httpapi.Admin && c.scope != "" && string(scope) != c.scope {
				a := s.refuse(refused{403, hubbub.Forbidden, `"only-` + string(scope) + `" lacks the scope ` + c.scope}, c.method, path,
					body, bearer...)
				if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `scope="`+c.scope+`"`) {
					t.Errorf("%s %s is challenged with %s", c.method, path, got)
				}
				continue
			}
			if a := s.call(c.method, path, body, bearer...); !slices.Contains([]int{200, 404, 422}, a.StatusCode) {
				t.Errorf("%s %s with the scope %s answers %d %s", c.method, path, scope, a.StatusCode, a.body)
			}
		}
	}
}

func TestRate(t *testing.T) {
	secret, key := newKey(t, "busy", httpapi.Read)
	s := start(t, set{api: httpapi.Options{Keys: []httpapi.Key{key}, Rate: hubbub.Rate{PerSecond: 0.001, Burst: 3}}})
	busy := []string{"Authorization", "Bearer " + secret}
	for range 3 {
		ok[hubbub.Counts](s, "GET", "/online", "", busy...)
	}
	a := s.refuse(refused{429, hubbub.RateLimited, `"busy"`}, "GET", "/online", "", busy...)
	var p httpapi.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(a.Header.Get("Retry-After"), 10, 64)
	if err != nil || p.RetryAfterMS <= 0 || p.RetryAfterMS > 1_000_000 || seconds != (p.RetryAfterMS+999)/1000 {
		t.Errorf("come back after %d s, %v: %s", seconds, err, a.body)
	}
	ok[hubbub.Counts](s, "GET", "/online", "") // the other key has its own

	// A key that stays keeps what it has used, a new one begins.
	fresh, second := newKey(t, "fresh", httpapi.Read)
	if err := s.api.SetKeys([]httpapi.Key{key, second}); err != nil {
		t.Fatal(err)
	}
	s.refuse(refused{429, hubbub.RateLimited, ""}, "GET", "/online", "", busy...)
	ok[hubbub.Counts](s, "GET", "/online", "", "Authorization", "Bearer "+fresh)

	free := start(t, set{api: httpapi.Options{Rate: hubbub.Rate{PerSecond: -1}}})
	for range 10 {
		ok[hubbub.Counts](free, "GET", "/online", "")
	}
}

// TestDocumentNeedsNoKey also shows that it is the same whoever asks.
func TestDocumentNeedsNoKey(t *testing.T) {
	api, err := httpapi.New(httpapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", httpapi.Prefix+"/openapi.json", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/openapi+json" || w.Body.String() != string(api.Document()) {
		t.Errorf("answers %d %s", w.Code, w.Header())
	}
}
