package main

import "math"

// check compares what the simulation says of a scenario with what was measured.
type check struct {
	what, unit          string
	simulated, measured float64
}

// near tells whether the simulation is within a quarter of the measure. The machine is shared, so that measures vary themselves.
func (x check) near() bool { return math.Abs(x.simulated-x.measured) <= 0.25*x.measured }

// reproduce simulates the scenarios that the costs were taken from: one core has all nodes, Redis and PostgreSQL, as when they were
// measured. The costs are CPU; what is compared are rates and times, which the simulation has to find out.
func reproduce(c costs, m *measured) []check {
	all := []check{
		{what: "messages from one node to another", unit: "per second", simulated: relay(c)},
		{what: "deliveries in a room of 9,000 on three nodes", unit: "per second", simulated: lockstep(c.deliver, c.nodeRoomRedis)},
		{what: "a broadcast to 9,000 on three nodes, until the last has it", unit: "ms", simulated: roomSize / lockstep(c.all, c.nodeRoomRedis) * 1e3},
		{what: "signing in to two nodes on Redis", unit: "per second", simulated: signingIn(c.signInNode, c.signInRedis)},
		{what: "signing in with PostgreSQL, too", unit: "per second", simulated: signingIn(c.signInLasting, c.signInRedis, c.signInPostgres)},
		{what: "the last session of a killed node has ended after", unit: "s"},
		{what: "the last user of a killed node is offline after", unit: "s"},
	}
	all[5].simulated, all[6].simulated = losing(c.reapNode+c.reapRest, lostSessions, 2) // all of it was on two cores
	for i, from := range []struct{ key, name string }{
		{"fleet/relay", "messages_per_second"}, {"fleet/nodes-room", "deliveries_per_second"}, {"fleet/nodes-all", "ms_to_last"},
		{"fleet/nodes-sign-in", "sessions_per_second"}, {"lasting/nodes-sign-in", "sessions_per_second"},
		{"lasting/lose", "ended_s"}, {"lasting/lose", "offline_s"},
	} {
		v, err := m.median(from.key, from.name)
		if err != nil {
			v = math.NaN()
		}
		all[i].measured = v
	}
	return all
}

// closed lets so many go through steps again and again for ten seconds, and returns how many times per second they were done.
func closed(many int, steps func() []step) float64 {
	const time = 10e6
	k := &clock{}
	done := 0
	var again func()
	again = func() { done++; k.work(steps(), again) }
	for range many {
		k.at(0, func() { k.work(steps(), again) })
	}
	k.run(time)
	return float64(done) / (time / 1e6)
}

// relay is 64 people on one node who write to 64 on another.
func relay(c costs) float64 {
	core := newStation(1)
	steps := []step{{core, c.relayNode / 2, 0}, {core, c.relayRedis, 0}, {core, c.relayNode / 2, 0}}
	return closed(relaySpeaks*relayAtOnce, func() []step { return steps })
}

// lockstep is one message at a time to all of a room on three nodes, and returns deliveries per second.
func lockstep(deliver, redis float64) float64 {
	core := newStation(1)
	steps := []step{{core, redis, 0}}
	for range 3 {
		steps = append(steps, step{core, deliver * roomSize / 3, 0})
	}
	return closed(1, func() []step { return steps }) * roomSize
}

// signingIn is people who sign in, 16 at a time, on one core that does all of it.
func signingIn(costs ...float64) float64 {
	core := newStation(1)
	var steps []step
	for _, cost := range costs {
		steps = append(steps, step{core, cost, 0})
	}
	return closed(signInAtOnce, func() []step { return steps })
}

// The times that decide when the sessions of a dead node end, in s: docs/operations.md.
const (
	lease  = 10.0
	renew  = lease / 3
	look   = lease / 10 // how often a node looks for dead ones
	grace  = 5.0
	glance = grace / 10 // how often it looks for graces that are over
)

// losing returns when the last session of a killed node has ended, and when its last user is offline, in s after the kill: the mean
// over all phases that the two nodes' clocks may have. A session costs so many µs, and there are so many cores for them.
func losing(cost, sessions, cores float64) (ended, offline float64) {
	const phases = 60
	half := cost / 2 * sessions / cores / 1e6 // ending sessions, and then taking users offline
	for i := range phases {
		for j := range phases {
			over := lease - renew*float64(i)/phases // the lease has run out
			seen := look * float64(j) / phases
			for seen < over {
				seen += look
			}
			last := seen + half
			ended += last / (phases * phases)
			offline += (last + grace + glance/2 + half*min(1, half/grace)) / (phases * phases)
		}
	}
	return ended, offline
}
