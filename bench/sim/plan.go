package main

import (
	"math/rand/v2"
	"slices"
)

// plan is an installation.
type plan struct {
	conns   float64 // all together
	perNode float64
	cores   int     // of a node
	masters int     // of Redis
	session float64 // mean length of a session, in s
}

func (p plan) nodes() int { return int((p.conns + p.perNode - 1) / p.perNode) }

// plans are those of the page.
func plans() []plan {
	return []plan{
		{conns: 30e3, perNode: 10e3, cores: 2, masters: 1, session: 1800},
		{conns: 1e6, perNode: 100e3, cores: 8, masters: 3, session: 1800},
		{conns: 10e6, perNode: 200e3, cores: 16, masters: 12, session: 1800},
	}
}

// load is how much of its one core Redis uses at most in what the page says it can carry: the rest is for what comes in bursts.
const load = 0.6

// everybody is how long a message to all takes until the last has it, in s. Loops share nothing, so that a node's cores deliver side by side.
func (p plan) everybody(c costs) float64 {
	k := &clock{}
	redis := newStation(1)
	var last float64
	for range p.nodes() {
		arrives := redis.serve(0, c.subscriber) + 500 // half a millisecond on the network
		k.at(arrives, func() { last = max(last, k.now+c.all*p.perNode/float64(p.cores)) })
	}
	k.run(1e12)
	return (last + c.publish) / 1e6
}

// roomMessages is how many messages per second the masters carry if each room has people on so many nodes.
func (p plan) roomMessages(c costs, nodes float64) float64 {
	return load * 1e6 / (c.relayRedis + (nodes-1)*c.subscriber) * float64(p.masters)
}

// comings is how many sessions begin per second, and as many end.
func (p plan) comings() float64 { return p.conns / p.session }

// comingsOfRedis is which part of the masters' cores that takes. An end costs no more than a beginning.
func (p plan) comingsOfRedis(c costs) float64 {
	return 2 * p.comings() * c.signInRedis / 1e6 / float64(p.masters)
}

// comingsOfPostgres is how many cores of PostgreSQL that takes.
func (p plan) comingsOfPostgres(c costs) float64 { return 2 * p.comings() * c.signInPostgres / 1e6 }

// storm simulates how those who were on a lost node come back: at random times of a window, to random other nodes, which are busy with
// half of their cores. It returns how long the median, the 99th of a hundred and the last of them waited for their sign-in, in s.
func (p plan) storm(c costs, window float64) (p50, p99, last float64) {
	random := rand.New(rand.NewPCG(1, 2))
	k := &clock{}
	nodes := make([]*station, max(p.nodes()-1, 1))
	for i := range nodes {
		nodes[i] = newStation(max(p.cores/2, 1))
	}
	redis := make([]*station, p.masters)
	for i := range redis {
		redis[i] = newStation(1)
	}
	postgres := newStation(max(2, int(4*p.comingsOfPostgres(c))))
	waits := make([]float64, 0, int(p.perNode))
	for range int(p.perNode) {
		begin := random.Float64() * window * 1e6
		steps := []step{
			{nodes[random.IntN(len(nodes))], c.signInLasting, 300},
			{redis[random.IntN(len(redis))], c.signInRedis, 300},
			{postgres, c.signInPostgres, 300},
		}
		k.at(begin, func() { k.work(steps, func() { waits = append(waits, (k.now-begin)/1e6) }) })
	}
	k.run(1e12)
	slices.Sort(waits)
	at := func(share float64) float64 { return waits[int(share*float64(len(waits)-1))] }
	return at(0.5), at(0.99), at(1)
}
