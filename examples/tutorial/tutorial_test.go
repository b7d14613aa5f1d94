package tutorial_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub/examples/internal/run"
	"github.com/hubbub-dev/hubbub/ws"
)

// TestTutorial starts every program of docs/tutorial.md and checks what the text claims about it.
func TestTutorial(t *testing.T) {
	steps := []struct {
		name string
		test func(t *testing.T, program string)
	}{
		{"01-polling", testPolling},
		{"02-cost", testCost},
		{"03-server", testServer},
		{"04-browser", testBrowser},
		{"05-client", testClient},
		{"06-routes", testRoutes},
		{"07-online", testOnline},
		{"08-broadcast", testBroadcast},
		{"09-group-of-five", testGroupOfFive},
		{"10-single-chat", testSingleChat},
		{"11-basic-auth", testBasicAuth},
		{"12-token-auth", testTokenAuth},
		{"13-shutdown", testShutdown},
		{"14-wss", testTLS},
	}
	var dirs []string
	for _, step := range steps {
		dirs = append(dirs, step.name)
	}
	if found, _ := filepath.Glob("[0-9]*"); len(found) != len(steps) {
		t.Errorf("the directory has the steps %v, tested are %v", found, dirs)
	}
	programs := run.Build(t, dirs...)
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) { step.test(t, filepath.Join(programs, step.name)) })
	}
}

func testPolling(t *testing.T, program string) {
	p := run.Start(t, program)
	url := "http://" + p.Addr + "/messages"
	wantBody := func(query, want string) {
		t.Helper()
		if status, body := run.Get(t, url+query); status != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("GET /messages%s: %d %s, want %s", query, status, body, want)
		}
	}
	wantBody("", "[]")
	for _, text := range []string{"hello", "anyone?"} {
		if resp, body := run.Do(t, "POST", url, strings.NewReader(text), nil); resp.StatusCode != http.StatusNoContent {
			t.Fatalf("POST: %s %s", resp.Status, body)
		}
	}
	wantBody("?after=0", `["hello","anyone?"]`)
	wantBody("?after=1", `["anyone?"]`)
	wantBody("?after=2", "[]")
	wantBody("?after=99", "[]")
	if resp, _ := run.Do(t, "POST", url, strings.NewReader(strings.Repeat("x", 5000)), nil); resp.StatusCode != 413 {
		t.Errorf("an oversized message: %s, want 413", resp.Status)
	}
}

// testCost checks that both ways are measured and that the counts, which do not depend on time, are as the text says.
func testCost(t *testing.T, program string) {
	p := run.Launch(t, nil, program, "-clients", "10", "-poll", "50ms", "-say", "200ms", "-for", "2s")
	p.Wait(t)
	count := map[string][2]int{}
	for line := range strings.Lines(p.Output()) {
		if fields := strings.Fields(line); len(fields) == 6 {
			requests, _ := strconv.Atoi(fields[1])
			bytes, _ := strconv.Atoi(fields[2])
			count[fields[0]] = [2]int{requests, bytes}
		}
	}
	poll, push := count["polling"], count["websocket"]
	if push[0] != 10 {
		t.Errorf("%d requests over WebSocket, want one for each of 10 clients\n%s", push[0], p.Output())
	}
	if poll[0] <= 2*push[0] || poll[1] <= push[1] || push[1] == 0 {
		t.Errorf("polling should cost more\n%s", p.Output())
	}
}

func testServer(t *testing.T, program string) {
	p := run.Start(t, program)
	c := run.Dial(t, "ws://"+p.Addr+"/echo", ws.DialOptions{})
	c.Say(t, "hello")
	c.Want(t, "hello")
	if err := c.Send(ws.Message{Data: []byte{0, 1, 2}, Binary: true}); err != nil {
		t.Fatal(err)
	}
	if m := c.Next(t); !m.Binary || string(m.Data) != "\x00\x01\x02" {
		t.Errorf("a binary message came back as %+v", m)
	}
	c.Close(ws.CodeNormal, "")
	c.Closed(t)
	p.WaitOutput(t, "came 127.0.0.1:")
	p.WaitOutput(t, "left 127.0.0.1:")

	if refused := run.Refused(t, "ws://"+p.Addr+"/nowhere", ws.DialOptions{}); refused.Status != http.StatusNotFound {
		t.Errorf("an unknown path: %d, want 404", refused.Status)
	}
	if status, body := run.Get(t, "http://"+p.Addr+"/echo"); status != http.StatusUpgradeRequired || body == "" {
		t.Errorf("a plain GET: %d %q, want 426 and a reason", status, body)
	}
}

