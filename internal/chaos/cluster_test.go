package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// cluster is a Redis Cluster of three masters and three replicas.
type cluster struct {
	t    *testing.T
	all  []*redis
	busy sync.Mutex // held by the fault that happens to it
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t}
	for range 6 {
		c.all = append(c.all, newRedis(t, "--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-node-timeout", "1500"))
	}
	c.tool(append(append([]string{"create"}, c.hosts()...), "--cluster-replicas", "1", "--cluster-yes")...)
	c.heal()
	return c
}

func (c *cluster) hosts() (addrs []string) {
	for _, r := range c.all {
		addrs = append(addrs, r.addr)
	}
	return addrs
}

// tool runs Redis' own tool for clusters, and returns what it prints.
func (c *cluster) tool(args ...string) string {
	out, err := exec.CommandContext(c.t.Context(), testkit.Program(c.t, "redis-cli", "/usr/bin/redis-cli"),
		append([]string{"--cluster"}, args...)...).CombinedOutput()
	if err != nil {
		c.t.Errorf("redis-cli --cluster %s: %v\n%s", args, err, out)
	}
	return string(out)
}

// heal waits until all slots are served, and each master has a replica.
func (c *cluster) heal() {
	testkit.Eventually(c.t, "the cluster to be whole", func() bool {
		for _, r := range c.all {
			if !r.says("CLUSTER INFO", "cluster_state:ok", "cluster_known_nodes:6", "cluster_slots_ok:16384") {
				return false
			}
		}
		followed := 0
		for _, r := range c.all {
			if r.says("INFO replication", "role:master", "connected_slaves:1", "state=online") {
				followed++
			}
		}
		return followed == 3
	})
}

// masters are those who have slots, with their ids.
func (c *cluster) masters() map[*redis]string {
	found := map[*redis]string{}
	for _, r := range c.all {
		if r.says("INFO replication", "role:master") {
			found[r] = r.ask("CLUSTER", "MYID")
		}
	}
	return found
}

// master is any of them.
func (c *cluster) master(r *rand.Rand) *redis {
	masters := c.masters()
	in := slices.DeleteFunc(slices.Clone(c.all), func(one *redis) bool { return masters[one] == "" })
	return in[r.IntN(len(in))]
}

// reshard moves slots from one master to another, with what is in them.
func (c *cluster) reshard(r *rand.Rand, slots int) {
	masters := c.masters()
	from := c.master(r)
	to := c.master(r)
	for to == from {
		to = c.master(r)
	}
	out := c.tool("reshard", from.addr, "--cluster-from", masters[from], "--cluster-to", masters[to], "--cluster-slots", fmt.Sprint(slots), "--cluster-yes")
	if !strings.Contains(out, "Moving slot") {
		c.t.Errorf("no slot has moved:\n%s", out)
	}
	c.heal()
}
