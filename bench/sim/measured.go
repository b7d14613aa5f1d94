package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// measured is what run has found.
type measured struct {
	Machine struct{ CPU, Memory, Kernel, Go, Commit, Date string }
	Samples map[string][]map[string]float64 // by server/scenario, one per round
}

func read(path string) (*measured, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: measure first, see README.md", err)
	}
	m := &measured{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

// median of a figure over the rounds; an error if it was not measured.
func (m *measured) median(key, name string) (float64, error) {
	var all []float64
	for _, s := range m.Samples[key] {
		if v, ok := s[name]; ok {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("%s of %s was not measured", name, key)
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2, nil
}

// costs are what things need, in µs of one core unless the name says otherwise.
type costs struct {
	deliver float64 // a message of a large room to one more session
	all     float64 // a broadcast to one more session

	relayNode  float64 // nodes: a message of a room of two from one node to another, with its reply and both deliveries
	relayRedis float64 // Redis: the same

	publish    float64 // Redis: a message to a channel with one subscriber
	subscriber float64 // Redis: one more subscriber

	signInNode     float64 // a session that signs in and joins a room
	signInRedis    float64
	signInPostgres float64
	signInLasting  float64 // of the node if PostgreSQL remembers it

	reapNode float64 // the node that reaps: a session of a killed node, up to its webhooks
	reapRest float64 // Redis, PostgreSQL and the target of the webhooks: the same

	restCommands  float64 // commands per second of a node at rest
	idleBytes     float64 // resident, of a session
	nodeRoomRedis float64 // Redis: a message to a room that is on three nodes
}

// costsOf takes the costs from the measures.
func costsOf(m, one *measured) (c costs, err error) {
	var fan1, fan200, rest, relay, redis, room, survivor, database, beside, target float64
	for _, x := range []struct {
		to        *float64
		from      *measured
		key, name string
	}{
		{&c.deliver, m, "fleet/nodes-room", "cpu_us"},
		{&room, m, "fleet/nodes-room", "beside_cpu_us"},
		{&c.all, m, "fleet/nodes-all", "cpu_us"},
		{&relay, m, "fleet/relay", "cpu_us"},
		{&redis, m, "fleet/relay", "beside_cpu_us"},
		{&fan1, m, "fleet/fan-out-1", "beside_cpu_us"},
		{&fan200, m, "fleet/fan-out-200", "beside_cpu_us"},
		{&c.signInNode, m, "fleet/nodes-sign-in", "cpu_us"},
		{&c.signInRedis, m, "fleet/nodes-sign-in", "beside_cpu_us"},
		{&c.signInLasting, m, "lasting/nodes-sign-in", "cpu_us"},
		{&c.signInPostgres, m, "lasting/nodes-sign-in", "database_cpu_us"},
		{&survivor, m, "lasting/lose", "survivor_cpu_s"},
		{&database, m, "lasting/lose", "database_cpu_s"},
		{&beside, m, "lasting/lose", "beside_cpu_s"},
		{&target, m, "lasting/lose", "generator_cpu_s"},
		{&rest, m, "fleet/rest", "commands_per_second"},
		{&c.idleBytes, one, "live/idle-sessions", "rss_per_conn"},
	} {
		if *x.to, err = x.from.median(x.key, x.name); err != nil {
			return c, err
		}
	}
	c.relayNode, c.relayRedis = 2*relay, 2*redis // the figures are for each of the two deliveries
	c.nodeRoomRedis = room * roomSize
	c.publish, c.subscriber = fan1, (fan200-fan1)/199
	c.reapNode = survivor * 1e6 / lostSessions
	c.reapRest = (database + beside + target) * 1e6 / lostSessions
	c.restCommands = rest / 2
	return c, nil
}

// Of the scenarios.
const (
	roomSize     = 9000
	lostSessions = 15000
	relaySpeaks  = 64
	relayAtOnce  = 16
	signInAtOnce = 16
)
