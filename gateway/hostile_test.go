package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// bystanders are two people in a room who exchange messages while others misbehave.
type bystanders struct {
	heard atomic.Int64
	trip  chan struct{} // one exchange each
}

// chat lets two people talk in the lobby from now on; the test fails if one of them is refused anything, or is closed.
func chat(t *testing.T, g running) *bystanders {
	t.Helper()
	b := &bystanders{trip: make(chan struct{}, 1)}
	var people [2]*peer
	for i, name := range []string{"bea", "ben"} {
		people[i] = g.as(t, tokenOf(t, name), "")
		people[i].call(t, "room.join", `{"room":"lobby"}`)
	}
	ended, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pace := time.NewTicker(20 * time.Millisecond) // far below the limits
		defer pace.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-pace.C:
			}
			if !exchange(t, people[n%2], people[1-n%2], n) {
				return
			}
			b.heard.Add(1)
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
	})
	return b
}

// exchange has one person say a number and the other hear it.
func exchange(t *testing.T, from, to *peer, n int) bool {
	said := fmt.Sprintf(`{"method":"room.send","params":{"room":"lobby","data":"n%d","echo":false}}`, n)
	if err := from.conn.Send(ws.Message{Data: []byte(said)}); err != nil {
		t.Errorf("a bystander cannot send: %v", err)
		return false
	}
	late := time.NewTimer(testkit.Patience)
	defer late.Stop()
	for {
		select {
		case f := <-to.told:
			if f.Error != nil {
				t.Errorf("a bystander is told %v", f)
				return false
			}
			if f.Method == "room.message" && strings.Contains(string(f.Params), fmt.Sprintf(`"data":"n%d"`, n)) {
				return true
			}
		case why := <-to.closed:
			t.Errorf("a bystander was closed with %v", why)
			return false
		case <-late.C:
			t.Errorf("a bystander does not hear %d", n)
			return false
		}
	}
}

// goOn waits until the bystanders have talked on.
func (b *bystanders) goOn(t *testing.T) {
	t.Helper()
	from := b.heard.Load()
	testkit.Eventually(t, "the bystanders to go on", func() bool { return b.heard.Load() > from+1 })
}

// hostile is a production config in which the bystanders may talk as much as they do.
func hostile() gateway.Config {
	cfg := production()
	cfg.Rooms = []gateway.RoomConfig{{Match: "*", Rate: gateway.RateConfig{PerSecond: -1}}}
	return cfg
}

// answered sends a frame and returns the reply, which may be to no id.
func (p *peer) answered(t *testing.T, text string) frame {
	t.Helper()
	p.send(t, text)
	for {
		if f := testkit.Receive(t, "an answer to "+text[:min(len(text), 60)], p.told); f.Method == "" {
			return f
		}
	}
}

