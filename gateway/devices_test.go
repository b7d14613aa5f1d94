package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// signedIn is a session as its client saw it.
type signedIn struct {
	*peer
	device string
}

// race signs devices of a user in at the same instant.
func (r running) race(t *testing.T, token string, devices ...string) []signedIn {
	t.Helper()
	all := make([]signedIn, len(devices))
	var begin, done sync.WaitGroup
	begin.Add(1)
	for i, d := range devices {
		done.Go(func() {
			begin.Wait()
			c := bearer(token)
			c.query = "device=" + d
			p, err := r.enter(t, c)
			if err != nil {
				t.Errorf("%s: %v", d, err)
				return
			}
			all[i] = signedIn{p, d}
		})
	}
	begin.Done()
	done.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// ousted checks that a client was welcomed, and told which device took its place, one of a list, before it was closed.
func (s signedIn) ousted(t *testing.T, by []string) {
	t.Helper()
	s.closes(t, 4501, "replaced")
	var last frame
	for first := true; len(s.told) > 0; first = false {
		last = <-s.told
		if first && last.Method != "welcome" {
			t.Errorf("%s was first told %v", s.device, last)
		}
	}
	var p struct {
		By struct{ Device, Platform string }
	}
	if err := json.Unmarshal(last.Params, &p); err != nil || last.Method != "session.replaced" || p.By.Platform != "web" ||
		p.By.Device == s.device || !slices.Contains(by, p.By.Device) {
		t.Errorf("%s was last told %v", s.device, last)
	}
}

// TestOneDeviceIsLeft has two devices sign in at the same instant while a third is there, again and again.
func TestOneDeviceIsLeft(t *testing.T) {
	cfg := production()
	cfg.Devices.Limit = 1
	g := serve(t, cfg)
	for u := range 5 {
		user := fmt.Sprintf("user%d", u)
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			token := tokenOf(t, user)
			left := g.race(t, token, "d0")[0]
			left.call(t, "ping", `{}`) // it is a session once this is answered, not with the end of the handshake
			for round := range 10 {
				names := []string{fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round)}
				two := g.race(t, token, names...)
				left.ousted(t, names)
				loser, winner := two[0], two[1]
				testkit.Eventually(t, "one of the two to be closed", func() bool { return len(two[0].closed)+len(two[1].closed) > 0 })
				if len(loser.closed) == 0 {
					loser, winner = winner, loser
				}
				loser.ousted(t, []string{winner.device})
				winner.call(t, "ping", `{}`)
				if got := g.sessionsOf(t, user); !slices.Equal(got, []string{winner.device}) {
					t.Errorf("left are %v, not %s", got, winner.device)
				}
				left = winner
			}
		})
	}
}

func TestDeviceLimitPerPlatform(t *testing.T) {
	cfg := production()
	cfg.Devices = gateway.DevicesConfig{Limit: 1, Per: "platform"}
	g := serve(t, cfg)
	token := tokenOf(t, "ann")
	web := g.as(t, token, "device=laptop")
	tab := g.as(t, token, "device=laptop") // of the same device
	phone := g.as(t, token, "device=phone&platform=ios")
	tablet := g.as(t, token, "device=tablet&platform=ios")
	by := decode[struct {
		By struct{ Device, Platform string }
	}](t, phone.expect(t, "session.replaced").Params).By
	if by.Device != "tablet" || by.Platform != "ios" {
		t.Errorf("replaced by %+v", by)
	}
	phone.closes(t, 4501, "replaced")
	for _, p := range []*peer{web, tab, tablet} {
		p.call(t, "ping", `{}`)
	}
	g.as(t, token, "device=desktop")
	for _, p := range []*peer{web, tab} {
		p.expect(t, "session.replaced")
		p.closes(t, 4501, "replaced")
	}
	tablet.call(t, "ping", `{}`)
	if got := g.sessionsOf(t, "ann"); !slices.Equal(got, []string{"tablet", "desktop"}) {
		t.Errorf("left are %v", got)
	}
}

