package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// connecting is JavaScript that opens a WebSocket and says whom it was welcomed as, or with which code it was closed.
const connecting = `new Promise((done) => {
	const socket = new WebSocket(%q, %s);
	socket.onmessage = (e) => { done("welcome " + JSON.parse(e.data).params.user); socket.close(); };
	socket.onclose = (e) => done("closed " + e.code);
})`

// opens tells how a page's WebSocket to an address ends.
func opens(t *testing.T, tab context.Context, url string, offers ...string) string {
	t.Helper()
	list := "[]"
	if len(offers) > 0 {
		list = `["` + strings.Join(offers, `", "`) + `"]`
	}
	return testkit.Evaluate[string](t, tab, fmt.Sprintf(connecting, url, list))
}

// strangePage is the address of a page on another port of an IP address.
func strangePage(t *testing.T, ip string) string {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>strange</title>")
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// browsed is a gateway with a tab of Chromium and what the gateway has logged.
type browsed struct {
	running
	tab context.Context
	log *buffer
}

func browse(t *testing.T, tab context.Context, cfg gateway.Config, origins []string) browsed {
	t.Helper()
	log := &buffer{}
	cfg.Origins, cfg.Logger = origins, plainLog(log)
	b := browsed{serve(t, cfg), tab, log}
	testkit.Do(t, tab, chromedp.Navigate(b.url("http", "/")))
	return b
}

// expect tells how a WebSocket of the page ends, to the path with query.
func (b browsed) expect(t *testing.T, want, path string, offers ...string) {
	t.Helper()
	if got := opens(t, b.tab, b.url("ws", path), offers...); got != want {
		t.Errorf("%.20s: %s, want %s", path, got, want)
	}
}

// refuseStranger has a page elsewhere connect with what the browser adds by itself, then with a token of its own.
func (b browsed) refuseStranger(t *testing.T, page, withToken string) {
	t.Helper()
	testkit.Do(t, b.tab, chromedp.Navigate(page))
	b.expect(t, "closed 1006", "/ws")
	for _, want := range []string{"setting origins", "origin=" + page, "status=403"} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("no %q in the log", want)
		}
	}
	b.expect(t, withToken, "/ws?token="+tokenOf(t, "ann"))
}

// TestBrowserAddsPasswordsAndCookiesByItself has in one profile pages of the gateway, of another host, and of another port of
// the same host, for which Chromium adds the same passwords and cookies. The origin "*" lets all pages in, but not with those.
func TestBrowserAddsPasswordsAndCookiesByItself(t *testing.T) {
	tab := testkit.Chromium(t)
	for _, c := range []struct {
		origins   []string
		withToken string   // what a strange page gets with a token of its own
		strangers []string // hosts of strange pages; to one of another host Chromium gives no password, so there "*" means 401
	}{
		{nil, "closed 1006", []string{"127.0.0.1", "127.0.0.2"}},
		{[]string{"*"}, "welcome ann", []string{"127.0.0.1"}},
	} {
		cfg := everyWayIn(t, "secret")
		g := browse(t, tab, cfg, c.origins)
		withUser := func(userinfo string) string {
			return opens(t, tab, "ws://"+userinfo+"@"+g.addr.String()+"/ws")
		}
		g.expect(t, "closed 1006", "/ws")
		if wrong, right := withUser("dan:wrong"), withUser("dan:secret"); wrong != "closed 1006" || right != "welcome dan" {
			t.Errorf("with a wrong password %s, with the right one %s", wrong, right)
		}
		g.expect(t, "welcome dan", "/ws") // Chromium sends the password by itself from now on
		g.expect(t, "welcome ann", "/ws?token="+tokenOf(t, "ann"))
		g.expect(t, "welcome bob", "/ws", "hubbub.v1", "hubbub.token."+tokenOf(t, "bob"))
		g.expect(t, "welcome cid", "/ws?ticket="+g.ticketFor(t, "cid"))
		for _, host := range c.strangers {
			g.refuseStranger(t, strangePage(t, host), c.withToken)
		}

		testkit.Do(t, tab, chromedp.Navigate(g.url("http", "/")))
		g.expect(t, "welcome dan", "/ws")
		g.expect(t, "closed 1006", "/ws?token=bad")
		g.expect(t, "closed 1006", "/ws") // Chromium has sent the password there, too, and takes it for refused

		cfg.Auth.Basic.File = ""
		g = browse(t, tab, cfg, c.origins)
		testkit.Evaluate[string](t, tab, `document.cookie = "login=`+tokenOf(t, "fay")+`; path=/"`)
		g.expect(t, "welcome fay", "/ws")
		g.expect(t, "welcome ann", "/ws?token="+tokenOf(t, "ann"))
		g.refuseStranger(t, strangePage(t, "127.0.0.1"), c.withToken)
		testkit.Evaluate[string](t, tab, `document.cookie = "login=; path=/; max-age=0"`)
	}
}
