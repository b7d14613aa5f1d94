package rpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/ws"
)

func TestWelcome(t *testing.T) {
	o := rpc.Options{Heartbeat: 2 * time.Second, Reconnect: hubbub.Retry{Min: time.Second, Max: 3 * time.Second}}
	inBubble(t, hubbub.Options{}, o, func(t *testing.T, s *server) {
		ann := s.connect(t, `user=ann&device=a&platform=ios&info={"name":"Ann"}`)
		same(t, string(ann.welcomed.Params), `{"session":"*","user":"ann","info":{"name":"Ann"},"device":"a","platform":"ios",`+
			`"node":"*","heartbeat_ms":2000,"time":"*","reconnect":{"min_ms":1000,"max_ms":3000}}`)
		ann.call("ping", "")
		bare := s.connect(t, "user=bob")
		same(t, string(bare.welcomed.Params), `{"session":"*","user":"bob","device":"*","platform":"web","node":"*",`+
			`"heartbeat_ms":2000,"time":"*","reconnect":"*"}`)
	})
}

func TestPresence(t *testing.T) {
	inBubble(t, hubbub.Options{ListPresence: true}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann&device=a")
		const away = `{"user":"bob","online":false,"devices":[]}`
		same(t, ann.call("presence.get", `{"users":["bob","ann"]}`),
			`{"users":[`+away+`,{"user":"ann","online":true,"devices":[{"device":"a","platform":"web","sessions":1}]}]}`)
		same(t, ann.call("presence.watch", `{"users":["bob"]}`), `{"users":[`+away+`]}`)
		bob := s.connect(t, `user=bob&device=b&platform=ios&plan=pro&info={"name":"Bob"}`)
		const here = `{"user":"bob","online":true,"info":{"name":"Bob"},"devices":[{"device":"b","platform":"ios","sessions":1}]}`
		same(t, ann.took("presence.changed"), here)
		same(t, ann.call("presence.count", ""), `{"users":2,"sessions":2}`)
		for params, want := range map[string]string{
			`{}`:                       `{"users":["*",` + here + `],"count":2}`,
			`{"limit":1}`:              `{"users":["*"],"count":2,"next":"*"}`,
			`{"platform":"ios"}`:       `{"users":[` + here + `],"count":1}`,
			`{"attr":{"plan":"pro"}}`:  `{"users":[` + here + `],"count":1}`,
			`{"attr":{"plan":"free"}}`: `{"users":[],"count":0}`,
		} {
			same(t, ann.call("presence.list", params), want)
		}
		ann.refused("forbidden", "presence.list", `{"room":"lobby"}`)
		ann.call("room.join", `{"room":"lobby"}`)
		same(t, ann.call("presence.list", `{"room":"lobby"}`), `{"users":["*"],"count":1}`)

		if err := bob.conn.Close(ws.CodeNormal, ""); err != nil {
			t.Fatal(err)
		}
		same(t, ann.took("presence.changed"), `{"user":"bob","online":true,"info":{"name":"Bob"},"devices":[],"last_seen":"*"}`)
		time.Sleep(6 * time.Second) // the bubble's
		same(t, ann.took("presence.changed"), `{"user":"bob","online":false,"devices":[],"last_seen":"*"}`)
		ann.call("presence.unwatch", `{"users":[]}`)
		ann.call("presence.unwatch", `{"users":["bob"]}`)
		ann.call("presence.unwatch", ``)
		s.connect(t, "user=bob&device=b")
		ann.nothing()
	})
}

func TestListingEverybodyMustBeAllowed(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		s.connect(t, "user=ann").refused("forbidden", "presence.list", `{}`)
	})
}