func testBrowser(t *testing.T, program string) {
	p := run.Start(t, program)
	if status, body := run.Get(t, "http://"+p.Addr+"/"); status != http.StatusOK || !strings.Contains(body, "new WebSocket(") {
		t.Errorf("the page: %d %s", status, body)
	}
	own := http.Header{"Origin": {"http://" + p.Addr}} // what a browser sends from that page
	c := run.Dial(t, "ws://"+p.Addr+"/echo", ws.DialOptions{Header: own})
	c.Say(t, "hello")
	c.Want(t, "hello")
	foreign := http.Header{"Origin": {"https://elsewhere.example"}}
	if r := run.Refused(t, "ws://"+p.Addr+"/echo", ws.DialOptions{Header: foreign}); r.Status != http.StatusForbidden {
		t.Errorf("a page from elsewhere: %d, want 403", r.Status)
	}
}

func testClient(t *testing.T, program string) {
	server := run.Start(t, run.Build(t, "04-browser")+"/04-browser")
	p := run.Launch(t, nil, program, "-url", "ws://"+server.Addr+"/echo")
	p.Say(t, "hello from Go")
	p.WaitOutput(t, "hello from Go")
	p.CloseInput()
	p.Wait(t)
	p.WaitOutput(t, "closed: 1000")

	p = run.Launch(t, nil, program, "-url", "ws://"+server.Addr+"/nowhere")
	p.WaitOutput(t, "the server said 404")
}

func testRoutes(t *testing.T, program string) {
	p := run.Start(t, program)
	for _, route := range []struct{ path, say, want string }{
		{"/echo", "hello", "hello"},
		{"/shout", "hello", "HELLO"},
		{"/rooms/kitchen?name=ann", "", "welcome to the kitchen, ann"},
		{"/rooms/kitchen/shout?name=ann", "hello", "HELLO"},
	} {
		c := run.Dial(t, "ws://"+p.Addr+route.path, ws.DialOptions{})
		if route.say != "" {
			c.Say(t, route.say)
		}
		c.Want(t, route.want)
	}
	for path, want := range map[string]int{
		"/rooms/kitchen":       http.StatusBadRequest,
		"/rooms/kitchen/shout": http.StatusBadRequest,
		"/whisper":             http.StatusNotFound,
	} {
		if refused := run.Refused(t, "ws://"+p.Addr+path, ws.DialOptions{}); refused.Status != want {
			t.Errorf("%s: %d %s, want %d", path, refused.Status, refused.Body, want)
		}
	}
	wantGet(t, "http://"+p.Addr+"/rooms/kitchen", http.StatusBadRequest, "say who you are")
	wantGet(t, "http://"+p.Addr+"/rooms/kitchen?name=ann", http.StatusUpgradeRequired, "")
}

// wantGet makes a plain request, as curl does.
func wantGet(t *testing.T, url string, status int, text string) {
	t.Helper()
	if got, body := run.Get(t, url); got != status || !strings.Contains(body, text) {
		t.Errorf("GET %s: %d %s, want %d and %q", url, got, body, status, text)
	}
}

func testOnline(t *testing.T, program string) {
	p := run.Start(t, program)
	first := run.Dial(t, "ws://"+p.Addr+"/live", ws.DialOptions{})
	first.WantJSON(t, `{"online": 1}`)
	second := run.Dial(t, "ws://"+p.Addr+"/live", ws.DialOptions{})
	first.WantJSON(t, `{"online": 2}`)
	second.WantJSON(t, `{"online": 2}`)
	if _, body := run.Get(t, "http://"+p.Addr+"/online"); strings.TrimSpace(body) != "2" {
		t.Errorf("GET /online says %s, want 2", body)
	}
	second.Terminate() // no closing handshake, as when a process dies
	first.WantJSON(t, `{"online": 1}`)

	// Whatever the order in which many come at once, the last count that is told is right.
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { run.Dial(t, "ws://"+p.Addr+"/live", ws.DialOptions{}) })
	}
	wg.Wait()
	for range 19 {
		first.Next(t)
	}
	first.WantJSON(t, `{"online": 21}`)
}

