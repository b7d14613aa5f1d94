package ws

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func checkTestOrigin(t testing.TB, list []string, host, origin string) (*refusal, string) {
	t.Helper()
	policy, err := newOriginPolicy(list)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Host: host, RemoteAddr: "127.0.0.1:1", Header: http.Header{"Origin": {origin}}}
	var log bytes.Buffer
	ref := policy.check(r, &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return ref, log.String()
}

func TestOriginPolicy(t *testing.T) {
	none := []string(nil)
	for _, c := range []struct {
		list         []string
		host, origin string
		want         bool
	}{
		{none, "a.com", "https://a.com", true},
		{none, "a.com", "http://a.com", true},
		{none, "A.com", "https://a.COM", true},
		{none, "a.com:443", "https://a.com", true},
		{none, "a.com:80", "http://a.com", true},
		{none, "a.com", "https://a.com:443", true},
		{none, "a.com:8080", "http://a.com:8080", true},
		{none, "a.com:8080", "http://a.com", false},
		{none, "a.com", "http://a.com:8080", false},
		{none, "a.com", "https://b.com", false},
		{none, "a.com", "https://a.com.evil.com", false},
		{none, "a.com", "https://evila.com", false},
		{none, "a.com", "foo://a.com", false},
		{none, "a.com", "null", false},
		{none, "a.com", "", false},
		{none, "a.com", "https://", false},
		{none, "a.com", "https://a.com/", false},
		{none, "a.com", "https://a.com https://a.com", false},
		{none, "a.com", "https://a.com:0", false},
		{none, "a.com", "https://a.com:443x", false},
		{none, "a.com", "https://user@a.com", false},
		{none, "", "https://", false},
		{none, "[::1]:8080", "http://[::1]:8080", true},
		{none, "[::1]", "http://[::1]", true},
		{none, "[0:0::1]", "http://[::1]", true},
		{none, "[::2]", "http://[::1]", false},
		{none, "::1", "http://[::1]", false},
		{[]string{"null"}, "a.com", "null", true},
		{[]string{"*"}, "a.com", "null", true},
		{[]string{"*"}, "a.com", "https://b.com", true},
		{[]string{"https://b.com"}, "a.com", "https://a.com", true},
		{[]string{"https://b.com"}, "a.com", "https://b.com", true},
		{[]string{"https://b.com"}, "a.com", "https://b.com:443", true},
		{[]string{"HTTPS://B.com:443"}, "a.com", "https://b.com", true},
		{[]string{"https://b.com"}, "a.com", "http://b.com", false},
		{[]string{"https://b.com"}, "a.com", "https://b.com:8443", false},
		{[]string{"https://b.com"}, "a.com", "https://x.b.com", false},
		{[]string{"https://*.b.com"}, "a.com", "https://x.b.com", true},
		{[]string{"https://*.b.com"}, "a.com", "https://x.y.b.com", true},
		{[]string{"https://*.b.com"}, "a.com", "https://b.com", false},
		{[]string{"https://*.b.com"}, "a.com", "https://.b.com", false},
		{[]string{"https://*.b.com"}, "a.com", "https://xb.com", false},
		{[]string{"https://*.b.com"}, "a.com", "https://x.b.com:8443", false},
		{[]string{"https://*.b.com:*"}, "a.com", "https://x.b.com:8443", true},
		{[]string{"http://localhost:*"}, "a.com", "http://localhost:3000", true},
		{[]string{"http://localhost:*"}, "a.com", "http://localhost", true},
		{[]string{"http://localhost:*"}, "a.com", "https://localhost:3000", false},
		{[]string{"http://[::1]:*"}, "a.com", "http://[::1]:3000", true},
		{[]string{"b.com"}, "a.com", "http://b.com", true},
		{[]string{"b.com"}, "a.com", "https://b.com", true},
		{[]string{"b.com"}, "a.com", "https://b.com:8443", false},
		{[]string{"b.com"}, "a.com", "app://b.com", false},
		{[]string{"b.com:443"}, "a.com", "https://b.com", true},
		{[]string{"b.com:443"}, "a.com", "http://b.com", false},
		{[]string{"*.b.com:*"}, "a.com", "http://x.b.com:99", true},
		{[]string{"localhost:3000"}, "a.com", "http://localhost:3000", true},
		{[]string{"https://*"}, "a.com", "https://any.com", true},
		{[]string{"https://*"}, "a.com", "http://any.com", false},
		{[]string{"https://*"}, "a.com", "https://any.com:99", false},
		{[]string{"https://*:*"}, "a.com", "https://any.com:99", true},
		{[]string{"capacitor://localhost"}, "a.com", "capacitor://localhost", true},
		{[]string{"file://"}, "a.com", "file://", true},
		{[]string{"file://"}, "a.com", "app://", false},
	} {
		ref, log := checkTestOrigin(t, c.list, c.host, c.origin)
		if (ref == nil) != c.want {
			t.Errorf("Origins %q, host %q, origin %q: refusal %v", c.list, c.host, c.origin, ref)
		}
		if ref != nil && (ref.status != http.StatusForbidden || !strings.Contains(log, "level=INFO")) {
			t.Errorf("refused with %d, logged %q", ref.status, log)
		}
	}
}

