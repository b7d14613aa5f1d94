package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hubbub-dev/hubbub/examples/internal/run"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestGuide does what a reader of docs/bff.md does in the first fifteen minutes, in the order of the page: it runs the commands with
// bash, those for a terminal of their own beside the others, and the scripts in the console of a browser. What a command answers has the
// fields that the page shows.
func TestGuide(t *testing.T) {
	g := newGuide(t)
	begun := false
	for _, block := range blocks(t, "../docs/bff.md", "## Fifteen minutes", "## Backends") {
		code := g.addresses.Replace(block.code)
		switch block.language {
		case "sh":
			begun = g.shell(t, code) || begun
		case "json":
			g.answersAs(t, code)
		case "js":
			g.console(t, code)
		case "text":
			g.closesTab(t)
		}
	}
	if !begun {
		t.Error("no program was started")
	}
	testkit.Eventually(t, "the console to have the combined call", func() bool {
		return strings.Contains(g.said(t), `"data":{"id":7,"name":"Morning mug","price":1800}`)
	})
}

// TestWebhookByHand runs the Python of docs/webhooks.md against the library of Standard Webhooks.
func TestWebhookByHand(t *testing.T) {
	found := 0
	for _, block := range blocks(t, "../docs/webhooks.md", "## Verification", "## Delivery") {
		if block.language != "python" {
			continue
		}
		found++
		const secret, id, body = "whsec_c2hvcC1kZW1vbnN0cmF0aW9uLXdlYmhvb2s=", "msg_1", `{"type":"user.online"}`
		webhook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		signature, err := webhook.Sign(id, now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		program := block.code + fmt.Sprintf(`
headers = {"webhook-id": %q, "webhook-timestamp": "%d", "webhook-signature": "v1,AAAA " + %q}
body = %q.encode()
assert verified(headers, body, %q)
assert not verified(headers, body + b" ", %[5]q)
assert not verified(headers, body, "whsec_" + base64.b64encode(b"x" * 24).decode())
assert not verified(headers | {"webhook-timestamp": "1"}, body, %[5]q)
`, id, now.Unix(), signature, body, secret)
		if out, err := exec.CommandContext(t.Context(), testkit.Program(t, "/usr/bin/python3"), "-c", program).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if found != 1 {
		t.Errorf("the page has %d programs in Python, want one", found)
	}
}

// TestDeadLetters runs the commands of docs/webhooks.md for somebody whose target has not answered.
func TestDeadLetters(t *testing.T) {
	g := newGuide(t)
	config := `dev: true
api: {keys: [{name: backend, key: only-for-the-first-fifteen-minutes}]}
webhooks:
  - {name: orders, url: "http://localhost:1", secrets: [whsec_c2hvcC1kZW1vbnN0cmF0aW9uLXdlYmhvb2s=], allow_private: true, retry_for: 100ms}
`
	if err := os.WriteFile(filepath.Join(g.dir, "hubbub.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g.begin(t, "gateway", "hubbub serve")
	g.shell(t, "export API=http://"+g.gateway+"/api/v1 KEY=only-for-the-first-fifteen-minutes\n")
	asks, _ := os.ReadFile("../docs/webhooks.md")
	test := regexp.MustCompile("`(curl -X POST [^`]*)`").FindStringSubmatch(string(asks))
	if test == nil {
		t.Fatal("the page does not say how to ask for an event")
	}
	g.shell(t, test[1])
	testkit.Eventually(t, "the event to be dead", func() bool {
		g.shell(t, `curl -s "$API/webhooks" -H "Authorization: Bearer $KEY"`)
		return strings.Contains(g.answered, `"dead":1`)
	})
	g.shell(t, test[1]) // and this one waits
	for _, block := range blocks(t, "../docs/webhooks.md", "## Dead letters", "## Security") {
		if block.language == "json" {
			g.answersAs(t, block.code)
			continue
		}
		g.shell(t, block.code)
	}
}

// TestConfigurationsOfGuides has the program check each configuration that the references show. Backends that one only names are added.
func TestConfigurationsOfGuides(t *testing.T) {
	program := filepath.Join(hubbub(t), "hubbub")
	whole := strings.NewReplacer(`"…"`, strings.Repeat("s", 32), "whsec_…", "whsec_c2hvcC1kZW1vbnN0cmF0aW9uLXdlYmhvb2s=")
	for _, page := range []struct{ name, from, to string }{{"bff.md", "## Backends", ""}, {"webhooks.md", "# Webhooks", ""}} {
		found := 0
		for _, block := range blocks(t, "../docs/"+page.name, page.from, page.to) {
			if block.language != "yaml" {
				continue
			}
			found++
			config := "dev: true\n"
			if strings.HasPrefix(block.code, "    - name") {
				config += "bff:\n  routes:\n"
			}
			config += whole.Replace(block.code)
			if !strings.Contains(config, "\nbackends:") {
				config += "backends:\n  - {name: none, url: \"http://none\"}\n"
				for _, m := range slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`backend: \w+`).FindAllString(config, -1)))) {
					config += "  - {name: " + strings.TrimPrefix(m, "backend: ") + ", url: \"http://localhost:1\"}\n"
				}
			}
			file := filepath.Join(t.TempDir(), "hubbub.yaml")
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), program, "config", "check", "--config", file).CombinedOutput(); err != nil {
				t.Errorf("docs/%s: %v\n%s\n%s", page.name, err, out, config)
			}
		}
		if found == 0 {
			t.Errorf("docs/%s shows no configuration", page.name)
		}
	}
}

