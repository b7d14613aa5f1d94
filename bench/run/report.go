package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// report is everything that a run found; it is what the JSON file holds.
type report struct {
	Machine  machine
	Rounds   int
	Quick    bool
	Samples  map[string][]sample // by server/scenario, one per round that went well
	Failures map[string]string   // the last one, by server/scenario
}

func load(path string) (*report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &report{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

func (r *report) save(path string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

func (r *report) writePage(path string) error {
	if path == "" {
		fmt.Print(r.markdown())
		return nil
	}
	return os.WriteFile(path, []byte(r.markdown()), 0o644)
}

// value is the median over the rounds, or NaN where there is nothing.
func (r *report) value(server, scenario, name string) float64 {
	var all []float64
	for _, s := range r.Samples[server+"/"+scenario] {
		if v, ok := s[name]; ok {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return math.NaN()
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// subject is our server in a scenario.
func subject(name string) string {
	for _, sc := range allScenarios() {
		switch {
		case sc.name != name:
		case sc.on != nil && slices.Contains(sc.on, "fleet"):
			return "fleet"
		case sc.on != nil && !slices.Contains(sc.on, "live"):
			return sc.on[0]
		case sc.bench != "":
			return "gateway"
		case sc.chat:
			return "live" // the others store nothing, too
		}
	}
	return "hubbub"
}

// column is one figure of a table.
type column struct {
	title string
	name  string // as the load generator calls it
	scale float64
	unit  string
	ratio bool // also relative to hubbub
}

type table struct {
	title, scenario, text string
	columns               []column
}

func tables() []table {
	return []table{
		{"Broadcast to 10,000, one message at a time", "broadcast-10k", "The next message is sent when every conn has the last one.",
			[]column{{"CPU per delivery", "cpu_us", 1, "µs", true}, {"deliveries per second", "deliveries_per_second", 1e-6, "M", true}}},
		{"Broadcast to 1,000, 16 messages outstanding", "broadcast-1k", "16 conns speak; each speaks again when its own message has come back.",
			[]column{{"deliveries per second", "deliveries_per_second", 1e-6, "M", true}, {"CPU per delivery", "cpu_us", 1, "µs", true}}},
		{"A ping during broadcasts to 10,000", "ping", "The round trip of a message on an idle conn while the broadcasts of the first table run back to back; " +
			"and that of a control ping. Socket.IO has no control pings.",
			[]column{{"p50", "ping_p50_ms", 1, "ms", false}, {"p99", "ping_p99_ms", 1, "ms", true}, {"max", "ping_max_ms", 1, "ms", false},
				{"control p99", "control_p99_ms", 1, "ms", false}}},
		{"Idle memory", "idle", "Growth of a fresh process with 10,000 conns that have said nothing yet. Live is heap and stacks after a full collection.",
			[]column{{"resident per conn", "rss_per_conn", 1, "B", true}, {"live per conn", "live_per_conn", 1, "B", false}}},
		{"Idle memory with TLS", "idle-tls", "The same with TLS 1.3.",
			[]column{{"resident per conn", "rss_per_conn", 1, "B", false}, {"live per conn", "live_per_conn", 1, "B", false}}},
		{"Echo, 1,000 conns", "echo", "Each conn sends, waits for its echo, and sends again. The rate is bounded by the load generator, which sends each message by itself.",
			[]column{{"CPU per message", "cpu_us", 1, "µs", true}, {"messages per second", "messages_per_second", 1e-3, "k", true}}},
		{"Accepting 10,000 conns, one after another", "accept", "Each is connected and upgraded before the next.",
			[]column{{"conns per second", "conns_per_second", 1, "", true}, {"CPU per accept", "cpu_us", 1, "µs", true}}},
		{"The gateway: a room of 10,000", "room-10k", "One of 10,000 people in a room sends to it; the next message is sent when all have the last one, and its sender the reply.",
			[]column{{"CPU per delivery", "cpu_us", 1, "µs", true}, {"deliveries per second", "deliveries_per_second", 1e-6, "M", true}}},
		{"The gateway: 200 rooms of five", "rooms", "1,000 people, each with 4 messages on their way that have no reply yet. A delivery's share of its message's way into the server is in the figures.",
			[]column{{"deliveries per second", "deliveries_per_second", 1e-3, "k", true}, {"CPU per delivery", "cpu_us", 1, "µs", true},
				{"server's share of its core", "server_cpu_of_wall", 100, "%", false}}},
		{"The gateway: memory of idle sessions", "idle-sessions", "Growth with 10,000 people, each signed in by a token, with a device and a name, and in one room. Live is heap and stacks after a collection.",
			[]column{{"resident per session", "rss_per_conn", 1, "B", true}, {"live per session", "live_per_conn", 1, "B", false}}},
		{"The gateway: signing in", "sign-in", "5,000 people connect, show a token (JWT, ES256) and join a room that 500 are in, 16 of them at a time.",
			[]column{{"sessions per second", "sessions_per_second", 1, "", true}, {"CPU per session", "cpu_us", 1, "µs", true},
				{"server's share of its core", "server_cpu_of_wall", 100, "%", false}}},
		{"The gateway: presence", "presence", "One call that tells of 1,000 users whether they are online and with which devices, while 100,000 are (BenchmarkPresences in the module's root; no sockets).",
			[]column{{"time per call", "ms_per_call", 1, "ms", false}}},
		{"The gateway: private messages that last", "private", "64 people write to each other in pairs, each again when the last message is accepted, which means committed to the disk.",
			[]column{{"messages per second", "messages_per_second", 1, "", true}, {"messages per commit", "messages_per_commit", 1, "", false},
				{"CPU per message", "cpu_us", 1, "µs", true}, {"store per message", "store_bytes_per_message", 1, "B", false}}},
		{"The gateway: a broadcast to 10,000", "broadcast-all", "POST /api/v1/broadcast; the next one when the last of 10,000 people has it.",
			[]column{{"until the last has it", "ms_to_last", 1, "ms", false}, {"CPU per delivery", "cpu_us", 1, "µs", false}}},
		{"The gateway: an announcement to 10,000", "announce-all", "POST /api/v1/notices to all; the next one when the last of 10,000 people has its inbox.counts, and before that the notice.",
			[]column{{"until the last has it", "ms_to_last", 1, "ms", false}, {"CPU per person", "cpu_us", 1, "µs", false}}},
		{"The inbox of 100,000 notices", "inbox", "Of a user with as many notices and 1,000 announcements, beside one with 100 notices (BenchmarkInbox in package inbox, on the SQLite store; no sockets).",
			[]column{{"unread counts", "counts_ms_per_call", 1, "ms", false}, {"the same with 100 notices", "countsoffew_ms_per_call", 1, "ms", false},
				{"first page", "list_ms_per_call", 1, "ms", false}, {"first page of what is unread in a category", "listofcategory_ms_per_call", 1, "ms", false}}},
		{"The API: messages of backends to a room", "posts", "64 backends POST to a room of ten people by the HTTP API, each again when its last message is accepted. All ten have all of them.",
			[]column{{"accepted per second", "messages_per_second", 1, "", true}, {"CPU per message", "cpu_us", 1, "µs", true},
				{"server's share of its core", "server_cpu_of_wall", 100, "%", false}}},
		{"The BFF: one call of three", "combined", "GET /bff/page calls three services that take 20 ms each, with a token (ES256) that is verified each time. 1,000 calls per second, each at its time; and alone, one after another.",
			[]column{{"alone, p50", "alone_p50_ms", 1, "ms", false}, {"p50", "p50_ms", 1, "ms", false}, {"p99", "p99_ms", 1, "ms", false}, {"max", "max_ms", 1, "ms", false},
				{"the gateway's CPU per call", "cpu_us", 1, "µs", false}}},
		{"The BFF: a call that is led to a service", "proxied", "64 callers, each again when it has its answer: directly by HTTP, conns kept alive, and by an rpc method over their WebSockets. CPU of the callers, the service, and the gateway if it is in between, which are processes of their own: the callers on one core, the rest on the other.",
			[]column{{"direct, CPU per call", "direct_cpu_us", 1, "µs", false}, {"by the gateway, CPU per call", "proxied_cpu_us", 1, "µs", false}, {"÷ direct", "cpu_ratio", 1, "", false}}},
		{"Several nodes: a room of 9,000", "nodes-room", "One of 9,000 people in a room sends to it; the next message is sent when all have the last one. One node holds all of them " +
			"in memory, or three have 3,000 each on one Redis, all on one core. CPU is that of all nodes together.",
			[]column{{"CPU per delivery", "cpu_us", 1, "µs", true}, {"deliveries per second", "deliveries_per_second", 1e-6, "M", true},
				{"Redis, CPU per delivery", "beside_cpu_us", 1, "µs", false}}},
		{"Several nodes: messages from one to another", "relay", "64 people on one node, each with 16 messages on their way that have no reply yet, write to a room of two, the other one of which is on " +
			"another node. Both nodes and Redis share a core. With PostgreSQL each message is committed before it is answered. Every message has arrived when the time is over. CPU is that of both nodes for each of the two deliveries of a message.",
			[]column{{"messages per second", "messages_per_second", 1, "", true}, {"CPU per delivery", "cpu_us", 1, "µs", true},
				{"Redis, CPU per delivery", "beside_cpu_us", 1, "µs", true}, {"PostgreSQL, CPU per delivery", "database_cpu_us", 1, "µs", false}}},
		{"Several nodes: signing in", "nodes-sign-in", "5,000 people sign in and join a room that 500 are in, 16 of them at a time: to one node with all in memory, or to two on one Redis, without and with " +
			"PostgreSQL. All of it shares a core.",
			[]column{{"sessions per second", "sessions_per_second", 1, "", false}, {"CPU of the nodes per session", "cpu_us", 1, "µs", true},
				{"Redis, CPU per session", "beside_cpu_us", 1, "µs", false}, {"PostgreSQL, CPU per session", "database_cpu_us", 1, "µs", false}}},
		{"Several nodes: a broadcast to 9,000", "nodes-all", "POST /api/v1/broadcast to one of three nodes, or to the only one; the next one when the last of all people has it.",
			[]column{{"until the last has it", "ms_to_last", 1, "ms", false}, {"CPU per delivery", "cpu_us", 1, "µs", true}}},
		{"Redis: a message to a channel", "fan-out-1", "SPUBLISH of 300 bytes, 16 at a time, to a channel with one subscriber.",
			[]column{{"Redis, CPU per message", "beside_cpu_us", 1, "µs", false}}},
		{"Redis: a message to a channel of 200 nodes", "fan-out-200", "The same with 200 subscribers.",
			[]column{{"Redis, CPU per message", "beside_cpu_us", 1, "µs", false}}},
		{"Several nodes: at rest", "rest", "Commands that Redis gets while 20,000 people are signed in on two nodes, each in a room of 20, and nobody says anything.",
			[]column{{"commands per second", "commands_per_second", 1, "", false}, {"Redis's share of its core", "beside_cpu_of_wall", 100, "%", false}}},
		{"Several nodes: one is killed", "lose", "15,000 people are on one of two nodes, which is killed. The other one ends their sessions when the lease (10 s) has run out and takes them " +
			"offline after the grace (5 s); a target of webhooks hears of both, of each once. PostgreSQL keeps what is to be told.",
			[]column{{"the last session was told to have ended after", "ended_s", 1, "s", false}, {"the last user was told offline after", "offline_s", 1, "s", false},
				{"deliveries of what had come before", "repeats", 1, "", false}, {"CPU of the other node", "survivor_cpu_s", 1, "s", false}}},
		{"Webhooks", "webhooks", "Private messages of 1,000 people in pairs, each reported to a target that is away at first. What waits is then delivered, in order for each pair.",
			[]column{{"delivered per second", "webhooks_per_second", 1, "", false}, {"waiting", "waiting", 1, "", false}, {"the gateway's CPU per webhook", "cpu_us", 1, "µs", false}}},
	}
}

// bar is one of the goals: a figure of hubbub, over another server's, or by itself when against is empty.
type bar struct {
	text                    string
	scenario, name, against string
	atLeast                 bool
	limit                   float64
	unit                    string
	base                    string // the scenario of the other server; "" means the same
}

func bars() []bar {
	return []bar{
		{"broadcast to 10,000, one at a time: CPU per delivery", "broadcast-10k", "cpu_us", "floor", false, 1.15, "× the C floor", ""},
		{"", "broadcast-10k", "cpu_us", "ws", false, 0.55, "× `ws`", ""},
		{"broadcast to 1,000, 16 outstanding: deliveries per second", "broadcast-1k", "deliveries_per_second", "ws", true, 18, "× `ws`", ""},
		{"", "broadcast-1k", "deliveries_per_second", "gws", true, 10, "× `gws`", ""},
		{"a ping's p99 while 10,000-client broadcasts run back to back", "ping", "ping_p99_ms", "ws", false, 0.05, "× `ws`", ""},
		{"idle memory per conn: resident growth", "idle", "rss_per_conn", "", false, 2048, "B", ""},
		{"idle memory per conn with TLS: live", "idle-tls", "live_per_conn", "", false, 8192, "B", ""},
		{"idle memory per conn with TLS: resident growth", "idle-tls", "rss_per_conn", "", false, 16384, "B", ""},
		{"echo, 1,000 conns: CPU per message", "echo", "cpu_us", "ws", false, 0.50, "× `ws`", ""},
		{"accepting 10,000 one after another: conns per second", "accept", "conns_per_second", "ws", true, 1.2, "× `ws`", ""},
		{"accepting 10,000 one after another: CPU per accept", "accept", "cpu_us", "ws", false, 0.7, "× `ws`", ""},
		{"room of 10,000: CPU per delivery", "room-10k", "cpu_us", "hubbub", false, 1.15, "× the bare `ws` package", "broadcast-10k"},
		{"200 rooms of five, 4 outstanding each: deliveries per second", "rooms", "deliveries_per_second", "socketio", true, 4, "× Socket.IO", ""},
		{"10,000 idle sessions, signed in and in a room: resident growth", "idle-sessions", "rss_per_conn", "", false, 4096, "B", ""},
		{"signing in and joining: sessions per second", "sign-in", "sessions_per_second", "socketio", true, 2, "× Socket.IO", ""},
		{"presence of 1,000 users of 100,000 online: time per call", "presence", "ms_per_call", "", false, 10, "ms", ""},
		{"durable private messages, 64 senders, group commit: accepted per second", "private", "messages_per_second", "single", true, 4, "× one commit each", ""},
		{"durable private messages, 64 senders: messages per commit", "private", "messages_per_commit", "", true, 32, "", ""},
		{"unread counts, 100,000 notices and 1,000 announcements: time per call", "inbox", "counts_ms_per_call", "", false, 1, "ms", ""},
		{"first page of that inbox: time per call", "inbox", "list_ms_per_call", "", false, 5, "ms", ""},
		{"an announcement to 10,000 online, until the last has its counts", "announce-all", "ms_to_last", "gateway", false, 2, "× a broadcast", "broadcast-all"},
		{"messages of backends to a room: accepted per second", "posts", "messages_per_second", "express", true, 3, "× `express` + `ws`", ""},
		{"a combined call of three parts that take 20 ms, at 1,000 per second: median latency", "combined", "over_slowest_part", "", false, 1.2, "× the slowest part", ""},
		{"a proxied call: CPU of caller, gateway and backend", "proxied", "cpu_ratio", "", false, 1.5, "× a direct one", ""},
		{"a room across 3 nodes, 9,000 people: CPU of all nodes per delivery", "nodes-room", "cpu_us", "live", false, 1.25, "× one node with the memory driver", ""},
		{"Redis commands per second while 20,000 people are idle on 2 nodes", "rest", "commands_per_second", "", false, 10, "", ""},
		{"15,000 sessions of a killed node: the last is told offline after", "lose", "offline_s", "", false, 17, "s", ""},
		{"room messages through Redis, one node to another: per second", "relay", "messages_per_second", "socketio-redis", true, 5, "× Socket.IO with its Redis Streams adapter", ""},
		{"webhooks to one local target, in order for each pair of users: delivered per second", "webhooks", "webhooks_per_second", "", true, 5000, "", ""},
	}
}

// verdict is the cells of a bar's row after its text.
func (r *report) verdict(b bar) string {
	v := r.value(subject(b.scenario), b.scenario, b.name)
	sign := "≤"
	if b.atLeast {
		sign = "≥"
	}
	if b.against != "" {
		v /= r.value(b.against, cmp.Or(b.base, b.scenario), b.name)
	}
	met := v <= b.limit
	if b.atLeast {
		met = v >= b.limit
	}
	word := map[bool]string{true: "met", false: "**not met**"}[met]
	if math.IsNaN(v) {
		word = "not measured"
	}
	return fmt.Sprintf("%s %s %s | %s %s | %s", sign, number(b.limit), b.unit, number(v), b.unit, word)
}

// number prints three digits that count, and no fraction from 100 up or where there is none.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.Abs(v) >= 100 || v != 0 && v == math.Trunc(v):
		return group(fmt.Sprintf("%.0f", v))
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// group puts commas between thousands.
func group(digits string) string {
	var b strings.Builder
	for i, c := range digits {
		if i > 0 && digits[i-1] != '-' && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
