package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scenario is one run of the load generator against a fresh server.
type scenario struct {
	name  string
	args  []string
	conns int
	tls   bool // only for servers that have -tls
	chat  bool // people sign in and chat: for servers that can do that, the others being for those that cannot
	quick bool
	on    []string // the only servers that it is for; nil means all that fit
	bench string   // a benchmark of a package of the module instead of a load, for the gateway only
	pkg   string   // the package; "" is the root
	nodes int      // how many servers of a kind that can share a Redis; 0 means one
	both  bool     // the servers have both CPUs, since the load generator has nothing to do meanwhile
}

// fits tells whether a server can be measured with the scenario.
func (sc scenario) fits(s server) bool {
	switch {
	case sc.on != nil:
		return slices.Contains(sc.on, s.name)
	case s.special:
		return false
	case sc.bench != "":
		return s.name == "gateway"
	case sc.chat:
		return s.chat != ""
	case sc.tls:
		return s.tls
	}
	return s.proto != ""
}

func allScenarios() []scenario {
	return []scenario{
		{name: "broadcast-10k", conns: 10000, args: []string{"-scenario", "broadcast", "-lockstep", "-time", "5s"}},
		{name: "broadcast-1k", conns: 1000, args: []string{"-scenario", "broadcast", "-outstanding", "16", "-time", "4s"}},
		{name: "ping", conns: 10000, args: []string{"-scenario", "ping", "-time", "10s"}},
		{name: "idle", conns: 10000, args: []string{"-scenario", "idle"}},
		{name: "idle-tls", conns: 10000, args: []string{"-scenario", "idle", "-tls"}, tls: true},
		{name: "echo", conns: 1000, args: []string{"-scenario", "echo", "-time", "4s"}},
		{name: "accept", conns: 10000, args: []string{"-scenario", "accept"}},
		{name: "room-10k", chat: true, conns: 10000, args: []string{"-scenario", "rooms", "-room", "10000", "-lockstep", "-time", "5s"}},
		{name: "rooms", chat: true, conns: 1000, args: []string{"-scenario", "rooms", "-room", "5", "-outstanding", "4", "-time", "5s"}},
		{name: "idle-sessions", chat: true, conns: 10000, args: []string{"-scenario", "idle", "-sessions", "-room", "10000"}},
		{name: "sign-in", chat: true, conns: 5000, args: []string{"-scenario", "sign-in"}},
		{name: "presence", bench: "BenchmarkPresences"},
		{name: "private", on: []string{"gateway", "single"}, chat: true, conns: 64, args: []string{"-scenario", "private", "-time", "10s"}},
		{name: "broadcast-all", on: []string{"gateway"}, chat: true, conns: 10000, args: []string{"-scenario", "everybody", "-time", "5s"}},
		{name: "announce-all", on: []string{"gateway"}, chat: true, conns: 10000, args: []string{"-scenario", "everybody", "-announce", "-time", "5s"}},
		{name: "inbox", bench: "BenchmarkInbox", pkg: "inbox"},
		{name: "posts", on: []string{"gateway", "live", "express"}, chat: true, conns: 10, args: []string{"-scenario", "posts", "-outstanding", "64", "-time", "5s"}},
		{name: "combined", on: []string{"services"}, conns: 1, args: []string{"-scenario", "combined", "-outstanding", "1000", "-time", "8s"}},
		{name: "proxied", on: []string{"services"}, conns: 64, args: []string{"-scenario", "proxied", "-time", "8s"}},
		{name: "nodes-room", on: []string{"live", "fleet"}, chat: true, nodes: 3, conns: 9000,
			args: []string{"-scenario", "rooms", "-room", "9000", "-lockstep", "-time", "5s"}},
		{name: "relay", on: []string{"fleet", "lasting", "socketio-redis"}, chat: true, nodes: 2, conns: 128,
			args: []string{"-scenario", "rooms", "-room", "2", "-one-way", "-outstanding", "16", "-time", "5s"}},
		{name: "nodes-sign-in", on: []string{"live", "fleet", "lasting"}, chat: true, nodes: 2, conns: 5000, args: []string{"-scenario", "sign-in"}},
		{name: "nodes-all", on: []string{"live", "fleet"}, chat: true, nodes: 3, conns: 9000, args: []string{"-scenario", "everybody", "-time", "5s"}},
		{name: "fan-out-1", on: []string{"fleet"}, conns: 1, args: []string{"-scenario", "fan-out", "-time", "3s"}},
		{name: "fan-out-200", on: []string{"fleet"}, conns: 200, args: []string{"-scenario", "fan-out", "-time", "3s"}},
		{name: "rest", on: []string{"fleet"}, chat: true, nodes: 2, conns: 20000, args: []string{"-scenario", "rest", "-room", "20", "-time", "30s"}},
		{name: "lose", on: []string{"lasting"}, chat: true, nodes: 2, both: true, conns: 15000, args: []string{"-scenario", "lose", "-room", "20"}},
		{name: "webhooks", on: []string{"services"}, chat: true, conns: 1000, args: []string{"-scenario", "webhooks", "-time", "8s"}},
	}
}

