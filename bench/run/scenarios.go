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
	}
}

// shrink makes a scenario quick. The later -time wins.
func (sc scenario) shrink() scenario {
	sc.conns /= 50
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
				if sc.tls && !s.tls || ctx.Err() != nil {
					continue
				}
				if port++; port > lastPort {
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
	p, err := s.start(ctx, port, sc.tls)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	args := append([]string{"-c", "1", "bin/load", "-addr", p.addr, "-pid", strconv.Itoa(p.cmd.Process.Pid),
		"-proto", s.proto, "-conns", strconv.Itoa(sc.conns)}, sc.args...)
	if s.tls && strings.HasPrefix(sc.name, "idle") {
		args = append(args, "-memstats")
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s (%w)%s", strings.TrimSpace(complaint.String()), err, p.tail())
	}
	var got sample
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		return nil, fmt.Errorf("read the load generator's result: %w", err)
	}
	return got, nil
}

// progress is the line that tells how it goes.
func progress(got sample, err error) string {
	if err != nil {
		return "FAILED: " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	var parts []string
	for _, f := range []struct{ name, format string }{
		{"cpu_us", "%.2f µs CPU"}, {"deliveries_per_second", "%.0f deliveries/s"}, {"messages_per_second", "%.0f messages/s"},
		{"conns_per_second", "%.0f conns/s"}, {"ping_p99_ms", "ping p99 %.2f ms"}, {"control_p99_ms", "control p99 %.2f ms"},
		{"rss_per_conn", "%.0f B resident"}, {"live_per_conn", "%.0f B live"}, {"others_cpu_of_wall", "others' CPU %.2f"},
	} {
		if v, ok := got[f.name]; ok {
			parts = append(parts, fmt.Sprintf(f.format, v))
		}
	}
	return strings.Join(parts, ", ")
}