func TestHostileFrames(t *testing.T) {
	g := serve(t, hostile())
	b := chat(t, g)
	eve := g.as(t, tokenOf(t, "eve"), "")
	eve.call(t, "room.join", `{"room":"lobby"}`)
	for _, c := range []struct {
		text   string
		code   int
		reason string
	}{
		{``, -32700, "invalid"},
		{`{"id":1`, -32700, "invalid"},
		{`nonsense`, -32700, "invalid"},
		{"{\"id\":1,\"method\":\"a\x01\"}", -32700, "invalid"},
		{`{"id":1,"method":"ping"} {}`, -32700, "invalid"},
		{`[{"id":1,"method":"ping"}]`, -32600, "invalid"},
		{`"ping"`, -32600, "invalid"},
		{`{"id":"` + strings.Repeat("9", 10_000) + `","method":"ping"}`, -32600, "invalid"},
		{`{"id":` + strings.Repeat("9", 10_000) + `,"method":"ping"}`, -32600, "invalid"},
		{`{"id":{},"method":"ping"}`, -32600, "invalid"},
		{`{"id":1,"method":7}`, -32600, "invalid"},
		{`{"id":1,"id":2,"method":"ping"}`, -32600, "invalid"},
		{`{"id":1,"jsonrpc":"1.0","method":"ping"}`, -32600, "invalid"},
		{`{"id":1,"method":"ping","params":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`, -32600, "invalid"},
		{`{"id":1,"method":"room.send","params":{"room":"lobby","data":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat("}", 40) + `}}`, -32600, "invalid"},
		{`{"id":1,"method":"` + strings.Repeat("m", 10_000) + `"}`, -32601, "not_found"},
		{`{"id":1,"method":"bff.home"}`, -32601, "not_found"},
		{`{"id":1,"method":"room.join","params":[]}`, -32602, "invalid"},
		{`{"id":1,"method":"room.join","params":{"room":{"a":1}}}`, -32602, "invalid"},
		{`{"id":1,"method":"room.join","params":{"room":"a\u0000b"}}`, -32602, "invalid"},
		{`{"id":1,"method":"room.join","params":{"room":"a\u2028\nb"}}`, -32602, "invalid"},
		{`{"id":1,"method":"room.send","params":{"room":"lobby","data":"` + strings.Repeat("x", 20_000) + `"}}`, 1004, "too_large"},
		{`{"id":1,"method":"room.send","params":{"room":"nowhere","data":1}}`, 1001, "forbidden"},
		{`{"id":1,"method":"user.send","params":{"data":1}}`, -32602, "invalid"},
		{`{"id":1,"method":"user.send","params":{"user":"` + "a\u0085b" + `","data":1}}`, -32602, "invalid"},
		{`{"id":1,"method":"session.refresh","params":{"token":"e30.e30.e30"}}`, 1000, "unauthorized"},
		{`{"id":1,"method":"presence.get","params":{"users":["` + strings.Repeat(`a","`, 1000) + `b"]}}`, 1004, "too_large"},
		{`{"id":1,"method":"presence.list","params":{}}`, 1001, "forbidden"},
	} {
		f := eve.answered(t, c.text)
		if f.Error == nil || f.Error.Data.Reason != c.reason || f.Error.Message == "" || len(f.Error.Message) > 300 {
			t.Errorf("%.70q: %v, want %s", c.text, f, c.reason)
		} else if f.Error.Code != c.code {
			t.Errorf("%.70q: code %d, want %d", c.text, f.Error.Code, c.code)
		}
		eve.call(t, "ping", `{}`)
	}
	b.goOn(t)
	for name, c := range map[string]struct {
		head, payload string // of a frame
		code          int
	}{
		"binary":        {"\x82\x82", "{}", 1003},
		"no UTF-8":      {"\x81\x81", "\xff", 1007},
		"too large":     {"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01", "", 1009},
		"absurdly long": {"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", "", 1009},
		"not masked":    {"\x81\x02", "{}", 1002},
		"unknown kind":  {"\x83\x80", "", 1002},
	} {
		conn, in, res := g.rawHandshake(t, "/ws?token="+tokenOf(t, "eve"))
		if res.StatusCode != 101 {
			t.Fatal(res.Status)
		}
		const mask = "\x00\x00\x00\x00" // which changes nothing
		if _, err := io.WriteString(conn, c.head+mask+c.payload); err != nil {
			t.Fatal(err)
		}
		if code, word := lastClose(t, conn, in); code != c.code || word == "" {
			t.Errorf("%s: closed with %d %q, want %d", name, code, word, c.code)
		}
	}
	b.goOn(t)
	eve.call(t, "ping", `{}`)
}

func TestThirtyBadRequestsInARow(t *testing.T) {
	g := serve(t, hostile())
	b := chat(t, g)
	eve := g.as(t, tokenOf(t, "eve"), "")
	for range 29 {
		eve.send(t, `nonsense`)
	}
	eve.call(t, "ping", `{}`) // which ends the row
	for range 30 {
		eve.send(t, `nonsense`)
	}
	eve.closes(t, 4504, "too_many_bad_requests")
	b.goOn(t)
}

func TestSendingToOneselfAndToNobody(t *testing.T) {
	g := serve(t, hostile())
	b := chat(t, g)
	eve, tab := g.as(t, tokenOf(t, "eve"), "device=a"), g.as(t, tokenOf(t, "eve"), "device=b")
	for _, c := range []struct{ params, hear string }{
		{`{"user":"eve","data":"a note"}`, `"a note"`},
		{`{"user":"nobody-ever","data":"hello?"}`, `"hello?"`},
	} {
		if f := eve.try(t, "user.send", c.params); f.Error != nil {
			t.Errorf("%s: %v", c.params, f)
			continue
		}
		for _, p := range []*peer{eve, tab} {
			if got := string(p.expect(t, "user.message").Params); !strings.Contains(got, c.hear) {
				t.Errorf("heard %s", got)
			}
		}
	}
	for method, params := range map[string]string{"typing": `{"user":"nobody-ever"}`, "presence.get": `{"users":["nobody-ever"]}`,
		"user.history": `{"user":"nobody-else"}`, "presence.watch": `{"users":["nobody-ever","eve"]}`, "session.end": `{"session":"nothing"}`} {
		eve.call(t, method, params)
	}
	eve.refused(t, "forbidden", "room.present", `{"room":"nobody-is-here"}`)
	b.goOn(t)
}

// TestJoiningTenThousandRooms pipelines all of it: with the limits as they are, and with those of requests off.
func TestJoiningTenThousandRooms(t *testing.T) {
	off := gateway.RateConfig{PerSecond: -1}
	for _, limited := range []bool{true, false} {
		cfg := hostile()
		if !limited {
			cfg.Limits.RequestsPerSession, cfg.Limits.RequestsPerUser, cfg.Limits.RequestsPerAddress = off, off, off
		}
		g := serve(t, cfg)
		b := chat(t, g)
		eve := g.as(t, tokenOf(t, "eve"), "")
		got := map[string]int{}
		for at := 0; at < 10_000 && len(eve.closed) == 0; at += 200 {
			for i := range 200 {
				// It may be closed meanwhile.
				_ = eve.conn.Send(ws.Text(fmt.Sprintf(`{"id":"%d","method":"room.join","params":{"room":"r%d"}}`, at+i, at+i)))
			}
			for answers := 0; answers < 200; {
				f, ok := eve.next(t)
				if !ok {
					break
				}
				if f.ID == nil {
					continue
				}
				answers++
				if f.Error == nil {
					got["ok"]++
					continue
				}
				got[f.Error.Data.Reason]++
				if (f.Error.Data.Reason == "rate_limited") != (f.Error.Data.RetryAfterMS > 0) {
					t.Errorf("told %v", f)
				}
			}
		}
		if got["ok"] != 100 || got["too_large"] < 100 || got["rate_limited"] > 0 != limited {
			t.Errorf("limited %v: %v", limited, got)
		}
		b.goOn(t)
		if limited {
			eve.closes(t, 4504, "too_many_bad_requests")
			continue
		}
		if got["too_large"] != 9_900 {
			t.Errorf("limited %v: %v", limited, got)
		}
		eve.call(t, "ping", `{}`)
	}
}

// next is the next frame, or false when the conn is closed and there is none any more.
func (p *peer) next(t *testing.T) (frame, bool) {
	t.Helper()
	var f frame
	there := false
	testkit.Eventually(t, "a frame or the close", func() bool {
		select {
		case f = <-p.told:
			there = true
		default:
		}
		return there || len(p.closed) > 0 && len(p.told) == 0
	})
	return f, there
}

func TestTooManyRequestsAreToldWhenToComeBack(t *testing.T) {
	for limit, cfg := range map[string]gateway.LimitsConfig{
		"session":                     {RequestsPerSession: gateway.RateConfig{PerSecond: 5, Burst: 5}},
		"limits.requests_per_user":    {RequestsPerUser: gateway.RateConfig{PerSecond: 5, Burst: 5}},
		"limits.requests_per_address": {RequestsPerAddress: gateway.RateConfig{PerSecond: 5, Burst: 5}},
	} {
		c := hostile()
		c.Limits, c.Limits.RoomsPerSession = cfg, 5 // a client that comes back must be able to join its rooms at once
		g := serve(t, c)
		eve := g.as(t, tokenOf(t, "eve"), "")
		var refused frame
		for i := range 20 { // on a busy machine one more may be allowed meanwhile
			if refused = eve.try(t, "ping", `{}`); refused.Error != nil {
				if i < 5 {
					t.Errorf("%s: request %d is refused", limit, i)
				}
				break
			}
		}
		if e := refused.Error; e == nil || e.Data.Reason != "rate_limited" || e.Data.RetryAfterMS < 1 || e.Data.RetryAfterMS > 1000 ||
			limit != "session" && !strings.Contains(e.Message, limit) {
			t.Fatalf("%s: %v", limit, refused)
		}
		// Who comes back when told is served, as far as the limit's other requests allow: there are none here.
		<-time.After(time.Duration(refused.Error.Data.RetryAfterMS) * time.Millisecond)
		eve.call(t, "ping", `{}`)
	}
}

func TestTooManyConnections(t *testing.T) {
	cfg := hostile()
	cfg.Limits.ConnectionsPerAddress, cfg.Limits.ConnectionsPerUser = 8, 3
	g := serve(t, cfg)
	b := chat(t, g)
	dial := func(user, ip string) (*peer, error) {
		return g.dial(t, "token="+tokenOf(t, user), ws.DialOptions{NetDial: dialFrom(ip)})
	}
	for i := range 3 {
		p, err := dial("eve", "127.0.0.8")
		if err != nil {
			t.Fatal(err)
		}
		if f := testkit.Receive(t, "the first frame", p.told); f.Method != "welcome" {
			t.Errorf("conn %d: %v", i, f)
		}
	}
	fourth, err := dial("eve", "127.0.0.9")
	if err != nil {
		t.Fatal(err)
	}
	if f := testkit.Receive(t, "the refusal", fourth.told); f.Error == nil || f.Error.Data.Reason != "conflict" {
		t.Errorf("the user's fourth: %v", f)
	}
	fourth.closes(t, 4503, "not_allowed")
	for i := range 5 {
		// A conn counts twice until its handshake has ended on the server, too.
		testkit.Eventually(t, "a conn within the limit", func() bool {
			_, err := dial(fmt.Sprint("mallory", i), "127.0.0.8")
			return err == nil
		})
	}
	_, err = dial("trudy", "127.0.0.8")
	refused, ok := errors.AsType[*ws.HandshakeError](err)
	if !ok || refused.Status != 429 {
		t.Fatalf("the address's ninth: %v", err)
	}
	after, err := strconv.Atoi(refused.Header.Get("Retry-After"))
	if o := refusedAs(refused.Status, refused.Header, refused.Body); err != nil || after < 1 || o.reason != "rate_limited" ||
		!strings.Contains(o.detail, "limits.connections_per_address") {
		t.Errorf("the address's ninth: %v, Retry-After %d (%v)", o, after, err)
	}
	b.goOn(t)
}

func TestTokensThatAreNoTokens(t *testing.T) {
	cfg := hostile()
	cfg.Auth.Issuer, cfg.Auth.Leeway = "", -1
	g := serve(t, cfg)
	b := chat(t, g)
	good := tokenOf(t, "eve")
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct{ token, says string }{
		"empty":      {"", "empty"},
		"words":      {"let me in", "not a signed JWT"},
		"forged":     {parts[0] + "." + strings.Replace(parts[1], "e", "f", 1) + "." + parts[2], "signature"},
		"wrong key":  {signBy(t, strings.Repeat("k", 32), hubbub.Identity{User: "eve"}, time.Hour), "signature"},
		"expired":    {sign(t, hubbub.Identity{User: "eve"}, time.Nanosecond), "expired"},
		"no alg":     {"eyJhbGciOiJub25lIn0." + parts[1] + ".", "none"},
		"cut":        {good[:len(good)-9], "signature"},
		"huge":       {strings.Repeat("x", 9000), "at most 8192"},
		"encrypted":  {"a.b.c.d.e", "encrypted"},
		"an API key": {apiKey, "not a signed JWT"},
	} {
		got := g.ends(t, name, func() creds { return bearer(c.token) })
		if got.status != 401 || got.reason != "unauthorized" || !strings.Contains(got.detail, c.says) || len(got.challenges) != 1 ||
			!strings.Contains(got.challenges[0], `error="invalid_token"`) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, c := range map[string]creds{
		"no scheme": creds{}.with("Authorization", good), "other scheme": creds{}.with("Authorization", "Token "+good),
		"Basic": creds{}.with("Authorization", "Basic "+good), "user of Basic": creds{}.with("Authorization", basic(good, "")),
		"ticket": {query: "ticket=" + good}, "access_token": {query: "access_token=" + good}, "user": {query: "user=" + good},
		"cookie": creds{}.with("Cookie", "token="+good), "X-API-Key": creds{}.with("X-API-Key", good),
		"subprotocol": {offers: []string{"hubbub.v1", "hubbub." + good}}, "own header": creds{}.with("Token", good),
		"two queries": {query: "token=" + good + "&token=" + tokenOf(t, "mallory")},
		"ticket too":  {query: "ticket=x&token=" + good},
		"two headers": {header: http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}},
	} {
		if got := g.ends(t, name, func() creds { return c }); got.status != 401 || got.reason != "unauthorized" || len(got.challenges) == 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	for query, says := range map[string]string{"device=a%00b": "device", "device=" + strings.Repeat("d", 129): "device", "platform=%ff": "platform",
		"device=a%zz": "query"} {
		if got := g.ends(t, query, func() creds { return creds{query: query, header: bearer(good).header} }); got.status != 422 ||
			got.reason != "invalid" || !strings.Contains(got.detail, says) {
			t.Errorf("%.30s: %v", query, got)
		}
	}
	// A browser would fail without saying why, since none of what it offered was selected.
	alone := g.ends(t, "no hubbub.v1", func() creds { return creds{offers: []string{"hubbub.token." + good}} })
	if alone.status != 422 || !strings.Contains(alone.detail, "hubbub.v1") || strings.Contains(alone.detail, good) {
		t.Errorf("a token without hubbub.v1 beside it: %v", alone)
	}
	if got := g.sessionsOf(t, "eve"); got != nil {
		t.Errorf("eve got in: %v", got)
	}
	b.goOn(t)
}

// TestHostileHeaders has requests that do not end and that are too long, from the bystanders' own address.
func TestHostileHeaders(t *testing.T) {
	cfg := hostile()
	cfg.Limits.HandshakeTime, cfg.Limits.Header = time.Second, 8<<10
	g := serve(t, cfg)
	b := chat(t, g)
	slow := map[string]net.Conn{}
	for name, sent := range map[string]string{"nothing": "", "a line": "GET /ws HTTP/1.1\r\n", "half a header": "GET /ws HTTP/1.1\r\nHost: x\r\nCook"} {
		c := g.socket(t, "")
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		slow[name] = c
	}
	for name, c := range slow { // the server gives up; without that the read would end with the socket's deadline
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := strings.Repeat("x", 20<<10)
	for name, sent := range map[string]string{
		"header": "GET /ws HTTP/1.1\r\nHost: x\r\nCookie: a=" + long + "\r\n\r\n",
		"query":  "GET /ws?token=" + long + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"many":   "GET /ws HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 4<<10) + "\r\n",
	} {
		c := g.socket(t, "")
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != 431 {
			t.Errorf("%s: %v %v", name, res, err)
		}
	}
	b.goOn(t)
}
