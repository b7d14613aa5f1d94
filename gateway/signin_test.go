package gateway_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// everyWayIn is a production config with all ways to sign in but anonymously; the password is dan's.
func everyWayIn(t *testing.T, password string) gateway.Config {
	c := production()
	c.Auth.Cookie = "login"
	c.Auth.Basic.File = passwordFile(t, "dan", password)
	return c
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// way is one way to sign in: it adds a user's good or bad credentials to others.
type way struct {
	name, user string
	add        func(c *creds, good bool)
	says       string // a refusal
	challenge  string // the beginning of its only challenge
}

// waysIn are all ways in the order in which they count. No two of them are those of the same user.
func waysIn(t *testing.T, g running, password string) []way {
	token := func(user string, good bool) string {
		if good {
			return tokenOf(t, user)
		}
		return sign(t, hubbub.Identity{User: user}, time.Nanosecond)
	}
	wrong := map[bool]string{true: "", false: "wrong"}
	return []way{
		{"bearer", "ann", func(c *creds, good bool) { *c = c.with("Authorization", "Bearer "+token("ann", good)) }, "expired", "Bearer "},
		{"subprotocol", "bob", func(c *creds, good bool) {
			c.offers = []string{"hubbub.v1", "hubbub.token." + token("bob", good)}
		}, "expired", "Bearer "},
		{"ticket", "cid", func(c *creds, good bool) { c.query += "&ticket=" + g.ticketFor(t, "cid") + wrong[good] }, "ticket", "Bearer "},
		{"query", "eve", func(c *creds, good bool) { c.query += "&token=" + token("eve", good) }, "expired", "Bearer "},
		{"basic", "dan", func(c *creds, good bool) {
			if c.header.Get("Authorization") == "" { // there is one header for both
				*c = c.with("Authorization", basic("dan", password+wrong[good]))
			}
		}, "user or the password", "Basic "},
		{"cookie", "fay", func(c *creds, good bool) { *c = c.with("Cookie", "a=b; login="+token("fay", good)) }, "expired", "Bearer "},
	}
}

// TestTheFirstCredentialsDecide has each way in before all that come after it, good and bad.
func TestTheFirstCredentialsDecide(t *testing.T) {
	cfg := everyWayIn(t, "dan's password")
	cfg.Auth.Leeway, cfg.Auth.Anonymous = -1, true
	g := serve(t, cfg)
	ways := waysIn(t, g, "dan's password")
	for i, first := range ways {
		got := g.ends(t, first.name, func() creds {
			var c creds
			for _, w := range ways[i:] {
				w.add(&c, true)
			}
			return c
		})
		if got.status != 101 || got.user != first.user {
			t.Errorf("%s first: %v", first.name, got)
		}
		got = g.ends(t, "bad "+first.name, func() creds {
			var c creds
			first.add(&c, false)
			for _, w := range ways[i+1:] {
				w.add(&c, true)
			}
			return c
		})
		if got.status != 401 || got.reason != "unauthorized" || !strings.Contains(got.detail, first.says) || len(got.challenges) != 1 ||
			!strings.HasPrefix(got.challenges[0], first.challenge) {
			t.Errorf("a bad %s before good others: %v", first.name, got)
		}
	}
	if got := g.ends(t, "nothing", func() creds { return creds{} }); got.status != 101 || !strings.HasPrefix(got.user, "anon-") {
		t.Errorf("nothing at all: %v", got)
	}
	got := g.ends(t, "asking for a password", func() creds { return creds{query: "auth=basic"} })
	if got.status != 401 || !slices.Equal(got.challenges, []string{`Basic realm="hubbub", charset="UTF-8"`}) {
		t.Errorf("?auth=basic: %v", got)
	}
}

func TestNobodyIsToldEveryWayIn(t *testing.T) {
	g := serve(t, everyWayIn(t, "x"))
	got := g.ends(t, "nothing", func() creds { return creds{} })
	if got.status != 401 || got.reason != "unauthorized" || len(got.challenges) != 2 {
		t.Errorf("nothing: %v", got)
	}
	for _, way := range []string{"Bearer", "subprotocol", "?token=", "?ticket=", "Basic", `"login"`} {
		if !strings.Contains(got.detail, way) {
			t.Errorf("%s is not in %q", way, got.detail)
		}
	}
	unknown := g.ends(t, "unknown user", func() creds { return creds{}.with("Authorization", basic("nobody", "x")) })
	wrong := g.ends(t, "wrong password", func() creds { return creds{}.with("Authorization", basic("dan", "y")) })
	if unknown.status != 401 || unknown.String() != wrong.String() {
		t.Errorf("one can tell unknown users from wrong passwords: %v, %v", unknown, wrong)
	}
}

func TestSubprotocolIsSelectedAndTheTokenNotEchoed(t *testing.T) {
	g := serve(t, production())
	token := tokenOf(t, "ann")
	for _, offered := range []string{"hubbub.v1, hubbub.token." + token, "hubbub.token." + token + ",hubbub.v1"} {
		c, in, res := g.rawHandshake(t, "/ws", "Sec-WebSocket-Protocol: "+offered)
		if got := res.Header["Sec-Websocket-Protocol"]; res.StatusCode != 101 || !slices.Equal(got, []string{"hubbub.v1"}) {
			t.Errorf("%d, selected %q", res.StatusCode, got)
		}
		first := make([]byte, 2)
		if _, err := io.ReadFull(in, first); err != nil || first[0] != 0x81 {
			t.Fatalf("the first frame begins with % x (%v)", first, err)
		}
		rest, _ := in.Peek(in.Buffered())
		if strings.Contains(fmt.Sprint(res.Header, string(rest)), token) || !strings.Contains(string(rest), `"ann"`) {
			t.Errorf("the server says %v %s", res.Header, rest)
		}
		c.Close()
	}
}

func TestTicketIsGoodOnce(t *testing.T) {
	cfg := production()
	cfg.Auth.Keys = nil // a backend that issues tickets is a way in by itself
	if err := cfg.Verify(); err != nil {
		t.Error(err)
	}
	g := serve(t, cfg)
	ticket := decode[struct{ Ticket string }](t, g.api(t, "POST", "/tickets",
		`{"user":"ann","device":"tv","platform":"tizen","info":{"name":"Ann"}}`)).Ticket
	p, err := g.enter(t, creds{query: "ticket=" + ticket})
	if err != nil {
		t.Fatal(err)
	}
	who := decode[struct {
		User, Device, Platform string
		Info                   struct{ Name string }
	}](t, p.expect(t, "welcome").Params)
	if who.User != "ann" || who.Device != "tv" || who.Platform != "tizen" || who.Info.Name != "Ann" {
		t.Errorf("welcomed as %+v", who)
	}
	if got := g.ends(t, "again", func() creds { return creds{query: "ticket=" + ticket} }); got.status != 401 || !strings.Contains(got.detail, "used") {
		t.Errorf("the second time: %v", got)
	}
	asked := g.ticketFor(t, "ann")
	if got := g.diagnose(t, creds{query: "ticket=" + asked}); got.user != "ann" {
		t.Errorf("a plain GET: %v", got)
	}
	if got := g.handshake(t, creds{query: "ticket=" + asked}); got.status != 401 {
		t.Errorf("after the plain GET: %v", got)
	}
	p.call(t, "ping", `{}`)
}

func TestOriginsOfPages(t *testing.T) {
	const page, other = "http://page.test", "https://other.test:8443"
	var log buffer
	gateways := map[string]running{}
	for name, origins := range map[string][]string{"own": nil, "any": {"*"}, "listed": {page}} {
		cfg := everyWayIn(t, "pw")
		cfg.Origins, cfg.Logger = origins, plainLog(&log)
		gateways[name] = serve(t, cfg)
	}
	token := tokenOf(t, "ann")
	explicit := []creds{bearer(token), {query: "token=" + token}, {offers: []string{"hubbub.v1", "hubbub.token." + token}}}
	ambient := []creds{creds{}.with("Authorization", basic("dan", "pw")), creds{}.with("Cookie", "login="+token)}
	for _, c := range []struct {
		gateway, origin   string
		explicit, ambient int
	}{
		{"own", "", 101, 101}, {"own", "same", 101, 101}, {"own", page, 403, 403}, {"own", "null", 403, 403},
		{"any", "", 101, 101}, {"any", "same", 101, 101}, {"any", page, 101, 403}, {"any", "null", 101, 403}, {"any", other, 101, 403},
		{"listed", "same", 101, 101}, {"listed", page, 101, 101}, {"listed", other, 403, 403}, {"listed", page + ".evil", 403, 403},
	} {
		g, origin := gateways[c.gateway], c.origin
		if origin == "same" {
			origin = g.url("http", "")
		}
		for i, who := range slices.Concat(explicit, ambient) {
			want := c.explicit
			if i >= len(explicit) {
				want = c.ambient
			}
			if origin != "" {
				who = who.with("Origin", origin)
			}
			name := fmt.Sprintf("gateway %s, origin %q, credentials %d", c.gateway, origin, i)
			got := g.ends(t, name, func() creds { return who })
			if got.status != want {
				t.Errorf("%s: %v, want %d", name, got, want)
			}
			if want == 403 && (got.reason != "forbidden" || !strings.Contains(got.detail, "setting origins") || !strings.Contains(got.detail, origin)) {
				t.Errorf("%s: the refusal does not say what to set: %v", name, got)
			}
		}
	}
	for _, want := range []string{"setting origins", "origin=" + page, "origin=null", "status=403"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not have %q", want)
		}
	}
}

