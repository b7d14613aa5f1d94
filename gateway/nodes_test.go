package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// nodes are three gateways on one Redis and one PostgreSQL, behind a real nginx as docs/nginx.md configures it.
type nodes struct {
	t        *testing.T // the whole test: what a part of it starts lives on
	each     []running
	door     running // nginx
	redis    *testkit.Process
	redisAt  string
	postgres *testkit.PostgresServer
	told     *ear
	logs     [3]buffer      // of each
	config   gateway.Config // of all of them
}

// ear takes webhooks.
type ear struct {
	mu    sync.Mutex
	heard []string // "type of user"
}

func (e *ear) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var event struct {
		Type string
		Data struct{ User string }
	}
	_ = json.Unmarshal(body, &event)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, event.Type+" of "+event.Data.User)
}

// times is how often something was heard.
func (e *ear) times(what string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.heard {
		if h == what {
			n++
		}
	}
	return n
}

func startNodes(t *testing.T) *nodes {
	t.Helper()
	n := &nodes{t: t, told: &ear{}, postgres: testkit.Postgres(t)}
	n.redisAt, n.redis = testkit.Redis(t)
	receiver := httptest.NewServer(n.told)
	t.Cleanup(receiver.Close)
	cfg := production()
	cfg.Redis.URL, cfg.Store.URL = "redis://"+n.redisAt, n.postgres.Database(t, "")
	cfg.Devices = gateway.DevicesConfig{Limit: 1}
	cfg.Presence = gateway.PresenceConfig{Grace: -1, Lease: 3 * time.Second}
	cfg.Heartbeat = gateway.HeartbeatConfig{Ping: 2 * time.Second, Timeout: time.Second}
	cfg.Webhooks = []gateway.WebhookConfig{{Name: "ear", URL: receiver.URL, Secrets: []string{webhookSecret}, Events: []string{"session.*", "user.*"}, AllowPrivate: true}}
	n.config = cfg
	// All at once: one of them makes the tables.
	n.each = make([]running, 3)
	var all sync.WaitGroup
	for i := range n.each {
		c := cfg
		c.Node = fmt.Sprint("node", i)
		c.Logger = slog.New(slog.NewTextHandler(&n.logs[i], nil))
		all.Go(func() { n.each[i] = serve(t, c) })
	}
	all.Wait()
	n.behindNginx(t)
	return n
}