// hubbub compiles the program and returns the directory where it is.
func hubbub(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/hubbub")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	return bin
}

type codeBlock struct{ language, code string }

// blocks are the code blocks of a page between two headings, the second of which may be "" for its end.
func blocks(t *testing.T, page, from, to string) []codeBlock {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, part, begins := strings.Cut("\n"+string(data), "\n"+from+"\n")
	ends := true
	if to != "" {
		part, _, ends = strings.Cut(part, "\n"+to+"\n")
	}
	if !begins || !ends {
		t.Fatalf("%s has no %q before %q", page, from, to)
	}
	var all []codeBlock
	for _, m := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```\n").FindAllStringSubmatch(part, -1) {
		all = append(all, codeBlock{m[1], m[2]})
	}
	return all
}

// guide is a reader at work.
type guide struct {
	dir       string
	env       []string
	addresses *strings.Replacer // of the page to those that are free here
	ports     map[string]string // by the name of the terminal
	terminals map[string]*terminal
	exports   string          // what the shell was told to remember
	browser   context.Context // nil before there is a script
	gateway   string
	tab       context.Context // ann's, then whoever's console is open
	closeTab  context.CancelFunc

	asked, answered string // the last command
}

type terminal struct {
	cmd *exec.Cmd
	*testkit.Process
}

func newGuide(t *testing.T) *guide {
	t.Helper()
	bin := hubbub(t)
	gateway, backend := port(t), port(t)
	return &guide{
		dir: t.TempDir(), gateway: "localhost:" + gateway, terminals: map[string]*terminal{},
		env:       append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HUBBUB_ADDR=localhost:"+gateway),
		addresses: strings.NewReplacer("localhost:8080", "localhost:"+gateway, "localhost:9000", "localhost:"+backend, "listen(9000", "listen("+backend),
		ports:     map[string]string{"gateway": gateway, "backend": backend},
	}
}

func port(t *testing.T) string {
	t.Helper()
	_, port, _ := strings.Cut(testkit.FreeAddr(t), ":")
	return port
}

// shell runs a block; true if it is for a terminal of its own.
func (g *guide) shell(t *testing.T, code string) bool {
	t.Helper()
	first, rest, _ := strings.Cut(code, "\n")
	if name, ok := strings.CutPrefix(first, "# Again in its terminal: the "); ok {
		g.terminals[name].cmd.Process.Signal(os.Interrupt)
		g.terminals[name].Succeed(t)
		g.begin(t, name, rest)
		return true
	}
	if name, ok := strings.CutPrefix(first, "# In a terminal of its own: the "); ok {
		g.begin(t, name, rest)
		return true
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", g.exports+code)
	cmd.Dir, cmd.Env = g.dir, g.env
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s\n%v\n%s%s", code, err, out, wrong.Bytes())
	}
	g.asked, g.answered = code, string(out)
	if strings.HasPrefix(code, "export ") {
		g.exports += code
	}
	return false
}

// answersAs compares the fields of what the last command answered with what the page shows.
func (g *guide) answersAs(t *testing.T, shown string) {
	t.Helper()
	if got, want := fields(t, g.answered), fields(t, shown); got != want {
		t.Errorf("%s\nanswers\n%s\nand the page shows\n%s", g.asked, g.answered, shown)
	}
}

func (g *guide) begin(t *testing.T, name, code string) {
	t.Helper()
	code = strings.TrimSpace(code)
	if i := strings.Index(code, "node "); i > 0 {
		code = code[:i] + "exec " + code[i:] // behind the variables of its environment
	} else {
		code = "exec " + code
	}
	cmd := exec.Command("bash", "-c", code)
	cmd.Dir, cmd.Env = g.dir, g.env
	p := testkit.Start(t, cmd)
	g.terminals[name] = &terminal{cmd, p}
	testkit.Listening(t, "localhost:"+g.ports[name], p)
}

// console runs a script in the console of the demo chat where Ann has signed in.
func (g *guide) console(t *testing.T, code string) {
	t.Helper()
	if g.browser == nil {
		g.browser = testkit.Chromium(t)
	}
	if g.tab == nil {
		g.tab, g.closeTab = chromedp.NewContext(g.browser)
		t.Cleanup(func() { g.closeTab() })
		testkit.Do(t, g.tab, chromedp.Navigate("http://"+g.gateway+"/?user=ann&device=laptop"))
		testkit.Evaluate[any](t, g.tab, `window.said = []; console.log = (text) => window.said.push(text)`)
	}
	testkit.Evaluate[any](t, g.tab, "(() => {"+code+"})()")
	testkit.Eventually(t, "the socket to be open", func() bool { return strings.Contains(g.said(t), "welcome") })
	testkit.Eventually(t, "ann to be there", func() bool { return strings.Contains(g.users(t), `"user":"ann","online":true`) })
}

func (g *guide) said(t *testing.T) string {
	t.Helper()
	return testkit.Evaluate[string](t, g.tab, `window.said.join("\n")`)
}

func (g *guide) users(t *testing.T) string {
	t.Helper()
	key := http.Header{"Authorization": {"Bearer only-for-the-first-fifteen-minutes"}}
	_, body := run.Do(t, http.MethodGet, "http://"+g.gateway+"/api/v1/users", nil, key)
	return body
}

// closesTab closes Ann's tab once it is back after the restart, and waits for the backend to be told.
func (g *guide) closesTab(t *testing.T) {
	t.Helper()
	if !strings.Contains(g.said(t), "Hello, Bob.") {
		t.Errorf("Bob has only heard\n%s", g.said(t))
	}
	backend := g.terminals["backend"]
	told := func(typ string) {
		t.Helper()
		inTime(t, typ, func() bool {
			for line := range strings.Lines(backend.Output()) {
				if strings.HasPrefix(line, `verified {"type":"`+typ+`"`) && strings.Contains(line, `"user":"ann"`) {
					return true
				}
			}
			return false
		})
	}
	told("session.connected")
	g.closeTab()
	g.tab = nil
	told("session.disconnected")
	told("user.offline")
}

// fields are the names of the fields of each object that a text is made of.
func fields(t *testing.T, text string) string {
	t.Helper()
	var all []string
	for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
		var object map[string]json.RawMessage
		if err := d.Decode(&object); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		all = append(all, strings.Join(slices.Sorted(maps.Keys(object)), " "))
	}
	return strings.Join(all, "; ")
}

// inTime is testkit.Eventually with time for a webhook that was tried before its receiver was there, which waits longer each time.
func inTime(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(4 * testkit.Patience); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
