// Load is the load generator of the benchmarks: one thread that never sleeps, one scenario per run, one line of JSON.
//
//	load -addr 127.0.0.1:9001 -pid 4711 -scenario broadcast -conns 1000 -outstanding 16
//
// Run it on a core of its own: taskset -c 1 load …
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	server      netip.AddrPort   // the first of servers
	servers     []netip.AddrPort // members are spread over them in turn
	pid         int              // of the first server
	pids        []int            // of all of them
	beside      int              // what the servers have beside them, such as Redis
	database    int              // the process id of their PostgreSQL
	redis       string
	oneWay      bool
	first       int
	proto       string
	conns       int
	outstanding int
	lockstep    bool
	warm, time  time.Duration
	tls         bool
	memstats    bool
	metrics     bool
	sessions    bool
	key         string
	roomSize    int
	announce    bool
	store       string
}

func (o options) run(scenario string) (result, error) {
	switch scenario {
	case "broadcast":
		return broadcast(o)
	case "ping":
		return ping(o)
	case "echo":
		return echo(o)
	case "accept":
		return accept(o)
	case "idle":
		return idle(o)
	case "rooms":
		return rooms(o)
	case "sign-in":
		return signIns(o)
	case "everybody":
		return everybody(o)
	case "private":
		return private(o)
	case "posts":
		return posts(o)
	case "services":
		return serveAlone()
	case "proxied":
		return proxied(o)
	case "combined":
		return combined(o)
	case "webhooks":
		return hooks(o)
	case "rest":
		return rest(o)
	case "stay":
		return stay(o)
	case "fan-out":
		return fanOut(o)
	case "lose":
		return lose(o)
	}
	return nil, fmt.Errorf("unknown scenario %q; -h lists them", scenario)
}

func main() {
	var o options
	addr := flag.String("addr", "127.0.0.1:9001", "the servers' IPv4 `addresses` and ports, with commas between")
	scenario := flag.String("scenario", "broadcast",
		"broadcast, ping, echo, accept, idle, rooms, sign-in, everybody, private, posts, proxied, combined, webhooks, rest, stay, lose or fan-out")
	pids := flag.String("pid", "", "the servers' process `ids`, whose CPU time and memory are measured; empty measures none")
	flag.IntVar(&o.beside, "beside", 0, "the process id of what the servers have beside them, whose CPU time is measured by itself")
	flag.IntVar(&o.database, "database", 0, "the process id of the servers' PostgreSQL, whose CPU time, with that of its children, is measured by itself")
	flag.StringVar(&o.redis, "redis", "", "rest, fan-out: the `address` of the servers' Redis")
	flag.BoolVar(&o.oneWay, "one-way", false, "rooms: only members on the first server speak")
	flag.IntVar(&o.first, "first", 0, "stay: the number of the first member")
	flag.StringVar(&o.proto, "proto", "ws", "ws or socketio; for rooms, sign-in and idle sessions hubbub.v1 or socketio")
	flag.IntVar(&o.conns, "conns", 1000, "how many connections")
	flag.IntVar(&o.outstanding, "outstanding", 16, "broadcast: messages on their way at once; rooms: those of each member; posts: backends; combined: calls per second")
	flag.BoolVar(&o.lockstep, "lockstep", false, "broadcast, rooms: one message at a time, the next when all have the last one")
	flag.DurationVar(&o.warm, "warm", time.Second, "how long to warm up before broadcast, ping and echo")
	flag.DurationVar(&o.time, "time", 5*time.Second, "how long to measure broadcast, ping and echo")
	flag.BoolVar(&o.tls, "tls", false, "idle: connect with TLS")
	flag.BoolVar(&o.memstats, "memstats", false, "idle: also ask the server's /memstats")
	flag.BoolVar(&o.metrics, "metrics", false, "idle: also ask the server's /metrics, as the gateway has them")
	flag.BoolVar(&o.sessions, "sessions", false, "idle: sign in and join a room")
	flag.StringVar(&o.key, "key", "bin/es256.pem", "rooms, sign-in, idle sessions: PEM `file` with the P-256 key that signs tokens")
	flag.IntVar(&o.roomSize, "room", 5, "rooms, idle sessions: how many members a room has")
	flag.BoolVar(&o.announce, "announce", false, "everybody: publish announcements and wait for the counts, instead of broadcasting")
	flag.StringVar(&o.store, "store", "bin/gateway.db", "private: the `file` of the server's store")
	flag.Parse()

	if err := run(*addr, *pids, *scenario, o); err != nil {
		fmt.Fprintf(os.Stderr, "load: %s: %v\n", *scenario, err)
		os.Exit(1)
	}
}

func run(addrs, pids, scenario string, o options) (err error) {
	for addr := range strings.SplitSeq(addrs, ",") {
		server, err := netip.ParseAddrPort(addr)
		if err != nil || !server.Addr().Is4() {
			return fmt.Errorf("-addr %q: use an IPv4 address with a port, like 127.0.0.1:9001", addr)
		}
		o.servers = append(o.servers, server)
	}
	o.server = o.servers[0]
	for pid := range strings.SplitSeq(pids, ",") {
		if pid == "" {
			continue
		}
		n, err := strconv.Atoi(pid)
		if err != nil {
			return fmt.Errorf("-pid %q: use numbers", pid)
		}
		o.pids = append(o.pids, n)
	}
	if len(o.pids) > 0 {
		o.pid = o.pids[0]
	}
	if o.conns < 1 || o.outstanding < 1 {
		return fmt.Errorf("-conns and -outstanding: use at least 1")
	}
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // little is allocated, and a collection would be felt in the round trips
	debug.SetMemoryLimit(2 << 30)
	res, err := o.run(scenario)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}