func testBroadcast(t *testing.T, program string) {
	p := run.Start(t, program)
	ann := run.Dial(t, "ws://"+p.Addr+"/chat?name=ann", ws.DialOptions{})
	ann.Say(t, "anyone?")
	ann.WantJSON(t, `{"from": "ann", "text": "anyone?"}`)
	bob := run.Dial(t, "ws://"+p.Addr+"/chat?name=bob", ws.DialOptions{})
	ann.WantJSON(t, `{"from": "bob", "text": "came in"}`)
	bob.Say(t, "hi")
	ann.WantJSON(t, `{"from": "bob", "text": "hi"}`)
	bob.WantJSON(t, `{"from": "bob", "text": "hi"}`) // and not his own "came in" before
	bob.Close(ws.CodeGoingAway, "")
	ann.WantJSON(t, `{"from": "bob", "text": "left"}`)
}

func testGroupOfFive(t *testing.T, program string) {
	p := run.Start(t, program)
	url := "ws://" + p.Addr + "/tables/window"
	guests := make([]*run.Client, 20)
	var wg sync.WaitGroup
	for i := range guests { // all at once, so that several reach for the last seat
		wg.Go(func() { guests[i] = run.Dial(t, url, ws.DialOptions{}) })
	}
	wg.Wait()
	var seated []*run.Client
	for _, c := range guests {
		c.Send(ws.Text("am I in?")) // the refused ones are closing, or will be
	}
	for _, c := range guests {
		if first, why := c.NextOrClosed(t); first != nil {
			seated = append(seated, c)
		} else if why.Code != ws.CodeTryLater || why.Reason != "this table is full" {
			t.Errorf("refused with %d %q", why.Code, why.Reason)
		}
	}
	if len(seated) != 5 {
		t.Fatalf("%d got a seat, want 5", len(seated))
	}
	seated[0].Close(ws.CodeNormal, "")
	seated[0].Closed(t)
	run.Until(t, "the free seat", func() bool { // it is free once the server has noticed
		c := run.Dial(t, url, ws.DialOptions{})
		c.Send(ws.Text("and now?"))
		m, _ := c.NextOrClosed(t)
		return m != nil
	}, nil)
	run.Dial(t, "ws://"+p.Addr+"/tables/door", ws.DialOptions{}).Say(t, "another table has seats of its own")
}

func testSingleChat(t *testing.T, program string) {
	p := run.Start(t, program)
	dial := func(name string) *run.Client {
		return run.Dial(t, "ws://"+p.Addr+"/single?name="+name, ws.DialOptions{})
	}
	ann := dial("ann")
	ann.Say(t, `{"to": "bob", "text": "hi"}`)
	ann.WantJSON(t, `{"from": "server", "text": "bob is not here"}`)
	ann.Say(t, `hi`)
	ann.WantJSON(t, `{"from": "server", "text": "write {\"to\": \"…\", \"text\": \"…\"}"}`)

	bob, tab, eve := dial("bob"), dial("bob"), dial("eve")
	for _, c := range []*run.Client{bob, tab, eve} { // an answer proves that the conn has joined its group
		c.Say(t, `{"to": "nobody", "text": "?"}`)
		c.WantJSON(t, `{"from": "server", "text": "nobody is not here"}`)
	}
	ann.Say(t, `{"to": "bob", "text": "hi"}`)
	bob.WantJSON(t, `{"from": "ann", "text": "hi"}`)
	tab.WantJSON(t, `{"from": "ann", "text": "hi"}`)
	bob.Say(t, `{"to": "eve", "text": "psst"}`)
	eve.WantJSON(t, `{"from": "bob", "text": "psst"}`) // the first that eve hears

	bob.Close(ws.CodeNormal, "")
	bob.Closed(t)
	ann.Say(t, `{"to": "bob", "text": "still there?"}`)
	tab.WantJSON(t, `{"from": "ann", "text": "still there?"}`)
}

func testBasicAuth(t *testing.T, program string) {
	p := run.Start(t, program)
	url := "ws://" + p.Addr + "/chat"
	login := func(name, password string) ws.DialOptions {
		r, _ := http.NewRequest("GET", "/", nil)
		r.SetBasicAuth(name, password)
		return ws.DialOptions{Header: r.Header}
	}
	run.Dial(t, url, login("ann", "correct horse")).Want(t, "hello ann")
	run.Dial(t, "ws://ann:correct%20horse@"+p.Addr+"/chat", ws.DialOptions{}).Want(t, "hello ann")
	wantGet(t, "http://"+p.Addr+"/chat", http.StatusUnauthorized, "a name and a password are needed")
	wantGet(t, "http://ann:correct%20horse@"+p.Addr+"/chat", http.StatusUpgradeRequired, "")
	for _, o := range []ws.DialOptions{{}, login("ann", "wrong"), login("ann", ""), login("eve", ""), login("", "")} {
		refused := run.Refused(t, url, o)
		if refused.Status != http.StatusUnauthorized || !strings.HasPrefix(refused.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%v: %d %v, want 401 with a challenge", o.Header, refused.Status, refused.Header)
		}
	}
}