// TestOriginRefusalHelps takes the value to add from what a refusal says, and adds it.
func TestOriginRefusalHelps(t *testing.T) {
	for _, origin := range []string{
		"https://b.com", "http://localhost:3000", "null", "file://", "app://obsidian.md", "HTTPS://B.com:443", "http://[::1]:99", "https://xn--bcher-kva.example",
	} {
		ref, log := checkTestOrigin(t, nil, "a.com", origin)
		if ref == nil {
			t.Fatalf("%s: allowed", origin)
		}
		_, after, ok := strings.Cut(ref.text, `add "`)
		add, _, ok2 := strings.Cut(after, `" to Options.Origins`)
		if !ok || !ok2 {
			t.Fatalf("%s: the body names no value: %s", origin, ref.text)
		}
		if !strings.Contains(log, "origin="+add) || !strings.Contains(log, "host=a.com") || !strings.Contains(log, "Options.Origins") {
			t.Errorf("%s: logged %s", origin, log)
		}
		if ref, _ := checkTestOrigin(t, []string{add}, "a.com", origin); ref != nil {
			t.Errorf("%s: still refused with %q: %v", origin, add, ref)
		}
	}
}

func TestOriginAbsentOrTwice(t *testing.T) {
	var policy originPolicy
	r := &http.Request{Host: "a.com", Header: http.Header{}}
	if ref := policy.check(r, &Options{}); ref != nil {
		t.Errorf("without Origin: %v", ref)
	}
	r.Header["Origin"] = []string{"https://a.com", "https://a.com"}
	if ref := policy.check(r, &Options{Logger: slog.New(slog.DiscardHandler)}); ref == nil {
		t.Error("two Origin headers are allowed")
	}
}

func TestOriginBehindProxy(t *testing.T) {
	var policy originPolicy
	o := &Options{Logger: slog.New(slog.DiscardHandler), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	r := proxied("127.0.0.1:1", "Origin: https://a.com", "X-Forwarded-Host: a.com", "X-Forwarded-For: 7.7.7.7")
	if ref := policy.check(r, o); ref != nil {
		t.Errorf("trusted proxy: %v", ref)
	}
	r.RemoteAddr = "128.0.0.1:1"
	if ref := policy.check(r, o); ref == nil {
		t.Error("an untrusted peer chose the host")
	}
}

func TestOriginEntriesMalformed(t *testing.T) {
	for entry, hint := range map[string]string{
		"":                       "names no host",
		"https://":               "is not an origin",
		"https://b.com/":         "more than scheme, host and port",
		"https://b.com/chat":     "more than scheme, host and port",
		"https://b.com?x":        "more than scheme, host and port",
		"wss://b.com":            `write "https://b.com"`,
		"ws://b.com:80":          `write "http://b.com:80"`,
		"https://bücher.example": "punycode",
		"https://*b.com":         "is not an origin",
		"https://x.*.com":        "is not an origin",
		"https://*.":             "is not an origin",
		"https://*.*":            "no domain",
		"https://*.[::1]":        "no domain",
		"*.":                     "no domain",
		"*:*":                    "names no host",
		":8080":                  "is not an origin",
		"b.com:":                 "is not an origin",
		"b.com:99999":            "is not an origin",
		"b.com:80:*":             "is not an origin",
		"://b.com":               "is not an origin",
		"1x://b.com":             "is not an origin",
		"http://::1":             "is not an origin",
		"http://[::1":            "is not an origin",
		"a.com b.com":            "is not an origin",
		"a.com,b.com":            "is not an origin",
	} {
		_, err := newOriginPolicy([]string{"https://fine.example", entry})
		if err == nil || !strings.Contains(err.Error(), hint) || !strings.Contains(err.Error(), "Options.Origins") {
			t.Errorf("%q: %v, want %q", entry, err, hint)
		}
	}
}