// TestRefusalByClosing is for pages that want to see why: the conn opens, tells, and is closed, and there was never a session.
func TestRefusalByClosing(t *testing.T) {
	cfg := everyWayIn(t, "pw")
	cfg.Auth.Refuse, cfg.Origins = "close", []string{"*"}
	g := serve(t, cfg)
	ambient := creds{}.with("Authorization", basic("dan", "pw"))
	revoked := tokenOf(t, "rex")
	g.api(t, "POST", "/users/rex/revoke", `{}`)
	for name, c := range map[string]struct {
		creds
		reason string
	}{
		"nothing":        {creds{}, "unauthorized"},
		"forged token":   {bearer(signBy(t, strings.Repeat("k", 32), hubbub.Identity{User: "dan"}, time.Hour)), "unauthorized"},
		"used ticket":    {creds{query: "ticket=x"}, "unauthorized"},
		"revoked":        {bearer(revoked), "unauthorized"},
		"password":       {creds{}.with("Authorization", basic("dan", "no")), "unauthorized"},
		"device":         {creds{query: "device=a%20b", header: bearer(tokenOf(t, "dan")).header}, "invalid"},
		"foreign origin": {ambient.with("Origin", "http://page.test"), "forbidden"},
	} {
		p, err := g.enter(t, c.creds)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := testkit.Receive(t, "the error", p.told)
		if f.Error == nil || f.Error.Data.Reason != c.reason || string(f.ID) != "null" {
			t.Errorf("%s: told %v", name, f)
		}
		p.closes(t, 4503, "not_allowed")
		if len(p.told) > 0 {
			t.Errorf("%s: then told %v", name, <-p.told)
		}
		if got := g.diagnose(t, c.creds); got.reason != c.reason || got.detail != f.Error.Message {
			t.Errorf("%s: a plain GET answers %v, the conn was told %v", name, got, f)
		}
	}
	for _, user := range []string{"dan", "rex"} {
		if got := g.sessionsOf(t, user); got != nil {
			t.Errorf("%s has the sessions %v", user, got)
		}
	}
	if got := g.handshake(t, ambient); got.user != "dan" {
		t.Errorf("the right password: %v", got)
	}
}