func TestDeviceTooManyIsRefused(t *testing.T) {
	cfg := production()
	cfg.Devices = gateway.DevicesConfig{Limit: 2, OnExceed: "refuse"}
	g := serve(t, cfg)
	token := tokenOf(t, "ann")
	first, second := g.as(t, token, "device=d1"), g.as(t, token, "device=d2")
	third, err := g.enter(t, creds{query: "device=d3&token=" + token})
	if err != nil {
		t.Fatal(err)
	}
	if f := testkit.Receive(t, "the error", third.told); f.Error == nil || f.Error.Data.Reason != "conflict" || string(f.ID) != "null" {
		t.Errorf("told %v", f)
	}
	third.closes(t, 4503, "not_allowed")
	tab := g.as(t, token, "device=d2")
	for _, p := range []*peer{first, second, tab} {
		p.call(t, "ping", `{}`)
	}
	first.conn.Terminate()
	testkit.Eventually(t, "a place for another device", func() bool {
		return g.handshakeOrError(t, "device=d3&token="+token) == "welcome"
	})
}

// handshakeOrError is the first that a client is told: the method, or the reason of an error.
func (r running) handshakeOrError(t *testing.T, query string) string {
	t.Helper()
	p, err := r.enter(t, creds{query: query})
	if err != nil {
		t.Fatal(err)
	}
	defer p.conn.Terminate()
	f := testkit.Receive(t, "the first frame", p.told)
	if f.Error != nil {
		return f.Error.Data.Reason
	}
	return f.Method
}

func TestOwnSessionsAreListedAndEnded(t *testing.T) {
	g := serve(t, production())
	token := tokenOf(t, "ann")
	laptop, phone := g.as(t, token, "device=laptop"), g.as(t, token, "device=phone&platform=ios")
	tab, bob := g.as(t, token, "device=laptop"), g.as(t, tokenOf(t, "bob"), "device=laptop")
	type device struct {
		Device, Platform string
		This             bool
		Sessions         []struct {
			Session, Address string
			This             bool
			Connected        int64
		}
	}
	list := func(p *peer) []device {
		return decode[struct{ Devices []device }](t, p.call(t, "session.list", `{}`)).Devices
	}
	all := list(phone)
	if len(all) != 2 || all[0].Device != "laptop" || len(all[0].Sessions) != 2 || all[0].This || !all[1].This || all[1].Platform != "ios" ||
		!all[1].Sessions[0].This || all[1].Sessions[0].Address != "127.0.0.1" {
		t.Errorf("the phone sees %+v", all)
	}
	ended := string(phone.call(t, "session.end", `{"session":"`+all[0].Sessions[0].Session+`"}`))
	laptop.closes(t, 4502, "logged_out")
	again := g.as(t, token, "device=tv")
	others := string(tab.call(t, "session.end", `{"others":true}`))
	if ended != `{"ended":1}` || others != `{"ended":2}` {
		t.Errorf("ended %s, then %s", ended, others)
	}
	for _, p := range []*peer{phone, again} {
		p.closes(t, 4502, "logged_out")
	}
	if all := list(tab); len(all) != 1 || len(all[0].Sessions) != 1 || !all[0].Sessions[0].This {
		t.Errorf("left are %+v", all)
	}
	bob.refused(t, "invalid", "session.end", `{}`)
	if none := string(bob.call(t, "session.end", `{"session":"`+all[0].Sessions[1].Session+`"}`)); none != `{"ended":0}` {
		t.Errorf("somebody else ended %s", none)
	}
	tab.call(t, "ping", `{}`)
}

// watch tells the peer about a user, who is online now.
func (p *peer) watch(t *testing.T, user string) {
	t.Helper()
	p.call(t, "presence.watch", `{"users":["`+user+`"]}`)
}

