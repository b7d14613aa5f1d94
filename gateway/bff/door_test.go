package bff_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// echoes is a route with each type of param, whose reply is the params as they came.
func echoes(t testing.TB) *bff.BFF {
	t.Helper()
	return open(t, bff.Options{SignIn: []string{"token"}, Backends: serve(t, "echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }),
		Routes: []bff.Route{
			{Name: "echo", Method: "GET", Params: []bff.Param{{Name: "s"}, {Name: "i", Type: "int"}, {Name: "n", Type: "number"}, {Name: "b", Type: "bool"},
				{Name: "j", Type: "json"}, {Name: "d", Type: "int", Default: 5}}, Proxy: &bff.Part{Backend: "echo", Method: "POST", Path: "/"}},
			{Name: "must", Params: []bff.Param{{Name: "id", Required: true}}, Method: "GET", Proxy: &bff.Part{Backend: "echo", Path: "/", Method: "POST"}},
			{Name: "write.it", Proxy: &bff.Part{Backend: "echo", Path: "/", Method: "PUT"}},
			{Name: "open", Auth: "optional", Method: "GET", Proxy: &bff.Part{Backend: "echo", Path: "/", Body: map[string]any{"u": "{user.id}"}}},
		}})
}

func TestParams(t *testing.T) {
	b := echoes(t)
	for _, c := range []struct{ query, body, want string }{
		{"", "", `{"d":5}`},
		{"s=&i=-0&n=1.50e3&b=true&j=%5B1%5D&d=7", `{"s":"","i":-0,"n":1.50e3,"b":true,"j":[ 1],"d":7}`,
			`{"b":true,"d":7,"i":0,"j":[1],"n":1.50e3,"s":""}`},
		{"i=9223372036854775807", `{"i":9223372036854775807}`, `{"d":5,"i":9223372036854775807}`},
		{"j=null", `{"j":null,"s":null,"d":null}`, `{"d":5}`},
		{"s=%7Bparams.i%7D", `{"s":"{params.i}"}`, `{"d":5,"s":"{params.i}"}`},
		{"token=secret", `{}`, `{"d":5}`},
		{"s=null", `{"s":"null"}`, `{"d":5,"s":"null"}`},
	} {
		get := door(t.Context(), b, &ann, http.MethodGet, "/bff/echo?"+c.query, "")
		post := door(t.Context(), b, &ann, http.MethodPost, "/bff/echo?token=x", c.body)
		if get.Body.String() != c.want || post.Body.String() != c.want {
			t.Errorf("%s: GET %s, POST %s, want %s", c.query, get.Body, post.Body, c.want)
		}
	}
}

func TestTheDoorRefuses(t *testing.T) {
	b := echoes(t)
	large := strings.Repeat("x", 64<<10)
	for _, c := range []struct{ method, target, body, want, says string }{
		{"GET", "/bff/none", "", "404 not_found", "no such call"},
		{"GET", "/bff/", "", "404 not_found", "no such call"},
		{"GET", "/echo", "", "404 not_found", "no such call"},
		{"PUT", "/bff/echo", "{}", "405 invalid", "allowed are GET, HEAD, POST"},
		{"GET", "/bff/write.it", "", "405 invalid", "allowed are POST"},
		{"HEAD", "/bff/write.it", "", "405 invalid", ""},
		{"GET", "/bff/echo?x=1", "", "422 invalid", `no param "x"; known are s, i, n, b, j, d`},
		{"GET", "/bff/write.it", "", "405 invalid", ""},
		{"POST", "/bff/write.it", `{"x":1}`, "422 invalid", `no param "x"; there are none`},
		{"GET", "/bff/echo?s=1&s=2", "", "422 invalid", "2 times"},
		{"GET", "/bff/echo?s=%ff", "", "422 invalid", "UTF-8"},
		{"GET", "/bff/echo?s=%zz", "", "422 invalid", "not well escaped"},
		{"GET", "/bff/echo?i=", "", "422 invalid", "a whole number"},
		{"GET", "/bff/echo?i=+1", "", "422 invalid", "a whole number"},
		{"GET", "/bff/echo?i=%2B1", "", "422 invalid", "a whole number"},
		{"GET", "/bff/echo?i=1.0", "", "422 invalid", "a whole number"},
		{"GET", "/bff/echo?i=9223372036854775808", "", "422 invalid", "a whole number"},
		{"GET", "/bff/echo?n=NaN", "", "422 invalid", "a number"},
		{"GET", "/bff/echo?n=0x1", "", "422 invalid", "a number"},
		{"GET", "/bff/echo?n=", "", "422 invalid", "a number"},
		{"GET", "/bff/echo?b=1", "", "422 invalid", "true or false"},
		{"GET", "/bff/echo?j=%7B", "", "422 invalid", "JSON"},
		{"GET", "/bff/echo?j=", "", "422 invalid", "JSON"},
		{"GET", "/bff/echo?s=" + large, "", "413 too_large", "65536"},
		{"GET", "/bff/must", "", "422 invalid", `"id" is missing`},
		{"POST", "/bff/must", `{"id":null}`, "422 invalid", `"id" is missing`},
		{"POST", "/bff/echo", `{"s":1}`, "422 invalid", "a text"},
		{"POST", "/bff/echo", `{"i":"1"}`, "422 invalid", "a whole number"},
		{"POST", "/bff/echo", `{"i":1e2}`, "422 invalid", "a whole number"},
		{"POST", "/bff/echo", `{"n":"1"}`, "422 invalid", "a number"},
		{"POST", "/bff/echo", `{"b":"true"}`, "422 invalid", "true or false"},
		{"POST", "/bff/echo", `{"b":`, "400 invalid", "JSON object"},
		{"POST", "/bff/echo", `[]`, "400 invalid", "JSON object"},
		{"POST", "/bff/echo", "{\"s\":\"\xff\"}", "400 invalid", "JSON object"},
		{"POST", "/bff/echo", `{"s":"` + large + `"}`, "413 too_large", "65536"},
		{"POST", "/bff/echo?s=1", `{}`, "422 invalid", "is in the query"},
		{"POST", "/bff/echo?%zz", `{}`, "422 invalid", "not well escaped"},
	} {
		w := door(t.Context(), b, &ann, c.method, c.target, c.body)
		if c.method == http.MethodHead {
			if w.Body.Len() > 0 || w.Code != 405 {
				t.Errorf("HEAD: %d %s", w.Code, w.Body)
			}
			continue
		}
		if kind, detail := refusedBy(t, w); kind != c.want || !strings.Contains(detail, c.says) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %.60s %.60s: %s %s, want %s %s", c.method, c.target, c.body, kind, detail, c.want, c.says)
		}
		if allow := w.Header().Get("Allow"); (w.Code == 405) != (allow != "") {
			t.Errorf("%s %s: Allow %q", c.method, c.target, allow)
		}
	}
}

