package ws

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

var testProxies = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"),
	netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::ffff:172.16.0.0/108"),
}

// proxied is a request to app.internal from peer, with header lines "Name: value".
func proxied(peer string, lines ...string) *http.Request {
	r := &http.Request{Host: "app.internal", RemoteAddr: peer, Header: http.Header{}}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestClientView(t *testing.T) {
	const xff, fwd = "X-Forwarded-For: ", "Forwarded: "
	for name, c := range map[string]struct {
		peer  string
		lines []string
		want  string // address host scheme
	}{
		"no proxy":            {"1.2.3.4:5", nil, "1.2.3.4:5 app.internal http"},
		"mapped peer":         {"[::ffff:1.2.3.4]:5", nil, "1.2.3.4:5 app.internal http"},
		"untrusted peer":      {"1.2.3.4:5", []string{xff + "6.6.6.6", fwd + "for=6.6.6.6;host=evil", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https"}, "1.2.3.4:5 app.internal http"},
		"pipe":                {"pipe", []string{xff + "6.6.6.6"}, "invalid AddrPort app.internal http"},
		"unix socket":         {"@", []string{xff + "6.6.6.6"}, "invalid AddrPort app.internal http"},
		"silent proxy":        {"10.0.0.1:5", nil, "10.0.0.1:5 app.internal http"},
		"mapped proxy":        {"[::ffff:10.0.0.1]:5", []string{xff + "6.6.6.6"}, "6.6.6.6:0 app.internal http"},
		"mapped network":      {"172.16.0.1:5", []string{xff + "6.6.6.6"}, "6.6.6.6:0 app.internal http"},
		"link-local proxy":    {"[fe80::1%eth0]:5", []string{xff + "6.6.6.6"}, "6.6.6.6:0 app.internal http"},
		"xff":                 {"10.0.0.1:5", []string{xff + "6.6.6.6, 7.7.7.7"}, "7.7.7.7:0 app.internal http"},
		"xff chain":           {"10.0.0.1:5", []string{xff + "6.6.6.6, 7.7.7.7", xff + "10.0.0.2, 10.0.0.3"}, "7.7.7.7:0 app.internal http"},
		"xff all trusted":     {"10.0.0.1:5", []string{xff + "10.0.0.9, 10.0.0.2"}, "10.0.0.9:0 app.internal http"},
		"xff port":            {"10.0.0.1:5", []string{xff + "7.7.7.7:1234"}, "7.7.7.7:1234 app.internal http"},
		"xff v6":              {"10.0.0.1:5", []string{xff + "2001:db8::1"}, "[2001:db8::1]:0 app.internal http"},
		"xff v6 port":         {"10.0.0.1:5", []string{xff + "[2001:db8::1]:99"}, "[2001:db8::1]:99 app.internal http"},
		"xff mapped":          {"10.0.0.1:5", []string{xff + "::ffff:7.7.7.7"}, "7.7.7.7:0 app.internal http"},
		"xff junk":            {"10.0.0.1:5", []string{xff + "6.6.6.6, <script>"}, "10.0.0.1:5 app.internal http"},
		"xff junk farther":    {"10.0.0.1:5", []string{xff + "6.6.6.6, unknown, 10.0.0.2"}, "10.0.0.2:0 app.internal http"},
		"xff empty":           {"10.0.0.1:5", []string{xff}, "10.0.0.1:5 app.internal http"},
		"xff zone":            {"10.0.0.1:5", []string{xff + "fe80::1%eth0"}, "10.0.0.1:5 app.internal http"},
		"xff too long":        {"10.0.0.1:5", []string{xff + strings.Repeat("6.6.6.6,", maxHops+1)}, "10.0.0.1:5 app.internal http"},
		"x host proto":        {"10.0.0.1:5", []string{xff + "7.7.7.7", "X-Forwarded-Host: a.com:8080", "X-Forwarded-Proto: https"}, "7.7.7.7:0 a.com:8080 https"},
		"x host alone":        {"10.0.0.1:5", []string{"X-Forwarded-Host: a.com", "X-Forwarded-Proto: WSS"}, "10.0.0.1:5 a.com https"},
		"x host forged":       {"10.0.0.1:5", []string{xff + "7.7.7.7", "X-Forwarded-Host: evil, a.com"}, "7.7.7.7:0 a.com http"},
		"x host chain":        {"10.0.0.1:5", []string{xff + "7.7.7.7, 10.0.0.2", "X-Forwarded-Host: evil, a.com, mid"}, "7.7.7.7:0 a.com http"},
		"x host once":         {"10.0.0.1:5", []string{xff + "7.7.7.7, 10.0.0.2", "X-Forwarded-Host: a.com"}, "7.7.7.7:0 a.com http"},
		"x host junk":         {"10.0.0.1:5", []string{xff + "7.7.7.7", "X-Forwarded-Host: a b/c", "X-Forwarded-Proto: gopher"}, "7.7.7.7:0 app.internal http"},
		"forwarded":           {"10.0.0.1:5", []string{fwd + `for=7.7.7.7;proto=https;host=a.com;by=10.0.0.1`}, "7.7.7.7:0 a.com https"},
		"forwarded v6":        {"[fd00::1]:5", []string{fwd + `For="[2001:db8::1]:4711" ; HOST="a.com:1"`}, "[2001:db8::1]:4711 a.com:1 http"},
		"forwarded lenient":   {"[fd00::1]:5", []string{fwd + `for=[2001:db8::1]:47;host=a.com:1`}, "[2001:db8::1]:47 a.com:1 http"},
		"forwarded chain":     {"10.0.0.1:5", []string{fwd + "for=6.6.6.6;host=evil, for=7.7.7.7;host=a.com", fwd + "for=10.0.0.3;host=mid"}, "7.7.7.7:0 a.com http"},
		"forwarded no host":   {"10.0.0.1:5", []string{fwd + "for=7.7.7.7,for=10.0.0.3;host=mid;proto=https"}, "7.7.7.7:0 mid https"},
		"forwarded unknown":   {"10.0.0.1:5", []string{fwd + "for=6.6.6.6, for=unknown;host=a.com"}, "10.0.0.1:5 a.com http"},
		"forwarded hidden":    {"10.0.0.1:5", []string{fwd + `for=_gazonk, for="10.0.0.2:_x"`}, "10.0.0.2:0 app.internal http"},
		"forwarded escapes":   {"10.0.0.1:5", []string{fwd + `for="7.7\.7.7";ext="a,b;c=\"d"`}, "7.7.7.7:0 app.internal http"},
		"forwarded malformed": {"10.0.0.1:5", []string{fwd + `for="7.7.7.7`, xff + "6.6.6.6"}, "10.0.0.1:5 app.internal http"},
		"forwarded no value":  {"10.0.0.1:5", []string{fwd + `junk, for=7.7.7.7`}, "10.0.0.1:5 app.internal http"},
		"forwarded twice for": {"10.0.0.1:5", []string{fwd + "for=7.7.7.7;for=8.8.8.8"}, "10.0.0.1:5 app.internal http"},
		"forwarded too long":  {"10.0.0.1:5", []string{fwd + strings.Repeat("for=6.6.6.6,", maxHops+1)}, "10.0.0.1:5 app.internal http"},
		"both agree":          {"10.0.0.1:5", []string{fwd + "for=7.7.7.7;host=a.com", xff + "7.7.7.7", "X-Forwarded-Host: b.com"}, "7.7.7.7:0 a.com http"},
		"one forged":          {"10.0.0.1:5", []string{fwd + "for=6.6.6.6;host=a.com", xff + "7.7.7.7", "X-Forwarded-Host: b.com"}, "10.0.0.1:5 app.internal http"},
	} {
		t.Run(name, func(t *testing.T) {
			r := proxied(c.peer, c.lines...)
			got := clientAddr(r, testProxies).String() + " " + clientHost(r, testProxies) + " " + clientScheme(r, testProxies)
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			untrusted := netip.AddrPort{}
			if peer := peerAddr(c.peer); peer.IsValid() {
				untrusted = peer
			}
			if clientAddr(r, nil) != untrusted || clientHost(r, nil) != "app.internal" || clientScheme(r, nil) != "http" {
				t.Errorf("without trusted proxies: %v", clientView(r, nil))
			}
		})
	}
}

func TestClientSchemeOfTLS(t *testing.T) {
	r := proxied("1.2.3.4:5")
	r.TLS = &tls.ConnectionState{}
	if got := clientScheme(r, nil); got != "https" {
		t.Errorf("got %q", got)
	}
}

// FuzzParseForwarded feeds junk, and what is written back must be read as it was.
func FuzzParseForwarded(f *testing.F) {
	for _, seed := range []string{
		"", ",", ";", "for=1.2.3.4", `for="[2001:db8:cafe::17]:4711"`, "For=_hidden;by=unknown, for=10.0.0.1;proto=http;host=a.com:8080",
		`for="a\"b";host="\\"`, `for="`, "for=", "=x", "for=[::1]:99;;host=x, ,proto=wss", "for=1.2.3.4\t;\thost=a ,", "for=::ffff:1.2.3.4",
		`for="1.2.3.4:_x"`, "for=1.2.3.4 host=a", `for=""`, `for=[`, `for=]:`, `for=:`,
	} {
		f.Add(seed, "")
		f.Add("for=10.1.1.1", seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		hops, ok := parseForwarded([]string{a, b})
		if len(hops) > maxHops || !ok && hops != nil {
			t.Fatalf("%d hops, %v", len(hops), ok)
		}
		var lines []string
		for _, h := range hops {
			pairs := []string{"ext=1"}
			if h.addr.IsValid() {
				pairs = append(pairs, `for="`+h.addr.String()+`"`)
			}
			if h.host != "" {
				pairs = append(pairs, `host="`+h.host+`"`)
			}
			if h.scheme != "" {
				pairs = append(pairs, "proto="+h.scheme)
			}
			lines = append(lines, strings.Join(pairs, ";"))
		}
		again, ok := parseForwarded([]string{strings.Join(lines, ", ")})
		if !ok || len(again) != len(hops) {
			t.Fatalf("%q: %d hops became %d", lines, len(hops), len(again))
		}
		for i := range hops {
			if hops[i] != again[i] {
				t.Fatalf("%v became %v", hops[i], again[i])
			}
		}
		clientView(proxied("10.0.0.1:1", "Forwarded: "+a, "X-Forwarded-For: "+b, "X-Forwarded-Host: "+a), testProxies)
		peerAddr(a)
	})
}

// TestForwardedIsBounded wants a header with thousands of names to be refused at once, not compared with one another.
func TestForwardedIsBounded(t *testing.T) {
	var line strings.Builder
	for i := range 100 {
		fmt.Fprintf(&line, "n%d=x;", i)
	}
	if hops, ok := parseForwarded([]string{line.String()}); ok {
		t.Errorf("an element with 100 names was taken for %v", hops)
	}
}