// shrink makes a scenario quick. The later -time wins.
func (sc scenario) shrink() scenario {
	sc.conns, sc.quick = max(sc.conns/50, min(sc.conns, 64)), true
	sc.args = append(slices.Clone(sc.args), "-time", "500ms", "-warm", "200ms")
	return sc
}

// sample is the result of one run, by the names that the load generator gives.
type sample map[string]float64

// key names a pair of server and scenario.
func key(s server, sc scenario) string { return s.name + "/" + sc.name }

// measure runs everything, round by round, so that a slow minute of the machine hits all servers alike. What fails is noted,
// and the rest goes on.
func (r *report) measure(ctx context.Context, c config) (failures []error) {
	r.Samples = map[string][]sample{}
	r.Failures = map[string]string{}
	const firstPort, lastPort = 15000, 19999 // below the ports of the clients
	port := firstPort
	for round := range c.rounds {
		for _, sc := range c.scenarios {
			if c.quick {
				sc = sc.shrink()
			}
			for _, s := range c.servers {
				if !sc.fits(s) || ctx.Err() != nil {
					continue
				}
				if port += 8; port > lastPort { // the servers of a fleet, and what they have beside them, have the next ones
					port = firstPort
				}
				calm(ctx, c.patience)
				start := time.Now()
				got, err := once(ctx, s, sc, port)
				r.note(s, sc, got, err)
				fmt.Fprintf(os.Stderr, "%d/%d %-14s %-9s %5.1fs  %s\n", round+1, c.rounds, sc.name, s.name,
					time.Since(start).Seconds(), progress(got, err))
				if err != nil {
					failures = append(failures, fmt.Errorf("%s: %w", key(s, sc), err))
				}
			}
		}
	}
	return failures
}

func (r *report) note(s server, sc scenario, got sample, err error) {
	if err != nil {
		r.Failures[key(s, sc)] = strings.SplitN(err.Error(), "\n", 2)[0]
		return
	}
	r.Samples[key(s, sc)] = append(r.Samples[key(s, sc)], got)
}

// once starts the server, loads it, and stops it.
func once(ctx context.Context, s server, sc scenario, port int) (sample, error) {
	if sc.bench != "" {
		return benchmark(ctx, s, sc)
	}
	f, err := startFleet(ctx, s, sc, port)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	args := append(append([]string{"-c", "1", "bin/load"}, f.args()...), "-conns", strconv.Itoa(sc.conns))
	args = append(append(args, sc.args...), sc.argsFor(s)...)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s (%w)%s", strings.TrimSpace(complaint.String()), err, f.nodes[0].tail())
	}
	var got sample
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		return nil, fmt.Errorf("read the load generator's result: %w", err)
	}
	return got, nil
}

