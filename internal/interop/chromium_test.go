package interop_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// browserEcho has the page in tab, which defines connect, exchange text and binary messages with an echo route.
func browserEcho(t *testing.T, tab context.Context, url string) {
	t.Helper()
	got := testkit.Evaluate[[]string](t, tab, fmt.Sprintf(`(async () => {
		const socket = connect(%q);
		const said = [await socket.outcome];
		if (said[0] !== "open") return said;
		socket.send("häß € 𝄞");
		said.push(await socket.next());
		socket.send(new Uint8Array([0, 1, 128, 255]));
		const binary = await socket.next();
		said.push(binary.constructor.name + " " + new Uint8Array(binary).join());
		socket.send("x".repeat(1 << 20));
		said.push(String((await socket.next()).length));
		socket.close(4321, "I häve to go");
		const { code, reason, clean } = await socket.closed;
		said.push([code, reason, clean].join());
		return said;
	})()`, url))
	want := "open; häß € 𝄞; ArrayBuffer 0,1,128,255; 1048576; 4321,I häve to go,true"
	if said := strings.Join(got, "; "); said != want {
		t.Errorf("the page says:\n%s\nwant:\n%s", said, want)
	}
}

func TestChromium(t *testing.T) {
	s := serve(t, ws.Options{Subprotocols: []string{"hubbub.test"}})
	tab := testkit.Chromium(t, chromedp.IgnoreCertErrors)
	testkit.Do(t, tab, chromedp.Navigate("http://"+s.addr+"/"))

	t.Run("echo", func(t *testing.T) {
		browserEcho(t, tab, "ws://"+s.addr+"/echo")
		s.expectClose(t, 4321, "I häve to go")
	})
	t.Run("closed by the server", func(t *testing.T) {
		got := testkit.Evaluate[string](t, tab, `connect("ws://`+s.addr+`/close/4400/enough").closed.then(JSON.stringify)`)
		if want := `{"code":4400,"reason":"enough","clean":true}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		s.expectClose(t, 4400, "enough")
	})
	t.Run("subprotocol", func(t *testing.T) {
		got := testkit.Evaluate[string](t, tab, `(async () => {
			const socket = connect("ws://`+s.addr+`/facts", ["other", "hubbub.test"]);
			const said = await socket.outcome + " " + socket.protocol + " " + JSON.parse(await socket.next()).Subprotocol;
			socket.close(1000);
			return said;
		})()`)
		s.expectClose(t, ws.CodeNormal, "")
		if got != "open hubbub.test hubbub.test" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("tab closed", func(t *testing.T) {
		left := testkit.Tab(t, tab)
		testkit.Do(t, left, chromedp.Navigate("http://"+s.addr+"/"))
		testkit.Evaluate[string](t, left, `connect("ws://`+s.addr+`/facts").outcome`)
		if err := chromedp.Cancel(left); err != nil {
			t.Fatal(err)
		}
		if why := testkit.Receive(t, "the server to see that the tab was closed", s.closed); why.Code != ws.CodeGoingAway {
			t.Errorf("server saw %+v, want code %d", why, ws.CodeGoingAway)
		}
	})
	// A page that the user navigates away from may live on in the browser's back/forward cache, with its WebSocket open and
	// its pings answered. It has to say good-bye itself.
	t.Run("page left", func(t *testing.T) {
		testkit.Do(t, tab, chromedp.Navigate("http://"+s.addr+"/left"))
		testkit.Evaluate[string](t, tab, `(() => {
			const socket = connect("ws://`+s.addr+`/facts");
			addEventListener("pagehide", () => socket.close(1000, "left"));
			return socket.outcome;
		})()`)
		testkit.Do(t, tab, chromedp.Navigate("http://"+s.addr+"/"))
		s.expectClose(t, ws.CodeNormal, "left")
	})
	t.Run("other origin", func(t *testing.T) { otherOrigins(t, tab, s) })
}

// otherOrigins opens WebSockets from the page of s to servers that do and do not let it.
func otherOrigins(t *testing.T, tab context.Context, s *server) {
	strict := serve(t, ws.Options{})
	for url, want := range map[string]string{
		"ws://" + strict.addr: "refused 1006",
		"ws://" + serve(t, ws.Options{Origins: []string{"http://" + s.addr}}).addr: "open 1000",
		"ws://" + serve(t, ws.Options{Origins: []string{"*"}}).addr:                "open 1000",
	} {
		got := testkit.Evaluate[string](t, tab, `(async () => {
			const socket = connect("`+url+`/echo");
			const outcome = await socket.outcome;
			socket.close(1000);
			return outcome + " " + (await socket.closed).code;
		})()`)
		if got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
	if n := strict.Len(); n != 0 {
		t.Errorf("%d conns of a refused page", n)
	}
}

func TestChromiumTLS(t *testing.T) {
	s := serve(t, ws.Options{}, testkit.SelfSigned(t))
	tab := testkit.Chromium(t, chromedp.IgnoreCertErrors)
	testkit.Do(t, tab, chromedp.Navigate("https://"+s.addr+"/"))
	browserEcho(t, tab, "wss://"+s.addr+"/echo")
	s.expectClose(t, 4321, "I häve to go")
}

func TestChromiumDeflate(t *testing.T) {
	for mode, o := range deflating {
		s := serve(t, o)
		t.Run(mode, func(t *testing.T) {
			tab := testkit.Chromium(t)
			testkit.Do(t, tab, chromedp.Navigate("http://"+s.addr+"/"))
			got := testkit.Evaluate[string](t, tab, `(async () => {
				const socket = connect("ws://`+s.addr+`/echo");
				await socket.outcome;
				const sent = ["a", "abc".repeat(1000), "abc".repeat(1001), "z".repeat(1 << 20)];
				for (const message of sent) socket.send(message);
				for (const message of sent) if (await socket.next() !== message) return "not the same";
				return socket.extensions.split(";")[0];
			})()`)
			if got != "permessage-deflate" {
				t.Errorf("got %q", got)
			}
		})
	}
}
