package testkit

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// RedisCluster is a Redis Cluster of a test. With replicas its nodes take one of them for dead after a second; without, nobody could take
// over, and a node that has to wait for a busy machine must not stop the Cluster.
type RedisCluster struct {
	Masters  []*RedisServer // the first owners of the slots, in their order, each with the same number
	Replicas []*RedisServer // those of the first master come first

	t   testing.TB
	ids map[*RedisServer]string
}

const clusterSlots = 16384

// Cluster starts a Cluster of some masters, each with some replicas.
func Cluster(t testing.TB, masters, replicas int) *RedisCluster {
	t.Helper()
	c := &RedisCluster{t: t, ids: make(map[*RedisServer]string)}
	timeout := "1000"
	if replicas == 0 {
		timeout = "30000"
	}
	for range masters {
		c.Masters = append(c.Masters, c.node(timeout))
	}
	for range masters * replicas {
		c.Replicas = append(c.Replicas, c.node(timeout))
	}
	all := c.All()
	for i, s := range all {
		s.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		c.ids[s] = s.Do("CLUSTER", "MYID").(string)
		if i < masters {
			first, last := c.Slots(i)
			s.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		}
	}
	host, port := all[0].hostPort()
	for _, s := range all[1:] {
		s.Do("CLUSTER", "MEET", host, port, all[0].busPort())
	}
	for _, s := range all {
		Eventually(t, "the nodes of the Cluster to know each other", func() bool {
			nodes := s.Do("CLUSTER", "NODES").(string)
			return strings.Count(nodes, "\n") == len(all) && strings.Count(nodes, " connected") == len(all) && !strings.Contains(nodes, "handshake")
		})
	}
	for i, s := range c.Replicas {
		s.Do("CLUSTER", "REPLICATE", c.ids[c.Masters[i/replicas]])
	}
	for _, s := range c.Replicas {
		Eventually(t, "a replica of the Cluster", func() bool { return s.Says("master_link_status:up") })
	}
	for _, s := range all {
		Eventually(t, "the Cluster", func() bool { return s.InCluster("cluster_state:ok") })
	}
	return c
}

// node starts a server that belongs to no other yet, and takes others for dead after some milliseconds.
func (c *RedisCluster) node(timeout string) *RedisServer {
	c.t.Helper()
	_, bus, err := net.SplitHostPort(FreeAddr(c.t))
	if err != nil {
		c.t.Fatal(err)
	}
	return NewRedis(c.t, "--cluster-enabled", "yes", "--cluster-node-timeout", timeout, "--cluster-port", bus,
		"--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0")
}

func (s *RedisServer) busPort() string {
	for i, arg := range s.args {
		if arg == "--cluster-port" {
			return s.args[i+1]
		}
	}
	return ""
}

// All are the masters and the replicas.
func (c *RedisCluster) All() []*RedisServer {
	return append(append([]*RedisServer(nil), c.Masters...), c.Replicas...)
}

// Addrs are those of the masters.
func (c *RedisCluster) Addrs() (addrs []string) {
	for _, s := range c.Masters {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// Slots are those that a master has at first.
func (c *RedisCluster) Slots(master int) (first, last int) {
	n := len(c.Masters)
	return master * clusterSlots / n, (master+1)*clusterSlots/n - 1
}

// InCluster tells whether the answer to CLUSTER INFO has a line.
func (s *RedisServer) InCluster(line string) bool {
	info, err := s.Try("CLUSTER", "INFO")
	text, _ := info.(string)
	return err == nil && strings.Contains(text, line+"\r\n")
}

// Move gives a slot with its keys to another master, step by step, while the Cluster works on.
func (c *RedisCluster) Move(slot int, from, to *RedisServer) {
	c.t.Helper()
	n := strconv.Itoa(slot)
	to.Do("CLUSTER", "SETSLOT", n, "IMPORTING", c.ids[from])
	from.Do("CLUSTER", "SETSLOT", n, "MIGRATING", c.ids[to])
	host, port := to.hostPort()
	for {
		keys, _ := from.Do("CLUSTER", "GETKEYSINSLOT", n, "100").([]any)
		if len(keys) == 0 {
			break
		}
		args := []string{"MIGRATE", host, port, "", "0", "5000", "KEYS"}
		for _, key := range keys {
			args = append(args, key.(string))
		}
		from.Do(args...)
	}
	for _, s := range []*RedisServer{to, from} {
		s.Do("CLUSTER", "SETSLOT", n, "NODE", c.ids[to])
	}
}

// Promote has a replica become a master in place of its own while both live, and waits for it.
func (c *RedisCluster) Promote(replica *RedisServer) {
	c.t.Helper()
	replica.Do("CLUSTER", "FAILOVER")
	Eventually(c.t, "the replica to be a master", func() bool { return replica.Says("role:master") })
}

// write writes a file that a program reads.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Clean(path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
