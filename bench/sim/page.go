package main

import (
	"fmt"
	"strings"
)

// pageOf writes docs/scale.md.
func pageOf(m *measured, c costs, checks []check) string {
	var b strings.Builder
	fmt.Fprintf(&b, intro, m.Machine.CPU, m.Machine.Commit, m.Machine.Date)
	b.WriteString("\n## What was measured\n\n| cost | |\n|---|--:|\n")
	for _, x := range []struct {
		what string
		v    float64
		unit string
	}{
		{"a message of a large room, to one more session on its node", c.deliver, "µs"},
		{"a broadcast, to one more session", c.all, "µs"},
		{"a room's message from one node to another: both nodes, with the reply and both deliveries", c.relayNode, "µs"},
		{"the same: Redis, which keeps and publishes it", c.relayRedis, "µs"},
		{"Redis: a message to a channel, without keeping it", c.publish, "µs"},
		{"Redis: the same, for each further node that has subscribed", c.subscriber, "µs"},
		{"signing in and joining a room: the node", c.signInNode, "µs"},
		{"the same, if PostgreSQL remembers it", c.signInLasting, "µs"},
		{"the same: Redis", c.signInRedis, "µs"},
		{"the same: PostgreSQL", c.signInPostgres, "µs"},
		{"ending a session of a killed node and taking its user offline, with both webhooks: the node that does it", c.reapNode, "µs"},
		{"a node at rest: commands to Redis per second, however many sessions it has", c.restCommands, ""},
		{"an idle session, signed in and in a room: resident memory of the node", c.idleBytes, "B"},
	} {
		fmt.Fprintf(&b, "| %s | %.3g %s |\n", x.what, x.v, x.unit)
	}
	b.WriteString(reproduced)
	b.WriteString("| | simulated | measured |\n|---|--:|--:|\n")
	for _, x := range checks {
		fmt.Fprintf(&b, "| %s | %.4g %s | %.4g %s |\n", x.what, x.simulated, x.unit, x.measured, x.unit)
	}
	b.WriteString(planned)
	planTable(&b, c)
	b.WriteString(stormed)
	stormTable(&b, c)
	b.WriteString(limits)
	return b.String()
}

func planTable(b *strings.Builder, c costs) {
	all := plans()
	row := func(what string, of func(p plan) string) {
		fmt.Fprintf(b, "| %s |", what)
		for _, p := range all {
			fmt.Fprintf(b, " %s |", of(p))
		}
		b.WriteString("\n")
	}
	row("connections", func(p plan) string { return big(p.conns) })
	b.WriteString("|---|" + strings.Repeat("--:|", len(all)) + "\n")
	row("nodes × cores", func(p plan) string { return fmt.Sprintf("%d × %d", p.nodes(), p.cores) })
	row("connections of a node", func(p plan) string { return big(p.perNode) })
	row("masters of Redis", func(p plan) string { return fmt.Sprint(p.masters) })
	row("**Memory** of a node's idle sessions (without the kernel's sockets)", func(p plan) string { return fmt.Sprintf("%.2g GB", c.idleBytes*p.perNode/1e9) })
	row("**At rest**: commands to Redis per second, all nodes", func(p plan) string { return fmt.Sprintf("%.0f", c.restCommands*float64(p.nodes())) })
	row("**A message to everybody**: until the last has it", func(p plan) string { return fmt.Sprintf("%.2g s", p.everybody(c)) })
	for _, nodes := range []float64{2, 10, 50} {
		row(fmt.Sprintf("**Rooms** with people on %.0f nodes: messages per second that Redis carries", nodes), func(p plan) string {
			if nodes > float64(p.nodes()) {
				return "–"
			}
			return big(p.roomMessages(c, nodes))
		})
	}
	row("**Coming and going**, sessions of half an hour: sign-ins per second", func(p plan) string { return big(p.comings()) })
	row("share of the masters' cores that it takes", func(p plan) string { return fmt.Sprintf("%.1f %%", 100*p.comingsOfRedis(c)) })
	row("cores of PostgreSQL that it takes", func(p plan) string { return fmt.Sprintf("%.2g", p.comingsOfPostgres(c)) })
	row("**A node is killed**: its last user is offline after, if one core of another ends them", func(p plan) string {
		_, offline := losing(c.reapNode, p.perNode, 1)
		return fmt.Sprintf("%.0f s", offline)
	})
}