func TestSessionEndsWithItsToken(t *testing.T) {
	cfg := production()
	cfg.Rooms = []gateway.RoomConfig{{Match: "team-*", Join: "token"}, {Match: "*"}}
	g := serve(t, cfg)
	team := hubbub.Permissions{Join: []string{"team-1"}}
	first := sign(t, hubbub.Identity{User: "ann", Rooms: team}, 3*time.Second)
	second := sign(t, hubbub.Identity{User: "bob"}, 3*time.Second)
	third := sign(t, hubbub.Identity{User: "cid"}, 4*time.Second)
	ann, bob, cid := g.as(t, first, ""), g.as(t, second, ""), g.as(t, third, "")
	ann.call(t, "room.join", `{"room":"team-1"}`)
	bob.refused(t, "forbidden", "room.join", `{"room":"team-1"}`)
	for token, reason := range map[string]string{tokenOf(t, "bob"): "forbidden", second + "x": "unauthorized", "hunter2": "unauthorized",
		sign(t, hubbub.Identity{User: "ann", Device: "another"}, time.Hour): "forbidden"} {
		ann.refused(t, reason, "session.refresh", `{"token":"`+token+`"}`)
	}
	fresh := time.Now().Add(time.Hour)
	kept := decode[struct {
		Expires int64
		Left    []string
	}](t, ann.call(t, "session.refresh", `{"token":"`+tokenOf(t, "ann")+`"}`))
	if kept.Expires > fresh.UnixMilli() || kept.Expires < fresh.Add(-time.Minute).UnixMilli() || !slices.Equal(kept.Left, []string{"team-1"}) {
		t.Errorf("refreshed: %+v", kept)
	}
	for p, token := range map[*peer]string{bob: second, cid: third} {
		p.closes(t, 4001, "token_expired")
		if got, exp := time.Now(), expiryOf(t, token); got.Before(exp) {
			t.Errorf("ended at %v, before %v", got, exp)
		}
	}
	ann.call(t, "ping", `{}`) // her first token ended before cid's
	if got := g.sessionsOf(t, "ann"); len(got) != 1 {
		t.Errorf("ann has %v", got)
	}
}