// behindNginx runs the block of docs/nginx.md with the ports of here.
func (n *nodes) behindNginx(t *testing.T) {
	t.Helper()
	page, err := os.ReadFile("../docs/nginx.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(page), "\n## Several nodes\n")
	block := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(chapter)
	if block == nil {
		t.Fatal("docs/nginx.md has no configuration for several nodes")
	}
	addr := testkit.FreeAddr(t)
	conf := strings.NewReplacer("127.0.0.1:8081", n.each[0].addr.String(), "127.0.0.1:8082", n.each[1].addr.String(), "127.0.0.1:8083", n.each[2].addr.String(),
		"listen 80;", "listen "+addr+";", "server_name chat.example.com;", "server_name _;").Replace(block[1])
	testkit.Nginx(t, addr, conf)
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	n.door = running{n.each[0].Gateway, resolved, func() {}}
}

// call makes a call of the API at a node.
func (r running) call(t *testing.T, method, path, body string, headers ...string) (status int, reply string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url("http", "/api/v1"+path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// device signs a user in at a node, or at nginx.
func (r running) device(t *testing.T, user, device string) *peer {
	t.Helper()
	return r.as(t, sign(t, hubbub.Identity{User: user, Device: device}, time.Hour), "")
}

func TestSeveralNodes(t *testing.T) {
	n := startNodes(t)
	defer http.DefaultClient.CloseIdleConnections()
	t.Run("spread", n.spread)
	t.Run("chat", n.chat)
	t.Run("presence", n.presence)
	t.Run("one device", n.oneDevice)
	t.Run("end", n.end)
	t.Run("inbox", n.inbox)
	t.Run("tickets", n.tickets)
	t.Run("once", n.once)
	t.Run("webhooks", n.webhooks)
	t.Run("restart", n.restart)
	t.Run("redis away", n.redisAway)
	for _, r := range n.each {
		r.stop() // while there is the Redis that came last
	}
}

// spread has nginx put people to all nodes, which agree on how many they are.
func (n *nodes) spread(t *testing.T) {
	var all []*peer
	for i := range 12 {
		all = append(all, n.door.device(t, fmt.Sprint("many", i), "d"))
	}
	for _, r := range n.each {
		testkit.Eventually(t, "everybody to be counted at each node", func() bool {
			_, reply := r.call(t, "GET", "/online", "")
			return strings.Contains(reply, `"users":12,"sessions":12`)
		})
		if count := r.figures(t); !strings.Contains(count, "hubbub_nodes 3\n") || !strings.Contains(count, "hubbub_redis_up 1\n") || !strings.Contains(count, "hubbub_sessions 4\n") {
			t.Errorf("the figures of a node are\n%s", regexp.MustCompile(`(?m)^hubbub_(nodes|redis|sessions|postgres).*\n`).FindAllString(count, -1))
		}
	}
	var listed struct{ Nodes []struct{ Node string } }
	_, reply := n.door.call(t, "GET", "/nodes", "")
	if err := json.Unmarshal([]byte(reply), &listed); err != nil || len(listed.Nodes) != 3 || !strings.HasPrefix(listed.Nodes[2].Node, "node2-") {
		t.Errorf("the nodes are %s", reply)
	}
	for _, p := range all {
		p.conn.Terminate()
	}
	testkit.Eventually(t, "all to have left", func() bool {
		_, reply := n.each[1].call(t, "GET", "/online", "")
		return strings.Contains(reply, `"users":0`)
	})
}

func (n *nodes) chat(t *testing.T) {
	ann, bob := n.each[0].device(t, "ann", "d"), n.each[1].device(t, "bob", "d")
	for _, p := range []*peer{ann, bob} {
		p.call(t, "room.join", `{"room":"lobby"}`)
	}
	ann.call(t, "room.send", `{"room":"lobby","data":"hello"}`)
	if f := bob.expect(t, "room.message"); !strings.Contains(string(f.Params), `"hello"`) {
		t.Errorf("bob is told %v", f)
	}
	bob.call(t, "user.send", `{"user":"ann","data":"psst"}`)
	if f := ann.expect(t, "user.message"); !strings.Contains(string(f.Params), `"psst"`) {
		t.Errorf("ann is told %v", f)
	}
	cid := n.each[2].device(t, "cid", "d")
	cid.call(t, "room.join", `{"room":"lobby"}`)
	if history := cid.call(t, "room.history", `{"room":"lobby"}`); !strings.Contains(string(history), `"hello"`) {
		t.Errorf("at the third node the room has %s", history)
	}
	cid.conn.Terminate()
	ann.conn.Terminate()
	bob.conn.Terminate()
}

func (n *nodes) presence(t *testing.T) {
	dan := n.each[0].device(t, "dan", "d")
	dan.call(t, "presence.watch", `{"users":["eve"]}`)
	eve := n.each[2].device(t, "eve", "d")
	if f := dan.expect(t, "presence.changed"); !strings.Contains(string(f.Params), `"online":true`) {
		t.Errorf("dan is told %v", f)
	}
	eve.conn.Terminate()
	if f := dan.expect(t, "presence.changed"); !strings.Contains(string(f.Params), `"online":false`) {
		t.Errorf("dan is told %v", f)
	}
	dan.conn.Terminate()
}

func (n *nodes) oneDevice(t *testing.T) {
	old := n.each[0].device(t, "fay", "phone")
	tab := n.each[1].device(t, "fay", "phone")
	young := n.each[2].device(t, "fay", "laptop")
	for _, p := range []*peer{old, tab} {
		p.expect(t, "session.replaced")
		if why := testkit.Receive(t, "the close", p.closed); why.Code != 4501 {
			t.Errorf("the old device is closed with %+v", why)
		}
	}
	if list := young.call(t, "session.list", `{}`); strings.Contains(string(list), "phone") || !strings.Contains(string(list), "laptop") {
		t.Errorf("there are %s", list)
	}
	young.conn.Terminate()
}

func (n *nodes) end(t *testing.T) {
	gus := n.each[0].device(t, "gus", "d")
	if status, reply := n.each[1].call(t, "DELETE", "/users/gus/sessions", ""); status != 200 || !strings.Contains(reply, `"ended":1`) {
		t.Errorf("another node answers %d %s", status, reply)
	}
	if why := testkit.Receive(t, "the close", gus.closed); why.Code != 4502 {
		t.Errorf("it is closed with %+v", why)
	}
	if status, reply := n.each[1].call(t, "PUT", "/users/gus/block", "{}"); status != 200 {
		t.Errorf("blocking is answered with %d %s", status, reply)
	}
	_, err := n.each[2].enter(t, bearer(tokenOf(t, "gus")))
	if e, ok := errors.AsType[*ws.HandshakeError](err); !ok || e.Status != 401 {
		t.Errorf("who was blocked at another node comes in: %v", err)
	}
}

func (n *nodes) inbox(t *testing.T) {
	hal := n.each[0].device(t, "hal", "d")
	if status, reply := n.each[1].call(t, "POST", "/notices", `{"to":{"users":["hal"]},"title":"hi","category":"x"}`); status >= 300 {
		t.Fatalf("%d %s", status, reply)
	}
	if f := hal.expect(t, "inbox.counts"); !strings.Contains(string(f.Params), `"unread":1`) {
		t.Errorf("hal is told %v", f)
	}
	// An announcement at one node reaches those at others.
	if status, reply := n.each[2].call(t, "POST", "/notices", `{"to":{"all":true},"title":"all","category":"x"}`); status >= 300 {
		t.Fatalf("%d %s", status, reply)
	}
	if f := hal.expect(t, "inbox.counts"); !strings.Contains(string(f.Params), `"unread":2`) {
		t.Errorf("hal is told %v", f)
	}
	if status, reply := n.each[1].call(t, "GET", "/users/hal/inbox/counts", ""); status != 200 || !strings.Contains(reply, `"unread":2`) {
		t.Errorf("another node counts %d %s", status, reply)
	}
	hal.conn.Terminate()
}

func (n *nodes) tickets(t *testing.T) {
	_, reply := n.each[0].call(t, "POST", "/tickets", `{"user":"ida","info":{"name":"Ida"}}`)
	ticket := decode[struct{ Ticket string }](t, json.RawMessage(reply)).Ticket
	p, err := n.each[1].enter(t, creds{query: "ticket=" + ticket})
	if err != nil {
		t.Fatal(err)
	}
	if f := p.expect(t, "welcome"); !strings.Contains(string(f.Params), `"Ida"`) {
		t.Errorf("ida is welcomed with %v", f)
	}
	for _, r := range n.each {
		if _, err := r.enter(t, creds{query: "ticket=" + ticket}); err == nil {
			t.Error("the ticket is good twice")
		}
	}
	p.conn.Terminate()
}

// once makes a call with a key at all nodes at the same time.
func (n *nodes) once(t *testing.T) {
	jan := n.each[0].device(t, "jan", "d")
	replies := make(chan string, 9)
	for i := range cap(replies) {
		go func() {
			_, reply := n.each[i%3].call(t, "POST", "/users/jan/messages", `{"data":"once"}`, "Idempotency-Key", "k")
			replies <- reply
		}()
	}
	first := testkit.Receive(t, "a reply", replies)
	for range cap(replies) - 1 {
		if other := testkit.Receive(t, "a reply", replies); other != first {
			t.Errorf("one gets %s, another %s", first, other)
		}
	}
	n.each[2].call(t, "POST", "/users/jan/messages", `{"data":"last"}`)
	if f := jan.expect(t, "user.message"); !strings.Contains(string(f.Params), `"once"`) {
		t.Errorf("jan is told %v", f)
	}
	if f := jan.expect(t, "user.message"); !strings.Contains(string(f.Params), `"last"`) {
		t.Errorf("jan is told %v though there was one call", f)
	}
	jan.conn.Terminate()
}

// webhooks has a node deliver what another one has seen, once.
func (n *nodes) webhooks(t *testing.T) {
	kay := n.each[1].device(t, "kay", "d")
	testkit.Eventually(t, "kay to be told of", func() bool { return n.told.times("user.online of kay") > 0 })
	kay.conn.Terminate()
	testkit.Eventually(t, "kay's end", func() bool { return n.told.times("user.offline of kay") > 0 })
	for _, what := range []string{"session.connected of kay", "user.online of kay", "session.disconnected of kay", "user.offline of kay"} {
		if times := n.told.times(what); times != 1 {
			t.Errorf("%s is told %d times", what, times)
		}
	}
	n.told.mu.Lock()
	defer n.told.mu.Unlock()
	of := slices.DeleteFunc(slices.Clone(n.told.heard), func(s string) bool { return !strings.HasSuffix(s, " of kay") })
	if want := []string{"session.connected of kay", "user.online of kay", "session.disconnected of kay", "user.offline of kay"}; !slices.Equal(of, want) {
		t.Errorf("they are told as %v", of)
	}
}

// restart has people come while a node is away, and when it is back: then nginx puts them there, although nobody who was put there has left.
func (n *nodes) restart(t *testing.T) {
	r := &n.each[2]
	cfg := n.config
	cfg.Node, cfg.Addr = "node2", r.addr.String()
	r.stop()
	var all []*peer
	come := func(count int) {
		for range count {
			all = append(all, n.door.device(t, fmt.Sprint("comer", len(all)), "d"))
		}
	}
	come(6)
	*r = serve(n.t, cfg)
	come(6)
	for i, each := range n.each {
		testkit.Eventually(t, fmt.Sprintf("node %d of 3 to have a third of 12 sessions", i), func() bool {
			return strings.Contains(each.figures(t), "hubbub_sessions 4\n")
		})
	}
	for _, p := range all {
		p.conn.Terminate()
	}
	testkit.Eventually(t, "all to have left", func() bool {
		_, reply := n.each[0].call(t, "GET", "/online", "")
		return strings.Contains(reply, `"users":0`)
	})
}

// redisAway takes Redis away and brings another one, which has nothing.
func (n *nodes) redisAway(t *testing.T) {
	leo, mia := n.each[0].device(t, "leo", "d"), n.each[1].device(t, "mia", "d")
	for _, p := range []*peer{leo, mia} {
		p.call(t, "room.join", `{"room":"after"}`)
	}
	ready := func(r running) bool {
		status, _ := r.status(t, "/readyz")
		return status == 200
	}
	n.redis.Kill()
	testkit.Eventually(t, "the nodes not to be ready", func() bool { return !ready(n.each[0]) && !ready(n.each[1]) })
	if _, err := n.each[0].enter(t, bearer(tokenOf(t, "nat"))); err == nil {
		t.Error("somebody signs in without Redis")
	}
	if status, _ := n.each[0].status(t, "/healthz"); status != 200 {
		t.Errorf("/healthz is %d, which has the node restarted", status)
	}
	n.redis = testkit.RedisAt(n.t, n.redisAt, n.t.TempDir())
	testkit.Eventually(t, "the nodes to be ready", func() bool { return ready(n.each[0]) && ready(n.each[1]) && ready(n.each[2]) })
	testkit.Eventually(t, "both to be counted again", func() bool {
		_, reply := n.each[2].call(t, "GET", "/online", "")
		return strings.Contains(reply, `"users":2,"sessions":2`)
	})
	n.logsReady(t)
	leo.call(t, "room.send", `{"room":"after","data":"still here"}`)
	if f := mia.expect(t, "room.message"); !strings.Contains(string(f.Params), "still here") {
		t.Errorf("mia is told %v", f)
	}
}

// logsReady looks for what a node has logged of the time when it was not ready, however often it was asked.
func (n *nodes) logsReady(t *testing.T) {
	t.Helper()
	var told []string
	for line := range strings.Lines(n.logs[0].String()) {
		if _, said, found := strings.Cut(line, "ready"); found {
			told = append(told, said)
		}
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], `: new clients are refused" error=`) || !strings.HasPrefix(told[1], ` again" after=`) {
		t.Errorf("of being ready is logged %q", told)
	}
}

// status asks a node for a page.
func (r running) status(t *testing.T, path string) (int, string) {
	t.Helper()
	res, err := http.Get(r.url("http", path))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}
