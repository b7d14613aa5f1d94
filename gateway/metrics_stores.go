package gateway

import (
	"context"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// watchStore adds the figures of a store. That it cannot write, since the disk is full, does not take the gateway out of
// service: who is online, what is in memory and all that is only read go on. So it must be seen here.
func (m *Metrics) watchStore(s *sqlite.Store, path string) {
	m.WatchCount("store_commits_total", "Transactions that the store has committed.", func() float64 { return float64(s.Stats().Commits) })
	m.WatchCount("store_writes_total", "Writes that were committed, several in one transaction.", func() float64 { return float64(s.Stats().Writes) })
	m.WatchCount("store_failed_writes_total", "Writes that could not be committed, since the disk is full, for example.",
		func() float64 { return float64(s.Stats().Failed) })
	m.Watch("store_bytes", "Bytes of the store's file, and of the one beside it with the newest commits.", func() float64 {
		return float64(size(path) + size(path+"-wal"))
	})
}

// size is that of a file, 0 if there is none.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// watchPostgres adds the figures of a store in PostgreSQL. What the database itself has to do its own exporter tells.
func (m *Metrics) watchPostgres(s *postgres.Store) {
	m.Watch("postgres_max_connections", "Connections to PostgreSQL that this node may have.", func() float64 { return float64(s.Stats().Max) })
	m.Watch("postgres_connections", "Connections to PostgreSQL.", func() float64 { return float64(s.Stats().Open) })
	m.Watch("postgres_connections_in_use", "Connections to PostgreSQL that calls have now.", func() float64 { return float64(s.Stats().InUse) })
	m.WatchCount("postgres_waits_total", "Calls that had to wait for a connection to PostgreSQL, since all were in use.",
		func() float64 { return float64(s.Stats().Waits) })
	m.WatchCount("postgres_given_up_total", "Calls that got no connection to PostgreSQL in time.", func() float64 { return float64(s.Stats().GivenUp) })
}

// watchRedis adds the figures of what the nodes share.
func (m *Metrics) watchRedis(d *redis.Driver) {
	m.WatchCount("redis_failures_total", "Commands that Redis did not answer, or refused.", func() float64 { return float64(d.Stats().Failed) })
	m.WatchCount("redis_reconnects_total", "Connections to Redis that were made anew.", func() float64 { return float64(d.Stats().Reconnects) })
	m.Watch("redis_subscriptions", "Channels of Redis that this node listens to.", func() float64 { return float64(d.Stats().Subscriptions) })
}

// nodeCount is a collector of how many nodes serve. It tells nothing while nobody knows.
type nodeCount struct {
	ask  func(context.Context) ([]hubbub.NodeStatus, error)
	desc *prometheus.Desc
}

// WatchNodes adds the figure of how many nodes serve. ask is called whenever somebody looks; when it fails there is none.
func (m *Metrics) WatchNodes(ask func(context.Context) ([]hubbub.NodeStatus, error)) {
	m.registry.MustRegister(&nodeCount{ask, prometheus.NewDesc("hubbub_nodes", "Nodes that serve, as this one sees it.", nil, nil)})
}

// Describe tells what there is.
func (n *nodeCount) Describe(to chan<- *prometheus.Desc) { to <- n.desc }

// Collect asks for the figure.
func (n *nodeCount) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTime)
	defer cancel()
	nodes, err := n.ask(ctx)
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(n.desc, prometheus.GaugeValue, float64(len(nodes)))
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
