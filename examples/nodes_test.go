package examples_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestSeveralNodes does what a reader of docs/operations.md does who starts three nodes, in the order of the page: with a Redis, a
// PostgreSQL and an nginx of its own, at other ports.
func TestSeveralNodes(t *testing.T) {
	g := newGuide(t)
	redis, _ := testkit.Redis(t)
	database, err := url.Parse(testkit.Postgres(t).URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	door := "127.0.0.1:" + port(t)
	_, redisPort, _ := strings.Cut(redis, ":")
	for _, name := range []string{"first node", "second node", "third node"} {
		g.ports[name] = port(t)
	}
	g.env = append(g.env, "PGHOST="+database.Hostname(), "PGPORT="+database.Port(), "PGUSER=hubbub", "PGDATABASE=postgres")
	g.addresses = strings.NewReplacer("127.0.0.1:8081", "127.0.0.1:"+g.ports["first node"], "127.0.0.1:8082", "127.0.0.1:"+g.ports["second node"],
		"127.0.0.1:8083", "127.0.0.1:"+g.ports["third node"], "127.0.0.1:6379", redis, "127.0.0.1:5432", database.Host, "127.0.0.1:80", door,
		"listen 80;", "listen "+door+";", "sudo -u postgres ", "", "redis-cli ", "redis-cli -p "+redisPort+" ")
	for _, block := range blocks(t, "../docs/operations.md", "### Three nodes on your own machine", "### What is shared, and what each node has by itself") {
		code := g.addresses.Replace(block.code)
		first, rest, _ := strings.Cut(code, "\n")
		switch {
		case block.language == "text":
			g.listsNodes(t, block.code)
		case block.language != "sh":
		case strings.HasSuffix(first, ": ann"):
			g.listens(t, "ann", rest)
		case strings.HasPrefix(first, "# Kill one: the "):
			g.terminals[strings.TrimPrefix(first, "# Kill one: the ")].Kill()
			g.shell(t, rest)
		case strings.Contains(code, "HUBBUB_URL="):
			for _, conf := range blocks(t, "../docs/nginx.md", "## Several nodes", "## More clients") {
				testkit.Nginx(t, door, g.addresses.Replace(conf.code))
			}
			g.shell(t, code)
		default:
			g.shell(t, code)
		}
	}
	ann := g.terminals["ann"]
	if ann == nil {
		t.Fatal("nobody listens")
	}
	for _, said := range []string{"#lobby bob: hello from another node", "#lobby bob: and after the loss of a node"} {
		testkit.Eventually(t, "ann to hear "+said, func() bool { return strings.Contains(ann.Output(), said) })
	}
}

// listsNodes compares the table of the page with that of the last command.
func (g *guide) listsNodes(t *testing.T, shown string) {
	t.Helper()
	header, _, _ := strings.Cut(shown, "\n")
	if got, _, _ := strings.Cut(g.answered, "\n"); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(header), " ") {
		t.Errorf("the page shows\n%s\nand the command prints\n%s", header, got)
	}
	for _, name := range []string{"\none-", "\ntwo-", "\nthree-", "\n3 nodes"} {
		if !strings.Contains(g.answered, name) || !strings.Contains(shown, name) {
			t.Errorf("there is no %q in\n%s", name, g.answered)
		}
	}
}

// listens runs a command that goes on until the test ends, as long as somebody could type.
func (g *guide) listens(t *testing.T, name, code string) {
	t.Helper()
	variable, command, _ := strings.Cut(strings.TrimSpace(code), " hubbub connect ")
	cmd := exec.Command("bash", "-c", g.exports+"export "+variable+"; exec hubbub connect "+command)
	cmd.Dir, cmd.Env = g.dir, g.env
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := testkit.Start(t, cmd)
	t.Cleanup(func() { keys.Close() })
	g.terminals[name] = &terminal{cmd, p}
	testkit.Eventually(t, name+" to be connected", func() bool { return strings.Contains(p.Output(), "connected as "+name) })
}