// expiryOf is a token's exp.
func expiryOf(t *testing.T, token string) time.Time {
	t.Helper()
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(decode[struct{ Exp int64 }](t, claims).Exp, 0)
}

func TestRevocationEndsSessionsAndKeepsOut(t *testing.T) {
	g := serve(t, production())
	bystander := g.as(t, tokenOf(t, "bob"), "")
	for name, c := range map[string]struct {
		revoke string
		hit    []bool // whether it hits the laptop, the phone with t1 and the phone with t2
	}{
		"user":     {`{}`, []bool{true, true, true}},
		"blocked":  {`{"block":true}`, []bool{true, true, true}},
		"device":   {`{"device":"phone"}`, []bool{false, true, true}},
		"token id": {`{"token":"t1"}`, []bool{false, true, false}},
	} {
		user := strings.ReplaceAll(name, " ", "-")
		var tokens []string
		var peers []*peer
		for _, id := range []hubbub.Identity{{Device: "laptop", Token: "t0"}, {Device: "phone", Token: "t1"}, {Device: "phone", Token: "t2"}} {
			id.User = user
			tokens = append(tokens, sign(t, id, time.Hour))
			peers = append(peers, g.as(t, tokens[len(tokens)-1], ""))
		}
		ended := decode[struct{ Ended int }](t, g.api(t, "POST", "/users/"+user+"/revoke", c.revoke)).Ended
		want := 0
		for i, hit := range c.hit {
			if !hit {
				peers[i].call(t, "ping", `{}`)
				if got := g.ends(t, name, func() creds { return bearer(tokens[i]) }); got.user != user {
					t.Errorf("%s: token %d is refused: %v", name, i, got)
				}
				continue
			}
			want++
			peers[i].closes(t, 4503, "not_allowed")
			if got := g.ends(t, name, func() creds { return bearer(tokens[i]) }); got.status != 401 || !strings.Contains(got.detail, "revoked") {
				t.Errorf("%s: token %d afterwards: %v", name, i, got)
			}
		}
		if ended != want {
			t.Errorf("%s: ended %d, want %d", name, ended, want)
		}
	}
	// Tokens know their time to the second, so a new sign-in works when the second is over, but not for who is blocked.
	testkit.Eventually(t, "a new sign-in of the user", func() bool { return g.handshake(t, bearer(tokenOf(t, "user"))).status == 101 })
	if got := g.handshake(t, bearer(tokenOf(t, "blocked"))); got.status != 401 {
		t.Errorf("who is blocked: %v", got)
	}
	bystander.call(t, "ping", `{}`)
}