// argsFor are the arguments of the load generator that depend on the server.
func (sc scenario) argsFor(s server) []string {
	idle := strings.HasPrefix(sc.name, "idle")
	switch {
	case sc.name == "private":
		return []string{"-proto", s.chat, "-store", s.store()}
	case sc.chat && idle && s.kind == product:
		return []string{"-proto", s.chat, "-metrics"}
	case sc.chat:
		return []string{"-proto", s.chat}
	case idle && s.tls:
		return []string{"-proto", s.proto, "-memstats"}
	}
	return []string{"-proto", s.proto}
}

// benchmark runs a benchmark of the module, which prints a line for each of its parts, or for the whole if it has none: its name, a
// count and then pairs of a value and a unit.
func benchmark(ctx context.Context, s server, sc scenario) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	times := "500x"
	if sc.quick {
		times = "5x"
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", "0", s.benchmarks(sc.pkg), "-test.run", "^$", "-test.bench", "^"+sc.bench+"$",
		"-test.benchtime", times)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", sc.bench, err, out)
	}
	got := sample{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) < 4 || !strings.HasPrefix(words[0], sc.bench) || words[3] != "ns/op" {
			continue
		}
		ns, err := strconv.ParseFloat(words[2], 64)
		if err != nil {
			return nil, err
		}
		got[partOf(words[0], sc.bench)+"ms_per_call"] = ns / 1e6
	}
	if len(got) == 0 {
		return nil, fmt.Errorf("%s printed no result:\n%s", sc.bench, out)
	}
	return got, nil
}

// partOf is the name of a part of a benchmark as figures have it, "" for the whole. What is behind the last hyphen, if anything, is on
// how many CPUs it ran.
func partOf(name, bench string) string {
	part, ok := strings.CutPrefix(name, bench+"/")
	if !ok {
		return ""
	}
	if i := strings.LastIndexByte(part, '-'); i > 0 && strings.Trim(part[i+1:], "0123456789") == "" {
		part = part[:i]
	}
	return strings.ToLower(part) + "_"
}

// progress is the line that tells how it goes.
func progress(got sample, err error) string {
	if err != nil {
		return "FAILED: " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	var parts []string
	for _, f := range []struct{ name, format string }{
		{"cpu_us", "%.2f µs CPU"}, {"deliveries_per_second", "%.0f deliveries/s"}, {"messages_per_second", "%.0f messages/s"}, {"webhooks_per_second", "%.0f webhooks/s"}, {"alone_p50_ms", "alone p50 %.1f ms"},
		{"p50_ms", "p50 %.1f ms"}, {"p99_ms", "p99 %.1f ms"}, {"direct_cpu_us", "direct %.1f µs CPU"}, {"proxied_cpu_us", "proxied %.1f µs CPU"},
		{"conns_per_second", "%.0f conns/s"}, {"sessions_per_second", "%.0f sessions/s"}, {"ms_per_call", "%.3f ms"}, {"counts_ms_per_call", "counts %.3f ms"}, {"list_ms_per_call", "list %.3f ms"}, {"ms_to_last", "%.1f ms to the last"}, {"messages_per_commit", "%.1f messages per commit"},
		{"store_bytes_per_message", "%.0f B stored"}, {"ping_p99_ms", "ping p99 %.2f ms"}, {"control_p99_ms", "control p99 %.2f ms"},
		{"rss_per_conn", "%.0f B resident"}, {"live_per_conn", "%.0f B live"}, {"server_cpu_of_wall", "server's CPU %.2f"},
		{"others_cpu_of_wall", "others' CPU %.2f"},
	} {
		if v, ok := got[f.name]; ok {
			parts = append(parts, fmt.Sprintf(f.format, v))
		}
	}
	return strings.Join(parts, ", ")
}