// TestForms shows that what another page can send without asking is refused.
func TestForms(t *testing.T) {
	b := echoes(t)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx",
		"text/plain; application/json", "a/b/c"} {
		w := door(t.Context(), b, &ann, http.MethodPost, "/bff/write.it", "{}", "Content-Type", kind)
		if got, _ := refusedBy(t, w); got != "415 invalid" {
			t.Errorf("%s: %s", kind, got)
		}
	}
	if w := door(t.Context(), b, &ann, http.MethodPost, "/bff/write.it", "{}", "Content-Type", "Application/JSON; charset=utf-8"); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
}

func TestIdentities(t *testing.T) {
	b := echoes(t)
	if kind, _ := refusedBy(t, door(t.Context(), b, nil, http.MethodGet, "/bff/echo", "")); kind != "401 unauthorized" {
		t.Error(kind)
	}
	if got := door(t.Context(), b, nil, http.MethodGet, "/bff/open", "").Body.String(); got != "{}" {
		t.Error(got)
	}
	if got := door(t.Context(), b, &ann, http.MethodGet, "/bff/open", "").Body.String(); got != `{"u":"ann"}` {
		t.Error(got)
	}
	bad := b.Handler(func(*http.Request) (*hubbub.Identity, error) {
		return nil, &hubbub.Error{Reason: hubbub.RateLimited, Message: "slow down", RetryAfter: 1500 * time.Millisecond, Err: errors.New("secret")}
	})
	for _, name := range []string{"echo", "open"} {
		w := httptest.NewRecorder()
		bad.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/bff/"+name, nil))
		if kind, detail := refusedBy(t, w); kind != "429 rate_limited" || detail != "slow down" || w.Header().Get("Retry-After") != "2" {
			t.Errorf("%s: %s %s %v", name, kind, detail, w.Header())
		}
	}
}