// goes waits until the peer is told that a user went offline.
func (p *peer) goes(t *testing.T, user string) {
	t.Helper()
	for {
		who := decode[struct {
			User     string
			Online   bool
			Devices  []any
			LastSeen int64 `json:"last_seen"`
		}](t, p.expect(t, "presence.changed").Params)
		if who.User != user || who.Online {
			continue
		}
		if len(who.Devices) > 0 || who.LastSeen == 0 {
			t.Errorf("told %+v", who)
		}
		return
	}
}

// TestSilentClientIsGivenUp has sockets that stay open and say nothing, as when a phone loses its network. What they are waited
// for here is less than the default heartbeat.
func TestSilentClientIsGivenUp(t *testing.T) {
	cfg := production()
	cfg.Heartbeat = gateway.HeartbeatConfig{Ping: time.Second, Timeout: time.Second}
	cfg.Presence.Grace = 100 * time.Millisecond
	g := serve(t, cfg)
	bob := g.as(t, tokenOf(t, "bob"), "")
	idle := g.as(t, tokenOf(t, "idle"), "")
	c, in, res := g.rawHandshake(t, "/ws?token="+tokenOf(t, "ann"))
	if res.StatusCode != 101 {
		t.Fatal(res.Status)
	}
	bob.watch(t, "ann")
	bob.watch(t, "idle")
	bob.goes(t, "ann")
	if g.sessionsOf(t, "ann") != nil || !strings.Contains(g.figures(t), `hubbub_closes_total{code="4004"} 1`) {
		t.Errorf("ann is still there: %v", g.sessionsOf(t, "ann"))
	}
	if code, word := lastClose(t, c, in); code != 4004 || word != "heartbeat" {
		t.Errorf("the silent client finds %d %q", code, word)
	}
	idle.call(t, "ping", `{}`) // who answers pings stays
	if len(idle.closed) > 0 {
		t.Error("an idle client was given up, too")
	}
}

// lastClose reads a server's unmasked frames, all of them short, until the close.
func lastClose(t *testing.T, c net.Conn, in *bufio.Reader) (code int, word string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	read := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			var err error
			if b[i], err = in.ReadByte(); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	for {
		head := read(2)
		size := int(head[1])
		if size == 126 {
			long := read(2)
			size = int(long[0])<<8 | int(long[1])
		}
		payload := read(size)
		if head[0] == 0x88 && size >= 2 {
			return int(payload[0])<<8 | int(payload[1]), string(payload[2:])
		}
	}
}

// TestCleanCloseIsKnownAtOnce has a heartbeat that would not notice, and no grace.
func TestCleanCloseIsKnownAtOnce(t *testing.T) {
	cfg := production()
	cfg.Heartbeat = gateway.HeartbeatConfig{Ping: time.Hour, Timeout: time.Hour}
	cfg.Presence.Grace = -1
	g := serve(t, cfg)
	bob := g.as(t, tokenOf(t, "bob"), "")
	bob.call(t, "room.join", `{"room":"lobby"}`)
	for name, leave := range map[string]func(*ws.Conn) error{
		"close":     func(c *ws.Conn) error { return c.Close(ws.CodeNormal, "bye") },
		"lost":      func(c *ws.Conn) error { c.Terminate(); return nil },
		"own codes": func(c *ws.Conn) error { return c.Close(4321, "") },
	} {
		user := strings.ReplaceAll(name, " ", "-")
		p := g.as(t, tokenOf(t, user), "")
		p.call(t, "room.join", `{"room":"lobby"}`)
		bob.watch(t, user)
		if err := leave(p.conn); err != nil {
			t.Fatal(err)
		}
		left := decode[struct{ User string }](t, bob.expect(t, "room.left").Params).User
		bob.goes(t, user)
		if left != user || g.sessionsOf(t, user) != nil {
			t.Errorf("%s: %s has left, and there is %v", name, left, g.sessionsOf(t, user))
		}
	}
}
