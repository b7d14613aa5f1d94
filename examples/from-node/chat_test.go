package main_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/examples/internal/run"
	"github.com/hubbub-dev/hubbub/ws"
)

// TestAlike runs one client test against the chat in Go and the chat in Node, and then shows where the two differ.
func TestAlike(t *testing.T) {
	ours := run.Start(t, filepath.Join(run.Build(t, "."), "from-node"))
	t.Run("go", func(t *testing.T) { testChat(t, ours) })
	dir := install(t)
	theirs := startNode(t, dir)
	t.Run("node", func(t *testing.T) { testChat(t, theirs) })

	t.Run("last words", func(t *testing.T) {
		for _, p := range []*run.Program{ours, theirs} {
			testLastWords(t, dir, p)
		}
	})
	t.Run("names", func(t *testing.T) { testNames(t, dir) })
	t.Run("differences", func(t *testing.T) {
		if refused := run.Refused(t, "ws://"+ours.Addr+"/nowhere", ws.DialOptions{}); refused.Status != http.StatusNotFound {
			t.Errorf("ours: an unknown path is %d, want 404", refused.Status)
		}
		if why := run.Dial(t, "ws://"+theirs.Addr+"/nowhere", ws.DialOptions{}).Closed(t); why.Code != ws.CodeNoStatus {
			t.Errorf("theirs: an unknown path opens and then closes with %d, want 1005", why.Code)
		}
		foreign := ws.DialOptions{Header: http.Header{"Origin": {"https://elsewhere.example"}}}
		if refused := run.Refused(t, "ws://"+ours.Addr+"/echo", foreign); refused.Status != http.StatusForbidden {
			t.Errorf("ours: a page from elsewhere is %d, want 403", refused.Status)
		}
		c := run.Dial(t, "ws://"+theirs.Addr+"/echo", foreign)
		c.Say(t, "theirs lets it in")
		c.Want(t, "theirs lets it in")
	})
	t.Run("shutdown", func(t *testing.T) {
		for name, p := range map[string]*run.Program{"ours": ours, "theirs": theirs} {
			c := run.Dial(t, "ws://"+p.Addr+"/echo", ws.DialOptions{})
			p.Terminate(t)
			if why := c.Closed(t); why.Code != ws.CodeGoingAway {
				t.Errorf("%s closes with %d, want 1001", name, why.Code)
			}
			p.Wait(t)
		}
	})
}

// install puts server.js and what it needs into a directory of its own.
func install(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "server.js", "names.js", "leave.js"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-fund", "--no-audit")
	cmd.Dir = dir
	if report, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s\nThis test compares with Node: it needs node, npm, and npm's registry or a filled cache.",
			err, report)
	}
	return dir
}

// testLastWords has a client that says much and closes at once. It gets an answer to everything.
func testLastWords(t *testing.T, dir string, p *run.Program) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "leave.js", "ws://"+p.Addr+"/echo")
	cmd.Dir = dir
	heard, err := cmd.Output()
	if err != nil {
		t.Fatalf("node leave.js: %v", err)
	}
	var want strings.Builder
	for n := range 50 {
		fmt.Fprintf(&want, "word %d\n", n+1)
	}
	want.WriteString("closed 4001\n")
	if string(heard) != want.String() {
		t.Errorf("it hears:\n%s\nwant:\n%s", heard, want.String())
	}
}

// testNames expects every public name of the two packages in the page that compares them with ours.
func testNames(t *testing.T, dir string) {
	cmd := exec.CommandContext(t.Context(), "node", "names.js")
	cmd.Dir = dir
	names, err := cmd.Output()
	if err != nil {
		t.Fatalf("node names.js: %v", err)
	}
	page, err := os.ReadFile("../../docs/from-ws-and-express-ws.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(string(page), -1) {
		for _, word := range regexp.MustCompile(`[\w-]+`).FindAllString(code, -1) {
			told[word] = true
		}
	}
	count := 0
	for name := range strings.FieldsSeq(string(names)) {
		count++
		if !told[name] {
			t.Errorf("docs/from-ws-and-express-ws.md does not tell about %s", name)
		}
	}
	if count < 80 {
		t.Errorf("only %d names were found in the packages; names.js does not fit them any more", count)
	}
}

