package ws

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"unsafe"
)

// factsOf routes a request through an http.ServeMux with one pattern.
func factsOf(t *testing.T, pattern, target string, o *Options, header http.Header) *Conn {
	t.Helper()
	var c *Conn
	mux := http.NewServeMux()
	mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
		c = &Conn{facts: newFacts(r, o)}
	})
	r := httptest.NewRequest("GET", target, nil)
	r.RemoteAddr = "10.0.0.1:99"
	r.Header = header
	mux.ServeHTTP(httptest.NewRecorder(), r)
	if c == nil {
		t.Fatalf("%s does not match %s", pattern, target)
	}
	return c
}

func TestFacts(t *testing.T) {
	header := http.Header{"X-Device": {"d1", "d2"}, "Cookie": {"secret"}, "X-Forwarded-For": {"7.7.7.7"}}
	o := &Options{Headers: []string{"x-device", "Host", "X-Absent"}, TrustedProxies: testProxies}
	c := factsOf(t, "GET /chat/{room}/{rest...}", "/chat/caf%C3%A9/a/b%2Fc?token=t&x=1&x=2", o, header)
	for name, got := range map[string][2]string{
		"room":        {c.PathValue("room"), "café"},
		"rest":        {c.PathValue("rest"), "a/b/c"},
		"no wildcard": {c.PathValue("token"), ""},
		"device":      {c.Header("X-DEVICE"), "d1"},
		"host":        {c.Header("host"), "example.com"},
		"absent":      {c.Header("X-Absent"), ""},
		"not chosen":  {c.Header("Cookie"), ""},
		"path":        {c.URL().Path, "/chat/café/a/b/c"},
		"escaped":     {c.URL().EscapedPath(), "/chat/caf%C3%A9/a/b%2Fc"},
		"query":       {c.Query().Get("token"), "t"},
		"remote":      {c.RemoteAddr().String(), "7.7.7.7:0"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", name, got[0], got[1])
		}
	}
	if x := c.Query()["x"]; !slices.Equal(x, []string{"1", "2"}) {
		t.Errorf("x is %q", x)
	}
	c.URL().Path = "/changed"
	if c.URL().Path == "/changed" {
		t.Error("callers share one URL")
	}
}

// TestFactsSmall guards what each of ten thousand idle conns pays.
func TestFactsSmall(t *testing.T) {
	if size := unsafe.Sizeof(facts{}); size > 56 {
		t.Errorf("facts have %d bytes", size)
	}
	c := factsOf(t, "/echo", "/echo", &Options{}, http.Header{"Cookie": {"x"}})
	if c.facts.more != nil || c.PathValue("x") != "" || c.Header("Cookie") != "" || c.facts.remote != netip.MustParseAddrPort("10.0.0.1:99") {
		t.Errorf("facts are %+v", c.facts)
	}
}

func TestFactsURL(t *testing.T) {
	for uri, path := range map[string]string{
		"//evil.com/x?y=1":           "//evil.com/x", // not a host
		"http://a.com/x?y=1":         "/x",           // a request through a forward proxy
		"wss://a.com:8443/x?y=1":     "/x",           // a dialed conn
		"*":                          "*",
		"":                           "",
		"/%zz":                       "",
		"/a%2Fb":                     "/a/b",
		"/x?y=1;z=2&bad=%zz&fine=ok": "/x",
	} {
		f := facts{uri: uri}
		if got := f.url().Path; got != path {
			t.Errorf("%q: path %q, want %q", uri, got, path)
		}
		(&Conn{facts: f}).Query()
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://a.com/x?y=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := newFacts(r, &Options{}); f.uri != "/x?y=1" {
		t.Errorf("without RequestURI: %q", f.uri)
	}
}

func TestWildcards(t *testing.T) {
	for pattern, want := range map[string][]string{
		"":                                nil,
		"/a":                              nil,
		"/a/{$}":                          nil,
		"GET a.com/{x}/b/{y}/{rest...}":   {"x", "y", "rest"},
		"/chat/{room:[a-z]{3}}/{id:}/*":   {"room", "id", "*"},
		"/u/:name/at/:place/*":            {"name", "place", "*"},
		"/u/a:b":                          nil,
		"/}{":                             nil,
		"/{a":                             nil,
		"/{}/{...}/{ok}":                  {"ok"},
		"/t/{tenant}/{tenant2}-{tenant3}": {"tenant", "tenant2", "tenant3"},
	} {
		if got := slices.Collect(wildcards(pattern)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", pattern, got, want)
		}
	}
}
