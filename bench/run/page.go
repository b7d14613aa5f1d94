package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// markdown is the page.
func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString(intro)
	if r.Quick {
		b.WriteString("\n> **A quick run.** It shows that everything works. Its figures mean nothing.\n")
	}
	r.machineSection(&b)
	r.barSection(&b)
	for _, t := range tables() {
		r.tableSection(&b, t)
	}
	r.failureSection(&b)
	b.WriteString(method)
	return b.String()
}

const intro = `# Benchmarks

hubbub beside the servers that people use today, and beside a bare epoll loop in C as the floor. All figures are from one run
of ` + "`make bench`" + `, which also wrote this page. Messages have 128 bytes; server and load generator have one core each.
`

func (r *report) machineSection(b *strings.Builder) {
	m := r.Machine
	fmt.Fprintf(b, "\n## The machine\n\n%s, %d CPUs, %s of memory, Linux %s. Go %s, Node %s, %s. hubbub at %s, measured on %s.\n\n",
		m.CPU, m.CPUs, m.Memory, m.Kernel, m.Go, m.Node, m.C, m.Commit, m.Date)
	rounds := fmt.Sprintf("Each figure is the median of %d rounds; the rounds are interleaved.", r.Rounds)
	if r.Rounds == 1 {
		rounds = "Each figure was measured once."
	}
	var all []string
	for _, s := range allServers() {
		if v := m.Versions[s.name]; v != "" {
			all = append(all, v)
		}
	}
	fmt.Fprintf(b, "%s Libraries: %s.\n%s", rounds, strings.Join(all, ", "), r.othersNote())
}

// othersNote tells when something else was using the CPUs.
func (r *report) othersNote() string {
	var all []float64
	for _, samples := range r.Samples {
		for _, s := range samples {
			if v, ok := s["others_cpu_of_wall"]; ok {
				all = append(all, v)
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return fmt.Sprintf("\nMeanwhile everything else on the machine used %.0f%% of one CPU (the median of all measures), and at most %.0f%%.\n",
		100*all[len(all)/2], 100*all[len(all)-1])
}

func (r *report) barSection(b *strings.Builder) {
	b.WriteString("\n## The bars\n\n| measure | bar | measured | |\n|---|---|---|---|\n")
	for _, x := range bars() {
		fmt.Fprintf(b, "| %s | %s |\n", x.text, r.verdict(x))
	}
}

func (r *report) tableSection(b *strings.Builder, t table) {
	var rows []string
	for _, s := range allServers() {
		cells := []string{s.label}
		some := false
		for _, c := range t.columns {
			v := r.value(s.name, t.scenario, c.name)
			some = some || !math.IsNaN(v)
			cells = append(cells, cell(v, c))
			if c.ratio {
				cells = append(cells, number(v/r.value(subject(t.scenario), t.scenario, c.name)))
			}
		}
		if some {
			rows = append(rows, "| "+strings.Join(cells, " | ")+" |\n")
		}
	}
	if len(rows) == 0 {
		return
	}
	head := []string{"server"}
	for _, c := range t.columns {
		head = append(head, c.title)
		if c.ratio {
			head = append(head, "÷ "+subject(t.scenario))
		}
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| %s |\n|---%s|\n", t.title, t.text, strings.Join(head, " | "), strings.Repeat("|--:", len(head)-1))
	b.WriteString(strings.Join(rows, ""))
}

func cell(v float64, c column) string {
	if math.IsNaN(v) || c.unit == "" {
		return number(v * c.scale)
	}
	return number(v*c.scale) + " " + c.unit
}

func (r *report) failureSection(b *strings.Builder) {
	if len(r.Failures) == 0 {
		return
	}
	b.WriteString("\n## What failed\n\n")
	var keys []string
	for k := range r.Failures {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fmt.Fprintf(b, "- %s (%d rounds went well): %s\n", k, len(r.Samples[k]), r.Failures[k])
	}
}

const method = `
## Memory with compression

Shared compression adds nothing to a conn. With context takeover a conn has 0.1 kB while it has neither sent nor received a compressed
message; then it keeps up to 8.2 kB of what it has sent and up to 32.8 kB of what it has received (BenchmarkTakeoverMemory in ws).

## How it is measured

- The server is pinned to one core and the load generator to another. Each measure starts a fresh server process, and all but
  idle memory and accepting warm up first. Every message is counted on every conn: a lost one is an error, not a fast result.
- CPU is what the server's process used, all threads, user and kernel. The kernel's work for a send on loopback, up to the
  receiver's queue, is in it; that is why even the C loop is not free, and why fewer, fuller sends are what helps.
- The load generator never sleeps, so no server pays for waking it.
- The gateway is ` + "`hubbub serve`" + ` as users get it, with its rates and counts per session, user and address set to ` + "`off`" + ` in its
  configuration ([bench/servers/gateway/hubbub.yaml](../bench/servers/gateway/hubbub.yaml)), since one client stands for ten thousand people.
  People sign in with ES256 tokens; Socket.IO checks the same ones with ` + "`jsonwebtoken`" + ` in a middleware. Their messages carry 128 bytes of
  data and, from both servers, the room, the sender and the time. The gateway also gives them positions and keeps them as history.
- The memory of sessions is counted from the 101st on, so that what only the first sign-ins bring in is not.
- The ping is sent on a schedule of its own, every 10 to 30 ms, and its time counts from when it was due.
- Every server is written as its library's documentation shows, with compression off, no logging and TCP_NODELAY on.
  [bench/README.md](../bench/README.md) says more, and how to run a part of it.
`