func stormTable(b *strings.Builder, c costs) {
	windows := []float64{1, 5, 15, 60}
	b.WriteString("| connections | of the lost node |")
	for _, w := range windows {
		fmt.Fprintf(b, " window %.0f s |", w)
	}
	b.WriteString("\n|--:|--:|" + strings.Repeat("--:|", len(windows)) + "\n")
	for _, p := range plans() {
		fmt.Fprintf(b, "| %s | %s |", big(p.conns), big(p.perNode))
		for _, w := range windows {
			p50, p99, last := p.storm(c, w)
			fmt.Fprintf(b, " %s / %s / %s |", wait(p50), wait(p99), wait(last))
		}
		b.WriteString("\n")
	}
}

// wait is a time in s, or in ms if it is short.
func wait(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.0f ms", s*1e3)
	}
	return fmt.Sprintf("%.1f s", s)
}

func big(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3g M", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.3g k", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}

const intro = `# Scale: what it costs, up to ten million connections

This page derives from measured costs what an installation of many nodes needs. Nothing here was run at that size. What was measured is
said first; then a simulation, [bench/sim](../bench/sim), has to find what was measured again; only then it is asked about more.
It also writes this page: ` + "`cd bench && go run ./sim`" + `. [Operations](operations.md) says how to set such an installation up.

The measures are of %s, hubbub at %s, %s. [Benchmarks](benchmarks-nodes.md) has the runs. All costs are
CPU time of one core; on that machine nodes, Redis and PostgreSQL shared a core.
`

const reproduced = `
## Does the simulation find it again?

It knows only the costs above and the times of [operations](operations.md): a lease of 10 s that is renewed three times as often
and looked at ten times as often, and a grace of 5 s. It is an error if it is off by more than a quarter, which is how much the measures themselves vary.

`

const planned = `
## Larger installations

Loops of a node share nothing, so that its cores deliver side by side; a master of Redis is one core, of which at most 60 % are planned
for. Sharded channels keep a room's messages on the one master that has the room, and each node subscribes only to what its
sessions need.

`

const stormed = `
## Everybody comes back at once

A node is lost, and all who were on it come back: at a random time of the window that they were told, or that clients choose when they were
told nothing, to the other nodes, half of whose cores are busy with other things. How long a sign-in then takes: the median / 99 of 100
/ the last.

`

const limits = `
## What sets the limits

- **Fan-out to everybody** is the nodes' work: it grows with the connections of a node and shrinks with its cores. More and smaller nodes make it
  faster. Redis sends one copy to each node.
- **Rooms** are spread over the masters, but one room is on one master, in one order. A single room cannot have more messages per second than
  one master carries; far before that its people cannot read them.
- **Presence** costs nothing while nothing changes: a lease for each node. What costs is coming and going, and each change is told only to
  those who watch. 256 buckets of users are the most masters that it can be spread over.
- **A node that is killed** is cleared up by one other. Many small nodes are cleared up sooner than few large ones. Readers do not wait for that:
  who was on a node without a lease is not online for them, at once.
- **PostgreSQL** is one, and remembers each coming and going where there is a store. Messages of durable rooms come on top:
  [operations](operations.md) has its figures. Where that is too much keep rooms in memory (` + "`history: memory`" + `), and messages that must last
  in the services behind the gateway.
- **The network** is not in here: 10 million deliveries of 300 bytes are 3 GB. Nor is the kernel's memory for sockets, some 4 KB each while they are
  idle, nor TLS.
`
