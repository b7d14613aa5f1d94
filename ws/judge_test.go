package ws_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/hubbub-dev/hubbub/ws"
)

func TestAllowsOrigin(t *testing.T) {
	listed := ws.NewServer(ws.Options{Origins: []string{"https://*.b.com"}})
	anyone := ws.NewServer(ws.Options{Origins: []string{"*", "https://b.com"}})
	null := ws.NewServer(ws.Options{Origins: []string{"null"}})
	for name, c := range map[string]struct {
		srv             *ws.Server
		origin          string
		allowed, byName bool
	}{
		"none":            {listed, "", true, true},
		"same host":       {listed, "http://example.com", true, true},
		"listed":          {listed, "https://a.b.com", true, true},
		"foreign":         {listed, "https://evil.test", false, false},
		"malformed":       {listed, "https://", false, false},
		"null":            {listed, "null", false, false},
		"null listed":     {null, "null", true, false},
		"any":             {anyone, "https://evil.test", true, false},
		"any, but listed": {anyone, "https://b.com", true, true},
		"any, null":       {anyone, "null", true, false},
		"any, malformed":  {anyone, "https://", true, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if allowed, byName := c.srv.AllowsOrigin(r); allowed != c.allowed || byName != c.byName {
			t.Errorf("%s: allowed %v, by name %v", name, allowed, byName)
		}
	}
}

func TestClientAddrOfRequest(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:5"
	r.Header.Set("X-Forwarded-For", "7.7.7.7")
	if got := ws.ClientAddr(r, nil).String(); got != "10.0.0.1:5" {
		t.Errorf("an untrusted peer chose %s", got)
	}
	if got := ws.ClientAddr(r, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}).Addr().String(); got != "7.7.7.7" {
		t.Errorf("a trusted proxy told 7.7.7.7, and it is %s", got)
	}
}

func TestCheckOrigin(t *testing.T) {
	for entry, good := range map[string]bool{"*": true, "null": true, "https://b.com": true, "b.com": true, "https://b.com/x": false, "": false} {
		if err := ws.CheckOrigin(entry); (err == nil) != good {
			t.Errorf("%q: %v", entry, err)
		}
	}
}