func startNode(t *testing.T, dir string) *run.Program {
	t.Helper()
	return run.Serve(t, func(addr string) *run.Program {
		_, port, _ := net.SplitHostPort(addr)
		return run.Launch(t, []string{"PORT=" + port}, "node", filepath.Join(dir, "server.js"))
	})
}

// testChat is what a client sees of the chat, whoever serves it.
func testChat(t *testing.T, p *run.Program) {
	url := "ws://" + p.Addr
	if status, body := run.Get(t, "http://"+p.Addr+"/"); status != http.StatusOK || body != "a chat\n" {
		t.Errorf("GET /: %d %q", status, body)
	}
	echo := run.Dial(t, url+"/echo", ws.DialOptions{})
	echo.Say(t, "hello")
	echo.Want(t, "hello")
	if err := echo.Send(ws.Message{Data: []byte{0xff, 0}, Binary: true}); err != nil {
		t.Fatal(err)
	}
	if m := echo.Next(t); !m.Binary || string(m.Data) != "\xff\x00" {
		t.Errorf("a binary message came back as %+v", m)
	}

	for _, query := range []string{"", "?token=wrong"} {
		refused := run.Refused(t, url+"/chat/tea"+query, ws.DialOptions{})
		if refused.Status != http.StatusUnauthorized || refused.Header.Get("WWW-Authenticate") != `Bearer realm="chat"` {
			t.Errorf("%q: %d %v, want 401 with a challenge", query, refused.Status, refused.Header)
		}
	}

	ann := run.Dial(t, url+"/chat/tea?token=t-ann", ws.DialOptions{})
	ann.WantJSON(t, `{"from": "server", "text": "ann came in, 1 here"}`)
	bob := run.Dial(t, url+"/chat/tea?token=t-bob", ws.DialOptions{})
	ann.WantJSON(t, `{"from": "server", "text": "bob came in, 2 here"}`)
	bob.WantJSON(t, `{"from": "server", "text": "bob came in, 2 here"}`)
	alone := run.Dial(t, url+"/chat/coffee?token=t-bob", ws.DialOptions{})
	alone.WantJSON(t, `{"from": "server", "text": "bob came in, 1 here"}`)
	ann.Say(t, "hi bob")
	ann.WantJSON(t, `{"from": "ann", "text": "hi bob"}`)
	bob.WantJSON(t, `{"from": "ann", "text": "hi bob"}`)

	announce := "http://" + p.Addr + "/announce"
	plain := http.Header{"Content-Type": {"text/plain"}}
	if resp, _ := run.Do(t, "POST", announce, strings.NewReader("lunch"), plain); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an announcement without a token: %s, want 401", resp.Status)
	}
	if resp, body := run.Do(t, "POST", announce+"?token=t-ann", strings.NewReader("lunch"), plain); resp.StatusCode != 204 {
		t.Errorf("POST /announce: %s %s", resp.Status, body)
	}
	for _, c := range []*run.Client{echo, ann, bob, alone} {
		c.Want(t, "announcement: lunch")
	}

	bob.Say(t, "bye")
	if why := bob.Closed(t); why.Code != 4000 || why.Reason != "see you" {
		t.Errorf("closed with %d %q, want 4000 see you", why.Code, why.Reason)
	}
	ann.WantJSON(t, `{"from": "server", "text": "bob left, 1 here"}`)
	alone.Terminate()
	again := run.Dial(t, url+"/chat/tea?token=t-bob", ws.DialOptions{})
	again.WantJSON(t, `{"from": "server", "text": "bob came in, 2 here"}`)
	again.Terminate()
	ann.WantJSON(t, `{"from": "server", "text": "bob came in, 2 here"}`)
	ann.WantJSON(t, `{"from": "server", "text": "bob left, 1 here"}`)
}
