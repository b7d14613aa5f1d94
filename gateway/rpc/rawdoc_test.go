package rpc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// serveSockets serves sessions on a port, to whoever says who they are, and returns its address.
func serveSockets(t *testing.T) (*hubbub.Hub, string) {
	h, o := withStore(t, hubbub.Options{}, rpc.Options{})
	hub, err := hubbub.New(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	sockets := ws.NewServer(ws.Options{Group: rpc.GroupOptions})
	o.Hub, o.Sockets = hub, sockets
	server := rpc.New(o)
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := sockets.Upgrade(w, r); err == nil {
			q := r.URL.Query()
			server.Serve(c, hubbub.Identity{User: q.Get("user"), Device: q.Get("device")})
		}
	}))
	t.Cleanup(func() { endAll(t, sockets.Shutdown, hub.Close, server.Close) })
	t.Cleanup(listening.Close)
	return hub, listening.Listener.Addr().String()
}

// runPage runs the code of docs/raw-websocket.md in Node. What go test must know to be changed is opened here.
func runPage(t *testing.T, mode, addr string) *testkit.Process {
	t.Helper()
	for _, name := range []string{"../../docs/raw-websocket.md", "testdata/raw.mjs"} {
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	node := exec.Command(testkit.Program(t, "node"), "--experimental-websocket", "raw.mjs", mode, "ws://"+addr+"/ws")
	node.Dir = "testdata"
	return testkit.Start(t, node)
}

// TestConsole types what docs/raw-websocket.md says into a console. All requests succeed but the one that must not.
func TestConsole(t *testing.T) {
	_, addr := serveSockets(t)
	node := runPage(t, "console", addr)
	const requests, wrong = 17, 16
	for id := 1; id <= requests; id++ {
		start := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,`, id)
		var f frame
		if err := json.Unmarshal([]byte(start+node.Line(t, start)), &f); err != nil {
			t.Fatal(err)
		}
		if (f.Error != nil) != (id == wrong) {
			t.Errorf("request %d: error %v", id, f.Error)
		}
	}
}

// TestPageHasTheCode checks that the page shows the file that programs may take.
func TestPageHasTheCode(t *testing.T) {
	code, err := os.ReadFile("../../docs/raw-websocket.js")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/raw-websocket.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```js\n"+string(code)+"```\n") {
		t.Error("docs/raw-websocket.md does not have docs/raw-websocket.js as it is")
	}
}

// TestApplyMark runs what docs/protocol.md shows for lists that follow marks.
func TestApplyMark(t *testing.T) {
	_, code, _ := strings.Cut(protocol(t), "\n## The inbox\n")
	_, code, _ = strings.Cut(code, "```js\n")
	code, _, found := strings.Cut(code, "```\n")
	if !found {
		t.Fatal("docs/protocol.md has no code for the inbox")
	}
	code += `for (const line of process.argv.slice(1)) {
		const list = ["unseen", "seen", "read", "archived"].map((state, i) =>
			({ id: "n" + i, category: i % 2 ? "odd" : "even", time: 100 + i, state }));
		for (const mark of JSON.parse(line)) applyMark(list, mark);
		console.log(list.map((n) => n.state).join(" "));
	}`
	cases := [][2]string{
		{`[]`, "unseen seen read archived"},
		{`[{"state":"read","all":true}]`, "read read read archived"},
		{`[{"state":"seen","category":"even"}]`, "seen seen read archived"},
		{`[{"state":"archived","all":true,"until":101}]`, "archived archived read archived"},
		{`[{"state":"unread","all":true}]`, "unseen seen seen archived"},
		{`[{"state":"unread","ids":["n3","n0"]}]`, "unseen seen read seen"},
		{`[{"state":"read","ids":["n0"]},{"state":"unread","category":"even","until":101}]`, "seen seen read archived"},
	}
	args := []string{"-e", code}
	for _, c := range cases {
		args = append(args, c[0])
	}
	out, err := exec.CommandContext(t.Context(), testkit.Program(t, "node"), args...).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != len(cases) {
		t.Fatalf("%s: %v", out, err)
	}
	for i, c := range cases {
		if lines[i] != c[1] {
			t.Errorf("%s: %s; want %s", c[0], lines[i], c[1])
		}
	}
}

// TestFollow cuts the connection of the page's client again and again, in the middle of what a room says.
func TestFollow(t *testing.T) {
	hub, addr := serveSockets(t)
	line := newLine(t, addr)
	node := runPage(t, "follow", line.addr)
	const messages, cuts = 600, 6
	heard := func(n int) func() bool {
		return func() bool { return strings.Count(node.Output(), "message ") >= n }
	}
	say := func(i int) {
		if _, err := hub.SendRoom(t.Context(), "lobby", "test", hubbub.Outgoing{Data: fmt.Appendf(nil, "%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "the client joins", func() bool { return hub.Rooms() == 1 })
	for i := range messages {
		say(i)
		switch i % (messages / cuts) {
		case 0:
			testkit.Eventually(t, "the client has caught up", heard(i+1))
		case 30:
			line.cut()
		}
	}
	testkit.Eventually(t, "the client has heard all", heard(messages))
	var want strings.Builder
	for i := range messages {
		fmt.Fprintf(&want, "message %d\n", i)
	}
	if got := node.Output(); !strings.HasSuffix(got, want.String()) || strings.Contains(got, "reset") {
		t.Errorf("the client heard\n%s", got)
	}
}

// line is a connection to a server that can be cut.
type line struct {
	addr string

	mu    sync.Mutex
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &line{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			out.mu.Lock()
			out.conns = append(out.conns, client, server)
			out.mu.Unlock()
			wg.Go(func() { pipe(client, server) })
			wg.Go(func() { pipe(server, client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		out.cut()
		wg.Wait()
	})
	return out
}

// pipe copies until one of the two is closed. Both are closed then; what goes wrong while one of them is cut is the point.
func pipe(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	from.Close()
	to.Close()
}

// cut closes all connections.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}