func testTokenAuth(t *testing.T, program string) {
	p := run.Start(t, program)
	token := fetchToken(t, p.Addr)
	url := "ws://" + p.Addr + "/chat/kitchen"
	bearer := func(token string) ws.DialOptions {
		return ws.DialOptions{Header: http.Header{"Authorization": {"Bearer " + token}}}
	}
	run.Dial(t, url, bearer(token)).Want(t, "hello ann in kitchen")
	run.Dial(t, url+"?token="+token, ws.DialOptions{}).Want(t, "hello ann in kitchen")
	wantRefusal := func(url string, o ws.DialOptions, reason string) {
		t.Helper()
		refused := run.Refused(t, url, o)
		challenge := refused.Header.Get("WWW-Authenticate")
		if refused.Status != 401 || !strings.HasPrefix(challenge, "Bearer") || !strings.Contains(string(refused.Body), reason) {
			t.Errorf("%d, challenge %q, %q; want 401 because %q", refused.Status, challenge, refused.Body, reason)
		}
	}
	wantRefusal(url, ws.DialOptions{}, "needed")
	wantGet(t, "http://"+p.Addr+"/chat/kitchen", http.StatusUnauthorized, "a token is needed")
	wantRefusal(url, bearer("a.b.c"), "malformed")
	wantRefusal(url, bearer(strings.Replace(token, token[:4], "ZXZl", 1)), "not ours")
	wantRefusal(url+"?token="+token, bearer("x"), "needed") // what is said first decides

	late := run.Start(t, program, "-ttl", "-1s")
	wantRefusal("ws://"+late.Addr+"/chat/kitchen?token="+fetchToken(t, late.Addr), ws.DialOptions{}, "expired")
}

func fetchToken(t *testing.T, addr string) string {
	t.Helper()
	r, _ := http.NewRequest("GET", "/", nil)
	resp, body := run.Do(t, "POST", "http://"+addr+"/token", nil, r.Header)
	if resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("a token without a password: %s %s", resp.Status, body)
	}
	r.SetBasicAuth("ann", "correct horse")
	resp, body = run.Do(t, "POST", "http://"+addr+"/token", nil, r.Header)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST /token: %s %s", resp.Status, body)
	}
	return body
}

func testShutdown(t *testing.T, program string) {
	p := run.Start(t, program)
	c := run.Dial(t, "ws://"+p.Addr+"/echo", ws.DialOptions{})
	c.Say(t, "hello")
	c.Want(t, "hello")
	p.Interrupt(t)
	if why := c.Closed(t); why.Code != ws.CodeGoingAway {
		t.Errorf("closed with %d, want 1001", why.Code)
	}
	p.Wait(t)
}

func testTLS(t *testing.T, program string) {
	file := filepath.Join(t.TempDir(), "cert.pem")
	p := run.Start(t, program, "-cert", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate in %s", text)
	}
	trust := &tls.Config{RootCAs: roots}
	c := run.Dial(t, "wss://"+p.Addr+"/echo", ws.DialOptions{TLS: trust})
	c.Say(t, "hello")
	c.Want(t, "hello")
	if c.TLS() == nil {
		t.Error("TLS() is nil on a wss conn")
	}
	if _, err := ws.Dial(t.Context(), "wss://"+p.Addr+"/echo", ws.DialOptions{}); err == nil {
		t.Error("a client that does not trust the certificate connected")
	}
	for _, http2 := range []bool{false, true} { // browsers use HTTP/2 for pages beside wss on HTTP/1.1
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: http2}}
		resp, err := client.Get("https://" + p.Addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		client.CloseIdleConnections()
		want := fmt.Sprintf("hello over HTTP/%d", resp.ProtoMajor)
		if resp.StatusCode != 200 || !strings.HasPrefix(string(body), want) {
			t.Errorf("the page: %s %s", resp.Status, body)
		}
	}
}