// TestRefuseOption shows that errors are written by whoever knows the challenges.
func TestRefuseOption(t *testing.T) {
	b := open(t, bff.Options{Refuse: func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, "mine: "+err.Error(), 418) }})
	if w := door(t.Context(), b, nil, http.MethodGet, "/bff/x", ""); w.Code != 418 || !strings.HasPrefix(w.Body.String(), "mine: there is no such call") {
		t.Error(w.Code, w.Body)
	}
}

func TestHead(t *testing.T) {
	b := echoes(t)
	s := httptest.NewServer(b.Handler(func(*http.Request) (*hubbub.Identity, error) { return &ann, nil }))
	defer s.Close()
	response, err := s.Client().Head(s.URL + "/bff/echo?s=x")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || len(text) > 0 || response.StatusCode != 200 || response.ContentLength != int64(len(`{"d":5,"s":"x"}`)) {
		t.Errorf("%v %v %q", response, err, text)
	}
}

// TestMethods calls the same routes as a session does.
func TestMethods(t *testing.T) {
	s := session(t)
	backends := serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"user": %q, "uri": %q, "body": %q}`, r.Header.Get("Hubbub-User"), r.RequestURI, body)
	})
	b := open(t, bff.Options{Backends: backends, Routes: []bff.Route{
		{Name: "get", Params: []bff.Param{{Name: "id", Type: "int"}}, Headers: []string{"X-A"}, Proxy: &bff.Part{Backend: "b",
			Path: "/{user.session}/{user.device}", Query: map[string]any{"id": "{params.id}"}}},
		{Name: "all", Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/"}}},
	}})
	methods := b.Methods()
	if len(methods) != 2 {
		t.Fatalf("%d methods", len(methods))
	}
	result, err := methods["bff.get"](t.Context(), s, json.RawMessage(`{"id": 7}`))
	want := fmt.Sprintf(`{"user": "ann", "uri": "/%s/d1?id=7", "body": ""}`, s.ID())
	if text, ok := result.(json.RawMessage); err != nil || !ok || string(text) != want {
		t.Errorf("got %s %v, want %s", result, err, want)
	}
	for _, none := range []json.RawMessage{nil, json.RawMessage("null"), json.RawMessage("{}")} {
		if _, err := methods["bff.all"](t.Context(), s, none); err != nil {
			t.Errorf("%s: %v", none, err)
		}
	}
	for _, bad := range []string{"[]", `{"x":1}`, `{"id":"x"}`} {
		result, err := methods["bff.get"](t.Context(), s, json.RawMessage(bad))
		if e, ok := errors.AsType[*hubbub.Error](err); !ok || e.Reason != hubbub.Invalid || result != nil {
			t.Errorf("%s: %v %v", bad, result, err)
		}
	}
}

// TestProxyErrors shows what callers of a proxy get of a backend's errors.
func TestProxyErrors(t *testing.T) {
	backends := serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		var status int
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		if r.URL.Query().Has("problem") {
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		}
		w.Header().Set("Retry-After", r.URL.Query().Get("wait"))
		w.WriteHeader(status)
		io.WriteString(w, r.URL.Query().Get("body"))
	})
	b := one(t, bff.Route{Name: "r", Params: []bff.Param{{Name: "status"}, {Name: "problem"}, {Name: "wait"}, {Name: "body"}},
		Proxy: &bff.Part{Backend: "b", Path: "/{params.status}", Query: map[string]any{"problem": "{params.problem}", "wait": "{params.wait}",
			"body": "{params.body}"}}}, backends)
	long := strings.Repeat("é", 300)
	for _, c := range []struct{ query, want, says, wait string }{
		{"status=400", "422 invalid", "the backend b answered with status 400", ""},
		{`status=400&problem=1&body={"detail":"no+such+size"}`, "422 invalid", "no such size", ""},
		{`status=422&problem=1&body={"detail":"` + long + `"}`, "422 invalid", long[:512] + "…", ""},
		{`status=400&body={"detail":"secret"}`, "422 invalid", "the backend b answered with status 400", ""},
		{`status=400&problem=1&body={"detail":`, "422 invalid", "the backend b answered with status 400", ""},
		{"status=401", "403 forbidden", "the backend b answered with status 401", ""},
		{"status=403", "403 forbidden", "the backend b answered with status 403", ""},
		{"status=404", "404 not_found", "the backend b answered with status 404", ""},
		{"status=409", "409 conflict", "the backend b answered with status 409", ""},
		{"status=413", "413 too_large", "the backend b answered with status 413", ""},
		{"status=415", "503 unavailable", "the backend b answered with status 415", ""},
		{"status=429&wait=3", "429 rate_limited", "the backend b answered with status 429", "3"},
		{"status=429&wait=999999999", "429 rate_limited", "the backend b answered with status 429", "3600"},
		{"status=429&wait=soon", "429 rate_limited", "the backend b answered with status 429", ""},
		{"status=429&wait=-1", "429 rate_limited", "the backend b answered with status 429", ""},
		{"status=503&wait=3", "503 unavailable", "the backend b answered with status 503", "3"},
		{`status=500&problem=1&body={"detail":"secret"}`, "503 unavailable", "the backend b answered with status 500", ""},
		{"status=200&body=%3Chtml%3E", "503 unavailable", "the backend b answered with something that is not JSON", ""},
		{"status=200&body=%22%ef%bb", "422 invalid", "UTF-8", ""},
		{"status=302", "503 unavailable", "redirect", ""},
	} {
		w := door(t.Context(), b, &ann, http.MethodGet, "/bff/r?"+strings.ReplaceAll(c.query, `"`, "%22"), "")
		if kind, detail := refusedBy(t, w); kind != c.want || !strings.Contains(detail, c.says) || w.Header().Get("Retry-After") != c.wait {
			t.Errorf("%s: %s %q %v, want %s %q", c.query, kind, detail, w.Header(), c.want, c.says)
		}
	}
}

