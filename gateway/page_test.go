package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// page is the demo chat in a tab of Chromium.
type page struct{ tab context.Context }

// visit opens the chat in a tab, with room for all of it, as the query says, such as "user=ann&name=Ann&device=laptop",
// and waits for the connection.
func visit(t *testing.T, tab context.Context, url, query string) page {
	t.Helper()
	p := page{tab}
	testkit.Do(t, tab, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url+"?"+query))
	p.connected(t)
	return p
}

// signIn opens the chat in a tab and fills in the door.
func signIn(t *testing.T, tab context.Context, url, name string) page {
	t.Helper()
	p := page{tab}
	testkit.Do(t, tab, chromedp.Navigate(url), chromedp.WaitVisible("#name"), chromedp.SendKeys("#name", name+"\r"))
	p.connected(t)
	return p
}

func (p page) connected(t *testing.T) {
	t.Helper()
	p.until(t, "the page to connect", `document.querySelector("#state").dataset.phase === "open"`)
}

// until polls until a JavaScript condition holds.
func (p page) until(t *testing.T, what, condition string) {
	t.Helper()
	testkit.Holds(t, p.tab, what, condition)
}

// shows polls until the text of the elements of a selector has this in it.
func (p page) shows(t *testing.T, selector, text string) {
	t.Helper()
	p.until(t, fmt.Sprintf("%s to show %q", selector, text),
		fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.checkVisibility() && e.innerText.includes(%q))`, selector, text))
}

func (p page) click(t *testing.T, selector string) {
	t.Helper()
	testkit.Do(t, p.tab, chromedp.Click(selector))
}

// goTo shows a room or a conversation: "room=lobby" or "user=bob".
func (p page) goTo(t *testing.T, where string) {
	t.Helper()
	testkit.Evaluate[any](t, p.tab, fmt.Sprintf(`location.hash = %q`, where))
	p.until(t, "the page to go there", fmt.Sprintf(`document.querySelector(".stream[aria-current]")?.hash === "#" + %q`, where))
}

func (p page) say(t *testing.T, text string) {
	t.Helper()
	testkit.Do(t, p.tab, chromedp.SendKeys("#text", text+"\r"))
}

// sees waits for a message with exactly this text.
func (p page) sees(t *testing.T, text string) {
	t.Helper()
	p.until(t, fmt.Sprintf("the message %q", text),
		fmt.Sprintf(`[...document.querySelectorAll("#messages .text")].some((e) => e.textContent === %q)`, text))
}

// texts are all messages that the page shows.
func (p page) texts(t *testing.T) []string {
	t.Helper()
	return testkit.Evaluate[[]string](t, p.tab, `[...document.querySelectorAll("#messages .text")].map((e) => e.textContent)`)
}

// showsPeople waits until exactly these are listed, the page's own person first.
func (p page) showsPeople(t *testing.T, names ...string) {
	t.Helper()
	p.until(t, fmt.Sprintf("the people %q", names), fmt.Sprintf(
		`[...document.querySelectorAll("#list .name")].map((e) => e.textContent).join() === %q`, strings.Join(names, ",")))
}

// bot is a session that does what it is told and ignores what it hears.
type bot struct{ conn *ws.Conn }

// bot connects as the query says and joins the lobby.
func (r running) bot(t *testing.T, query string) bot {
	t.Helper()
	conn, err := ws.Dial(t.Context(), r.url("ws", "/ws?"+query), ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Terminate)
	conn.OnMessage(func(ws.Message) {})
	b := bot{conn}
	b.do(t, "room.join", map[string]any{"room": "lobby"})
	return b
}

func (b bot) do(t *testing.T, method string, params map[string]any) {
	t.Helper()
	frame, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.conn.Send(ws.Message{Data: frame}); err != nil {
		t.Fatal(err)
	}
}

// say sends to the lobby.
func (b bot) say(t *testing.T, text string) {
	t.Helper()
	b.do(t, "room.send", map[string]any{"room": "lobby", "data": map[string]any{"text": text}})
}

// line lies between a browser and a server, and can be cut.
type line struct {
	to string

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

// newLine returns the address of a line to a server.
func newLine(t *testing.T, to string) (*line, string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	between := &line{to: to, open: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { between.carry(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		between.set(true)
		running.Wait()
	})
	return between, l.Addr().String()
}

func (l *line) carry(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer s.Close()
	if !l.add(c, s) {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(s, c)
		s.Close()
	}()
	io.Copy(c, s)
	c.Close()
	<-done
}

func (l *line) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.open[c] = true
	}
	return !l.cut
}

// set cuts the line or mends it.
func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if !cut {
		return
	}
	for c := range l.open {
		c.Close()
	}
	clear(l.open)
}