func TestOwnSessions(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		laptop, tab := s.connect(t, "user=ann&device=a1"), s.connect(t, "user=ann&device=a1")
		phone, tablet := s.connect(t, "user=ann&device=a2&platform=ios"), s.connect(t, "user=ann&device=a3")
		other := s.connect(t, "user=bob&device=a1")
		const one = `{"session":"*","this":false,"connected":"*"}`
		same(t, tab.call("session.list", ""), `{"devices":[`+
			`{"device":"a1","platform":"web","this":true,"sessions":[`+one+`,{"session":"*","this":true,"connected":"*"}]},`+
			`{"device":"a2","platform":"ios","this":false,"sessions":[`+one+`]},`+
			`{"device":"a3","platform":"web","this":false,"sessions":[`+one+`]}]}`)
		same(t, tab.call("session.end", `{"device":"a2"}`), `{"ended":1}`)
		phone.ended(rpc.CodeLoggedOut, "logged_out")
		same(t, tab.call("session.end", `{"device":"a2"}`), `{"ended":0}`)
		same(t, tab.call("session.end", `{"session":"nobody"}`), `{"ended":0}`)
		same(t, tab.call("session.end", `{"others":true}`), `{"ended":1}`)
		tablet.ended(rpc.CodeLoggedOut, "logged_out")
		laptop.call("ping", "")
		tab.send("session.end", `{"device":"a1"}`)
		laptop.ended(rpc.CodeLoggedOut, "logged_out")
		tab.ended(rpc.CodeLoggedOut, "logged_out")
		other.call("ping", "")
		other.nothing()
	})
}

func TestReplaced(t *testing.T) {
	inBubble(t, hubbub.Options{Devices: hubbub.DeviceLimit{Max: 1}}, rpc.Options{}, func(t *testing.T, s *server) {
		old := s.connect(t, "user=ann&device=a1")
		s.connect(t, "user=ann&device=a2&platform=ios")
		same(t, old.took("session.replaced"), `{"by":{"device":"a2","platform":"ios","session":"*"}}`)
		old.ended(rpc.CodeReplaced, "replaced")
	})
}

func TestRefusedSession(t *testing.T) {
	inBubble(t, hubbub.Options{Devices: hubbub.DeviceLimit{Max: 1, Refuse: true}}, rpc.Options{}, func(t *testing.T, s *server) {
		old := s.connect(t, "user=ann&device=a1")
		refused := s.dial(t, "user=ann&device=a2")
		if f := refused.reply("null"); f.Error == nil || f.Error.Data.Reason != "conflict" {
			t.Errorf("told %s", f)
		}
		refused.ended(rpc.CodeNotAllowed, "not_allowed")
		old.call("ping", "")

		if err := s.hub.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		later := s.dial(t, "user=bob")
		if f := later.reply("null"); f.Error == nil || f.Error.Data.Reason != "unavailable" {
			t.Errorf("told %s", f)
		}
		later.ended(ws.CodeTryLater, "the server cannot do this now; connect again later")
	})
}

func TestRefresh(t *testing.T) {
	verify := func(_ context.Context, token string) (hubbub.Identity, error) {
		expires := time.Now().Add(time.Hour)
		switch token {
		case "good":
			return hubbub.Identity{User: "ann", Expires: expires}, nil
		case "eve's":
			return hubbub.Identity{User: "eve", Expires: expires}, nil
		}
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "the token is bad")
	}
	inBubble(t, hubbub.Options{}, rpc.Options{Verify: verify}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann&device=a")
		ann.call("room.join", `{"room":"lobby"}`)
		same(t, ann.call("session.refresh", `{"token":"good"}`), `{"expires":"*","left":[]}`)
		ann.refused("unauthorized", "session.refresh", `{"token":"forged"}`)
		ann.refused("forbidden", "session.refresh", `{"token":"eve's"}`)
		ann.refused("invalid", "session.refresh", `{}`)
		time.Sleep(time.Hour) // the bubble's
		ann.ended(rpc.CodeTokenExpired, "token_expired")
	})
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		s.connect(t, "user=ann").refused("forbidden", "session.refresh", `{"token":"good"}`)
	})
}

func TestHubEndsSessions(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, bob := s.connect(t, "user=ann&device=a"), s.connect(t, "user=bob&device=b")
		if _, err := s.hub.Revoke(t.Context(), hubbub.Revocation{User: "ann"}); err != nil {
			t.Fatal(err)
		}
		ann.ended(rpc.CodeNotAllowed, "not_allowed")
		s.hub.Drain(t.Context(), hubbub.Retry{Min: time.Second, Max: 2 * time.Second})
		same(t, bob.took("server.draining"), `{"reconnect":{"min_ms":1000,"max_ms":2000}}`)
		bob.ended(rpc.CodeDraining, "draining retry=1000-2000")
	})
}