// TestSecretsAreNotLogged uses every secret, rightly and wrongly, and looks for it in the log and the figures.
func TestSecretsAreNotLogged(t *testing.T) {
	const password, mistyped = "correct/horse?battery", "korrect+horse"
	var log buffer
	cfg := everyWayIn(t, password)
	cfg.Logger, cfg.Auth.Anonymous = plainLog(&log), false
	g := serve(t, cfg)
	token, ticket := tokenOf(t, "ann"), g.ticketFor(t, "ann")
	forged := signBy(t, strings.Repeat("k", 40), hubbub.Identity{User: "ann"}, time.Hour)
	spare := g.ticketFor(t, "ann")
	ann := g.as(t, token, "")
	ann.call(t, "session.refresh", `{"token":"`+token+`"}`)
	ann.refused(t, "unauthorized", "session.refresh", `{"token":"`+forged+`"}`)
	ann.refused(t, "not_found", token, `{}`)
	for _, q := range []string{"ticket=" + ticket, "ticket=" + ticket, "token=" + token, "token=" + forged, "%74oken=" + token,
		"access_token=" + token, "auth=" + token, "user=" + token, "device=" + token, "token=" + token + ";%zz", "ticket=" + spare + "%zz",
		"password=" + url.QueryEscape(password), token, "jwt=" + forged, "key=" + apiKey} {
		g.diagnose(t, creds{query: q})
		g.diagnose(t, creds{query: q, header: http.Header{"Origin": {"http://page.test"}}})
	}
	for _, c := range []creds{bearer(forged), bearer(apiKey), {offers: []string{"hubbub.v1", "hubbub.token." + token}},
		{offers: []string{"hubbub.token." + forged, "hubbub.v1"}}, creds{}.with("Authorization", token), creds{}.with("Authorization", "Token "+token),
		creds{}.with("Authorization", basic("dan", password)), creds{}.with("Authorization", basic("dan", mistyped)),
		creds{}.with("Authorization", basic(token, "")), creds{}.with("Cookie", "login="+token), creds{}.with("Cookie", "login="+forged)} {
		g.handshake(t, c)
	}
	for _, path := range []string{"/ws/" + token, "/" + token + "/x", "/api/v1/" + apiKey, "/nowhere?token=" + token, "/page#" + ticket,
		"/api/v1/online?api_key=" + apiKey, "/api/v1/users/" + token} {
		res, err := http.Get(g.url("http", path))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	g.stop()
	for name, secret := range map[string]string{"token": token, "signature": token[strings.LastIndex(token, ".")+1:], "ticket": ticket,
		"second ticket": spare, "forged token": forged, "password": password, "escaped password": url.QueryEscape(password),
		"mistyped password": mistyped, "Basic": strings.TrimPrefix(basic("dan", password), "Basic "), "API key": apiKey,
		"key of tokens": tokenKey} {
		for _, place := range []struct{ name, text string }{{"log", log.String()}, {"figures", g.figures(t)}} {
			if at := strings.Index(place.text, secret); at >= 0 {
				from := strings.LastIndexByte(place.text[:at], '\n') + 1
				t.Errorf("the %s is in the %s: %.300s", name, place.name, place.text[from:])
			}
		}
	}
	if !strings.Contains(log.String(), "status=401") || !strings.Contains(log.String(), "origin=http://page.test") {
		t.Error("the log is not what was to be searched")
	}
}

// TestStrangePagesAreRefusedBeforeTheUpgrade holds even where others are refused by closing.
func TestStrangePagesAreRefusedBeforeTheUpgrade(t *testing.T) {
	cfg := everyWayIn(t, "pw")
	cfg.Auth.Refuse = "close"
	g := serve(t, cfg)
	got := g.handshake(t, bearer(tokenOf(t, "ann")).with("Origin", "http://page.test"))
	if got.status != 403 || got.reason != "forbidden" || !strings.Contains(got.detail, "setting origins") {
		t.Errorf("a page of another origin: %v", got)
	}
}

// TestBadTokensAreNoWarnings keeps the log for what operators can do something about: anybody can send a bad token.
func TestBadTokensAreNoWarnings(t *testing.T) {
	var log buffer
	cfg := everyWayIn(t, "pw")
	cfg.Logger = plainLog(&log)
	g := serve(t, cfg)
	if got := g.handshake(t, bearer("a.b")); got.status != 401 {
		t.Errorf("a token that is none: %v", got)
	}
	g.stop()
	if strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "status=401") {
		t.Errorf("the log has\n%s", log.String())
	}
}

func TestFigureOfRefusedSignIns(t *testing.T) {
	g := serve(t, everyWayIn(t, "pw"))
	for _, c := range []creds{bearer("x"), {query: "ticket=x"}, {query: "token=x"}, {offers: []string{"hubbub.v1", "hubbub.token.x"}},
		creds{}.with("Authorization", basic("dan", "x")), creds{}.with("Cookie", "login=x"), {}} {
		g.handshake(t, c)
	}
	text := g.figures(t)
	for _, m := range []auth.Method{auth.Bearer, auth.Ticket, auth.QueryToken, auth.Subprotocol, auth.Password, auth.Cookie, "none"} {
		if want := fmt.Sprintf("hubbub_auth_failures_total{method=%q} 1\n", m); !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}
