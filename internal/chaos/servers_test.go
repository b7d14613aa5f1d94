package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// onOneFile is one gateway on a file.
func onOneFile(*testing.T) *servers {
	return &servers{gateways: 1, settle: func(n *node) { n.set("presence: {grace: 1s}\n") },
		short: [][]string{{"a gateway is killed"}, {"a gateway stands still"}}}
}

// shared are the settings of gateways that share servers: where Redis is and where PostgreSQL is.
const shared = `presence: {grace: 1s, lease: 2s}
redis: {url: "%s"}
store: {url: "%s", max_conns: 10}
`

// set adds lines to the settings of a gateway.
func (n *node) set(lines string) {
	n.t.Helper()
	f, err := os.OpenFile(filepath.Join(n.dir, "hubbub.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(lines)
		f.Close()
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// database is a PostgreSQL server, a database there, and the faults of both.
type database struct {
	*testkit.PostgresServer
	url  string
	busy sync.Mutex // held by the fault that happens to it
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	p := testkit.Postgres(t)
	return &database{PostgresServer: p, url: p.Database(t, "")}
}

// addr is where it listens.
func (d *database) addr() string {
	_, rest, _ := strings.Cut(d.url, "@")
	addr, _, _ := strings.Cut(rest, "/")
	return addr
}

// over is its URL by way of a link.
func (d *database) over(l *link) string { return strings.Replace(d.url, d.addr(), l.addr, 1) }

// journal is what the store takes for open.
func (d *database) journal(ctx context.Context) (j journal, err error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	store, err := postgres.Open(ctx, postgres.Options{URL: d.url})
	if err != nil {
		return j, err
	}
	defer store.Close()
	var any any = store
	of, ok := any.(hubbub.Journal)
	if !ok {
		return j, errors.New("the store has no journal")
	}
	j = journal{sessions: map[string]string{}, online: map[string]bool{}}
	lost, err := drivertest.LostTo(ctx, of, "nobody", time.Now())
	for _, tr := range lost {
		switch tr.Kind {
		case hubbub.SessionDisconnected:
			j.sessions[tr.Session.ID] = tr.User
		case hubbub.UserOffline:
			j.online[tr.User] = true
		}
	}
	return j, err
}

// kept is what there is about a user, for people to read.
func (d *database) kept(t *testing.T, user string) string {
	var all []string
	for _, query := range []string{
		"SELECT online, turn, turned, last_seen, here FROM users WHERE who = '%s'",
		"SELECT id, node, connected FROM sessions WHERE who = '%s'",
		"SELECT seq, time, due, claimer, state, id, error, encode(payload, 'escape') FROM outbox WHERE line = '%s' ORDER BY seq",
	} {
		out, err := exec.CommandContext(t.Context(), testkit.Program(t, "psql", "/usr/bin/psql"), d.url, "-c", fmt.Sprintf(query, user)).CombinedOutput()
		if err != nil {
			return err.Error() + "\n" + string(out)
		}
		all = append(all, string(out))
	}
	return strings.Join(all, "\n")
}

// fails makes a fault of what happens to servers to which one fault after the other happens.
func fails(name string, busy *sync.Mutex, do func(w *world, r *rand.Rand)) fault {
	return fault{name, func(w *world, r *rand.Rand) {
		busy.Lock()
		defer busy.Unlock()
		w.happens(name, "")
		do(w, r)
		w.note("%s: over", name)
	}}
}

// loses makes a fault by which Redis may lose what it was told last, or all.
func loses(name string, busy *sync.Mutex, do func(w *world, r *rand.Rand)) fault {
	return fails(name, busy, func(w *world, r *rand.Rand) {
		w.ear.lose()
		do(w, r)
	})
}

// faults of PostgreSQL, whose link of each gateway is its last.
func (d *database) faults() []fault {
	return []fault{
		fails("PostgreSQL is killed", &d.busy, func(w *world, r *rand.Rand) {
			d.Kill()
			wait(w.ctx, between(r, 0, 4*time.Second))
			if err := d.Start(); err != nil {
				w.t.Error(err)
			}
		}),
		linkFault("a gateway is cut off from PostgreSQL", -1, cut, time.Second, 8*time.Second),
		linkFault("the link of a gateway to PostgreSQL is silent", -1, silent, time.Second, 8*time.Second),
		linkFault("the link of a gateway to PostgreSQL is slow", -1, slow, time.Second, 8*time.Second),
	}
}

// aside makes the link of a gateway to PostgreSQL, and writes its settings.
func (d *database) aside(n *node, redis string) {
	l := newLink(n.t, d.addr())
	n.links = append(n.links, l)
	n.set(fmt.Sprintf(shared, redis, d.over(l)))
}

// onRedis are gateways on one Redis and PostgreSQL, each with links of its own that can be cut. Redis keeps what it has on its disk, as
// far as it comes in a second.
func onRedis(t *testing.T) *servers {
	d, r := newDatabase(t), newRedis(t, "--appendonly", "yes")
	var busy sync.Mutex
	// restart kills Redis, and starts it with or without its data.
	restart := func(name string, empty bool) fault {
		return loses(name, &busy, func(w *world, random *rand.Rand) {
			r.kill()
			if empty {
				r.empty()
			}
			wait(w.ctx, between(random, 0, 4*time.Second))
			r.start()
			w.t.Helper()
			testkit.Eventually(w.t, "Redis to answer", func() bool { return r.says("PING", "PONG") })
		})
	}
	s := &servers{gateways: 3, short: [][]string{
		{"a gateway is cut off from Redis", "a gateway is killed"},
		{"Redis is killed", "a gateway stands still", "PostgreSQL is killed"},
	}}
	s.settle = func(n *node) {
		l := newLink(t, r.addr)
		n.links = append(n.links, l)
		d.aside(n, "redis://"+l.addr)
	}
	s.journal = func() (journal, error) { return d.journal(t.Context()) }
	s.kept = func(user string) string { return d.kept(t, user) }
	s.faults = append(d.faults(),
		restart("Redis is killed", false),
		restart("Redis is killed and has lost everything", true),
		fails("Redis stands still", &busy, func(w *world, random *rand.Rand) {
			r.signal(syscall.SIGSTOP)
			wait(w.ctx, between(random, time.Second, 8*time.Second))
			r.signal(syscall.SIGCONT)
		}),
		loses("Redis is emptied", &busy, func(*world, *rand.Rand) { r.ask("FLUSHALL") }),
		linkFault("a gateway is cut off from Redis", 0, cut, time.Second, 10*time.Second),
		linkFault("a gateway is cut off from Redis for a minute", 0, cut, time.Minute, 70*time.Second),
		linkFault("the link of a gateway to Redis is silent", 0, silent, time.Second, 10*time.Second),
		linkFault("the link of a gateway to Redis is slow", 0, slow, time.Second, 8*time.Second),
	)
	return s
}

// onSentinel are gateways on a Redis with a replica and three Sentinels.
func onSentinel(t *testing.T) *servers {
	d := newDatabase(t)
	first := newRedis(t, "--appendonly", "yes")
	second := newRedis(t, "--appendonly", "yes")
	// Not by an argument: with it a master that is started again would be the replica of its replica.
	host, port, _ := strings.Cut(first.addr, ":")
	second.ask("REPLICAOF", host, port)
	both := []*redis{first, second}
	settled := func() bool { // there is a master, which has a replica that has all
		return slices.ContainsFunc(both, func(r *redis) bool {
			return r.says("INFO replication", "role:master", "connected_slaves:1", "state=online")
		})
	}
	testkit.Eventually(t, "the replica", settled)
	var hosts []string
	for range 3 {
		hosts = append(hosts, newSentinel(t, first.addr).addr)
	}
	watch := &redis{t: t, addr: hosts[0]}
	testkit.Eventually(t, "the Sentinels to know each other", func() bool {
		return watch.says("SENTINEL MASTER hubbub", "num-other-sentinels\n2", "num-slaves\n1")
	})
	var busy sync.Mutex
	master := func() *redis {
		_, port, _ := strings.Cut(first.addr, ":")
		if strings.Contains(watch.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "hubbub"), port) {
			return first
		}
		return second
	}
	heal := func() { testkit.Eventually(t, "Redis to have a replica again", settled) }
	s := &servers{gateways: 3, short: [][]string{{"the replica takes over", "the master is killed", "all gateways are upgraded"}}}
	s.settle = func(n *node) { d.aside(n, "redis+sentinel://"+strings.Join(hosts, ",")+"/hubbub") }
	s.journal = func() (journal, error) { return d.journal(t.Context()) }
	s.kept = func(user string) string { return d.kept(t, user) }
	s.faults = append(d.faults(),
		loses("the master is killed", &busy, func(w *world, r *rand.Rand) {
			m := master()
			m.kill()
			wait(w.ctx, between(r, 0, 8*time.Second))
			m.start()
			heal()
		}),
		loses("the master stands still", &busy, func(w *world, r *rand.Rand) {
			m := master()
			m.signal(syscall.SIGSTOP)
			wait(w.ctx, between(r, time.Second, 6*time.Second))
			m.signal(syscall.SIGCONT)
			heal()
		}),
		loses("the replica takes over", &busy, func(w *world, _ *rand.Rand) {
			was := master()
			asked := false // it is refused for a while after another one
			testkit.Eventually(t, "another master", func() bool {
				asked = asked || watch.ask("SENTINEL", "FAILOVER", "hubbub") == "OK"
				return master() != was
			})
			heal()
		}),
	)
	return s
}

// onCluster are gateways on a Redis Cluster of three masters and as many replicas.
func onCluster(t *testing.T) *servers {
	d := newDatabase(t)
	c := newCluster(t)
	s := &servers{gateways: 3, short: [][]string{{"a master of the cluster is killed", "slots move in the cluster"}}}
	s.settle = func(n *node) { d.aside(n, "redis+cluster://"+strings.Join(c.hosts(), ",")) }
	s.journal = func() (journal, error) { return d.journal(t.Context()) }
	s.kept = func(user string) string { return d.kept(t, user) }
	s.faults = append(d.faults(),
		loses("a master of the cluster is killed", &c.busy, func(w *world, r *rand.Rand) {
			m := c.master(r)
			m.kill()
			wait(w.ctx, between(r, 0, 8*time.Second))
			m.start()
			c.heal()
		}),
		loses("a master of the cluster stands still", &c.busy, func(w *world, r *rand.Rand) {
			m := c.master(r)
			m.signal(syscall.SIGSTOP)
			wait(w.ctx, between(r, time.Second, 6*time.Second))
			m.signal(syscall.SIGCONT)
			c.heal()
		}),
		fails("slots move in the cluster", &c.busy, func(w *world, r *rand.Rand) { c.reshard(r, 300) }),
	)
	return s
}