// TestHeaders shows what is passed on and what is not.
func TestHeaders(t *testing.T) {
	backends := serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode([]string{r.Header.Get("Accept-Language"), r.Header.Get("X-Own"), r.Header.Get("Cookie"),
			r.Header.Get("Hubbub-User"), r.Header.Get("Accept"), r.Header.Get("X-Plan")})
	})
	b := one(t, bff.Route{Name: "r", Headers: []string{"accept-language"}, Auth: "optional", Proxy: &bff.Part{Backend: "b", Path: "/",
		Headers: map[string]string{"x-own": "a{{b", "X-Plan": "plan {user.attrs.plan}"}}}, backends)
	sent := []string{"Accept-Language", "de", "Cookie", "secret", "Hubbub-User", "root", "X-Own", "theirs", "Accept", "text/html"}
	if got := body(t.Context(), b, &ann, "/bff/r", sent...); got != `["de","a{b","","ann","application/json","plan pro"]` {
		t.Error(got)
	}
	if got := body(t.Context(), b, nil, "/bff/r", sent...); got != `["de","a{b","","","application/json",""]` {
		t.Error(got)
	}
}

// TestSignedIdentity shows that parts for everybody carry no identity, and the others do.
func TestSignedIdentity(t *testing.T) {
	backends := serveAs(t, backend.Config{Name: "b", Secret: strings.Repeat("s", 32)}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `"%s %d"`, r.Header.Get("Hubbub-User"), strings.Count(r.Header.Get("Hubbub-Identity"), "."))
	})
	b := one(t, bff.Route{Name: "r", Parts: []bff.Part{{Name: "mine", Backend: "b", Path: "/"},
		{Name: "ours", Backend: "b", Path: "/", Cache: bff.Cache{By: "shared", TTL: time.Hour}}}}, backends)
	if got := get(t, b, "/bff/r"); got != `{"mine":{"status":200,"data":"ann 2"},"ours":{"status":200,"data":" 0"}}` {
		t.Error(got)
	}
}
