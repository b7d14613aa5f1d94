package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
)

// guard is a backend that knows people by a cookie, and guards some rooms.
func guard(t *testing.T) gateway.BackendConfig {
	return service(t, func(path string, body []byte) string {
		var q struct {
			Identity *struct{ User string }
			Headers  map[string][]string
			Room     string
		}
		if err := json.Unmarshal(body, &q); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		switch {
		case path == "/join" && q.Room == "secret", q.Identity != nil && q.Identity.User == "eve":
			return `{"allow":false,"message":"not you"}`
		case path == "/join":
			return `{"allow":true}`
		case path == "/send":
			return `{"allow":true,"data":"changed"}`
		case q.Identity != nil:
			return `{"allow":true,"rooms":{"join":["vip"]}}`
		case len(q.Headers["Cookie"]) > 0:
			return `{"allow":true,"user":"ann"}`
		}
		return `{"allow":false,"reason":"unauthorized","message":"who are you"}`
	})
}

func guarded(t *testing.T) gateway.Config {
	cfg := production()
	cfg.Backends = []gateway.BackendConfig{guard(t)}
	cfg.Hooks = []gateway.HookConfig{{On: "connect", Backend: "shop", Path: "/connect", Headers: []string{"Cookie"}},
		{On: "room.join", Backend: "shop", Path: "/join"}, {On: "room.send", Backend: "shop", Path: "/send"}}
	cfg.Rooms = []gateway.RoomConfig{{Match: "vip", Join: "token"}, {Match: "*"}}
	cfg.BFF.Routes = routes()
	return cfg
}

func TestHooksDecide(t *testing.T) {
	g := serve(t, guarded(t))
	for name, c := range map[string]struct {
		with   creds
		status int
		user   string
	}{
		"nobody":    {creds{}, 401, ""},
		"cookie":    {creds{}.with("Cookie", "sid=1"), 101, "ann"},
		"token":     {bearer(tokenOf(t, "bob")), 101, "bob"},
		"refused":   {bearer(tokenOf(t, "eve")), 403, ""},
		"bad token": {bearer("x").with("Cookie", "sid=1"), 401, ""},
	} {
		if got := g.ends(t, name, func() creds { return c.with }); got.status != c.status || got.user != c.user {
			t.Errorf("%s: %v", name, got)
		}
	}
	p := g.as(t, tokenOf(t, "bob"), "")
	p.call(t, "room.join", `{"room":"vip"}`)
	p.refused(t, "forbidden", "room.join", `{"room":"secret"}`)
	p.call(t, "session.refresh", `{"token":"`+tokenOf(t, "bob")+`"}`)
	p.call(t, "room.send", `{"room":"vip","data":"said"}`)
	if f := p.expect(t, "room.message"); !strings.Contains(string(f.Params), `"changed"`) {
		t.Errorf("heard %v", f)
	}
	if res := g.bff(t, "/bff/mine", "Cookie: sid=1"); decode[asked](t, json.RawMessage(body(t, res))).User != "ann" {
		t.Errorf("by cookie: %d", res.StatusCode)
	}
	if res := g.bff(t, "/bff/all"); res.StatusCode != 200 {
		t.Errorf("nobody: %d %s", res.StatusCode, body(t, res))
	}
	if res := g.bff(t, "/bff/mine", "Cookie: sid=1", "Sec-Fetch-Site: cross-site"); res.StatusCode != 403 {
		t.Errorf("by cookie, from an image of another site: %d", res.StatusCode)
	}
	if figures := g.figures(t); !strings.Contains(figures, `hubbub_hooks_total{hook="room.join",outcome="refused"} 1`) {
		t.Errorf("figures are\n%s", figures)
	}
}

// TestCookiesOfHooksNeedAnOriginByName has a page of any origin, which "*" allows, use the cookie of who looks at it.
func TestCookiesOfHooksNeedAnOriginByName(t *testing.T) {
	cfg := guarded(t)
	cfg.Origins = []string{"*"}
	g := serve(t, cfg)
	if got := g.ends(t, "any page", func() creds { return creds{}.with("Cookie", "sid=1").with("Origin", "https://evil.example") }); got.status != 403 {
		t.Errorf("any page with a cookie: %v", got)
	}
	if got := g.ends(t, "any page, token", func() creds { return bearer(tokenOf(t, "bob")).with("Origin", "https://evil.example") }); got.status != 101 {
		t.Errorf("any page with a token: %v", got)
	}
}

// TestHooksThatAreDown fail closed, and open where the rule says so; whose name nobody knows does not come in either way.
func TestHooksThatAreDown(t *testing.T) {
	for onFailure, want := range map[string]int{"refuse": 503, "allow": 101} {
		cfg := production()
		cfg.Backends = []gateway.BackendConfig{{Name: "shop", URL: "http://127.0.0.1:1"}}
		cfg.Hooks = []gateway.HookConfig{{On: "connect", Backend: "shop", Path: "/", OnFailure: onFailure},
			{On: "room.join", Rooms: []string{"guarded"}, Backend: "shop", Path: "/"}}
		g := serve(t, cfg)
		if got := g.ends(t, "token", func() creds { return bearer(tokenOf(t, "bob")) }); got.status != want {
			t.Errorf("%s: %v", onFailure, got)
		}
		if got := g.ends(t, "nobody", func() creds { return creds{} }); got.status != 503 || got.reason != string(hubbub.Unavailable) {
			t.Errorf("%s, nobody: %v", onFailure, got)
		}
		if onFailure == "allow" {
			p := g.as(t, tokenOf(t, "ann"), "")
			p.refused(t, "unavailable", "room.join", `{"room":"guarded"}`)
			p.call(t, "room.join", `{"room":"free"}`)
		}
	}
}
