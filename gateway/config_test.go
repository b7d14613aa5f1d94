package gateway_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// TestConfigurationPage compares the reference in the documentation with the table in the code.
func TestConfigurationPage(t *testing.T) {
	const page, heading = "../docs/configuration.md", "-update -->\n\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	prose, reference, found := strings.Cut(string(text), heading)
	if !found {
		t.Fatalf("%s has no line that ends with %q", page, heading)
	}
	want := gateway.ConfigReference()
	if reference == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the table says; run: go test ./gateway -run TestConfigurationPage -update", page)
	}
	if err := os.WriteFile(page, []byte(prose+heading+want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// write writes a configuration file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hubbub.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDefaultFileIsTheDefaults(t *testing.T) {
	text := gateway.DefaultConfigFile()
	c, err := gateway.Load(gateway.ConfigSources{File: write(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	if want := gateway.DefaultConfig(); !reflect.DeepEqual(c.Config, want) {
		t.Errorf("got  %+v\nwant %+v", c.Config, want)
	}
}

// load loads a file without variables and flags.
func load(t *testing.T, text string) (gateway.Config, error) {
	t.Helper()
	c, err := gateway.Load(gateway.ConfigSources{File: write(t, text)})
	if err != nil {
		return gateway.Config{}, err
	}
	return c.Config, nil
}

// leaf is a setting in the struct.
type leaf struct {
	key string
	get func(reflect.Value) reflect.Value
	typ reflect.Type
}

// leaves finds all settings by their tags, but for lists of sections.
func leaves(typ reflect.Type, prefix string, get func(reflect.Value) reflect.Value) []leaf {
	var found []leaf
	for f := range typ.Fields() {
		tag := f.Tag.Get("koanf")
		inner := func(v reflect.Value) reflect.Value { return get(v).FieldByIndex(f.Index) }
		switch {
		case tag == "-":
		case tag == ",squash":
			found = append(found, leaves(f.Type, prefix, inner)...)
		case f.Type.Kind() == reflect.Struct:
			found = append(found, leaves(f.Type, prefix+tag+".", inner)...)
		case f.Type.Kind() != reflect.Slice || f.Type.Elem().Kind() != reflect.Struct || f.Type.Elem() == reflect.TypeFor[netip.Prefix]():
			found = append(found, leaf{prefix + tag, inner, f.Type})
		}
	}
	return found
}

// TestEverySettingComesByVariableAndFlag sets each by itself, and finds the value where it belongs and nothing else changed.
func TestEverySettingComesByVariableAndFlag(t *testing.T) {
	cert := testkit.SelfSigned(t)
	always := []string{"tls.cert=" + cert.CertFile, "tls.key=" + cert.KeyFile, "limits.message=60KiB"}
	values := map[string]string{
		"addr": "127.0.0.1:9", "tls.cert": cert.CertFile, "tls.key": cert.KeyFile, "paths.websocket": "/chat", "metrics.path": "/figures",
		"metrics.addr": "127.0.0.1:10", "private.history.kind": "memory", "origins": "https://a.example,null", "trusted_proxies": "10.0.0.0/8,192.0.2.7",
		"compression": "shared", "auth.refuse": "close", "devices.per": "platform", "devices.on_exceed": "refuse", "log.level": "debug",
		"log.format": "json", "limits.pending": "70KiB", "limits.header": "5KiB", "limits.requests_per_session.burst": "170",
		"store.url": "postgres://a:5432/b", "redis.url": "redis://a:6379", "redis.tls.cert": cert.CertFile, "redis.tls.key": cert.KeyFile,
		"redis.tls.ca": cert.CertFile,
	}
	// What makes sense only beside something else.
	beside := map[string]string{"store.url": "store: {url: 'postgres://base/b'}", "redis.url": "store: {path: off}"}
	byType := map[reflect.Type]string{
		reflect.TypeFor[string](): "x", reflect.TypeFor[bool](): "true", reflect.TypeFor[int](): "17", reflect.TypeFor[float64](): "1.5",
		reflect.TypeFor[time.Duration](): "11s", reflect.TypeFor[gateway.Size](): "33KiB", reflect.TypeFor[[]string](): "a,b",
	}
	all := leaves(reflect.TypeFor[gateway.Config](), "", func(v reflect.Value) reflect.Value { return v })
	if len(all) < 50 {
		t.Fatalf("found only %d settings", len(all))
	}
	for _, s := range all {
		value := values[s.key]
		if value == "" {
			value = byType[s.typ]
		}
		name := gateway.EnvPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
		base, err := gateway.Load(gateway.ConfigSources{File: write(t, beside[s.key]), Set: always})
		if err != nil {
			t.Fatal(err)
		}
		variable, err := gateway.Load(gateway.ConfigSources{File: write(t, beside[s.key]), Set: always, Environ: []string{name + "=" + value}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		flag, err := gateway.Load(gateway.ConfigSources{File: write(t, beside[s.key]), Set: always, Flags: []string{s.key + "=" + value}})
		if err != nil {
			t.Errorf("%s: %v", s.key, err)
			continue
		}
		a, b, c := s.get(reflect.ValueOf(&flag.Config).Elem()), s.get(reflect.ValueOf(&variable.Config).Elem()), s.get(reflect.ValueOf(&base.Config).Elem())
		fixed := slices.ContainsFunc(always, func(s2 string) bool { return strings.HasPrefix(s2, s.key+"=") })
		if !fixed && !reflect.DeepEqual(a.Interface(), b.Interface()) {
			t.Errorf("%s: by flag %v, by variable %v", s.key, a, b)
		}
		if !fixed && reflect.DeepEqual(a.Interface(), c.Interface()) {
			t.Errorf("%s: is %v as if it had not been set to %s", s.key, a, value)
		}
		a.Set(c)
		if s.key != "dev" && !reflect.DeepEqual(flag.Config, base.Config) {
			t.Errorf("%s changes something else, too", s.key)
		}
		if !strings.Contains(variable.Show(), "# "+name+"\n") && !fixed {
			t.Errorf("%s is not shown as the source", name)
		}
	}
}

const (
	aBackend      = "backends: [{name: a, url: 'http://a'}]\n"
	webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

func TestWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"address":               {"addr: 8080", ":1: addr: address \"8080\": write it as host:port or :port"},
		"port":                  {"addr: localhost:80800", ":1: addr: address \"localhost:80800\": there is no port 80800"},
		"metrics address":       {"metrics: {addr: ':8080'}", "metrics.addr: this is the gateway's own address"},
		"cert without key":      {"tls: {cert: x}", "tls.key: the file with the private key is missing"},
		"key without cert":      {"tls: {key: x}", "tls.cert: the file with the certificate is missing"},
		"no such cert":          {"tls: {key: x, cert: /does/not/exist}", "tls: the certificate cannot be loaded: open /does/not/exist"},
		"path":                  {"paths: {websocket: [ws]}", "paths.websocket[0]: \"ws\" is not a path"},
		"wildcard in path":      {"paths: {websocket: ['/{x}']}", "is not a path"},
		"root":                  {"paths: {websocket: [/]}", "\"/\" is the page of the gateway"},
		"path twice":            {"paths: {websocket: [/a, /a]}", "\"/a\" is taken by paths.websocket[0]"},
		"path of probe":         {"paths: {websocket: /healthz}", "\"/healthz\" is taken by the probe"},
		"path of API":           {"paths: {websocket: /api/ws}", "lies within what the gateway itself serves"},
		"path of metrics":       {"metrics: {path: /ws}", "is taken by metrics.path"},
		"no path":               {"paths: {websocket: []}", "paths.websocket: "},
		"origin":                {"origins: [https://a.com/b]", ":1: origins[0]: \"https://a.com/b\" has more than scheme, host and port"},
		"any origin":            {"origins: ['*']\ncors: {credentials: true}", ":2: cors.credentials: with the origin * any page"},
		"key without key":       {"api: {keys: [{name: a}]}", "api.keys[0]: the key is missing"},
		"key and hash":          {"api: {keys: [{name: a, key: aaaaaaaaaaaaaaaa, hash: b}]}", "key and hash are both set"},
		"short key":             {"api: {keys: [{name: a, key: hunter2}]}", "api.keys[0].key: the key is shorter than 16"},
		"hash":                  {"api: {keys: [{name: a, hash: abc}]}", "this is not a SHA-256 in hex"},
		"two keys":              {"api: {keys: [{name: a, key: aaaaaaaaaaaaaaaa}, {name: a, key: aaaaaaaaaaaaaaab}]}", "two keys have the name"},
		"name of key":           {"api: {keys: [{name: a b, key: aaaaaaaaaaaaaaaa}]}", "api.keys[0].name: the name \"a b\" must not contain"},
		"hidden rules":          {"rooms: [{match: '*'}, {match: a}]", "rooms[0].match: this fits all rooms"},
		"endless history":       {"rooms: [{match: a, history: {kind: memory, messages: off, size: off, age: off}}]", "rooms[0].history: messages, size and age are all off"},
		"endless by default":    {"store: {path: off}\nrooms: [{match: a, history: {messages: off, size: off, age: off}}]", ":2: rooms[0].history: messages"},
		"endless pairs":         {"private: {history: {kind: memory, messages: off, size: off, age: off}}", "private.history: messages, size and age are all off"},
		"large message":         {"rooms: [{match: a, max_message: 64KiB}]", "rooms[0].max_message: a message of 64KiB does not fit"},
		"durable room":          {"store: {path: off}\nrooms:\n- match: a\n  history: {kind: durable}", ":4: rooms[0].history.kind: there is no store"},
		"durable pairs":         {"store: {path: off}\nprivate: {history: {kind: durable}}", ":2: private.history.kind: there is no store, since store.path is off"},
		"join of members":       {"store: {path: off}\nrooms: [{match: a, join: member}]", ":2: rooms[0].join: nobody could be a member"},
		"send of members":       {"store: {path: off}\nrooms: [{match: a, send: member}]", ":2: rooms[0].send: nobody could be a member"},
		"new members":           {"store: {path: off}\nrooms: [{match: a, create: true}]", ":2: rooms[0].create: nobody could be a member"},
		"store in memory":       {"store: {path: ':memory:'}", ":1: store.path: \":memory:\" is not the name of a file"},
		"private none":          {"private: {history: {kind: none}}", "private.history.kind: \"none\" is not one of"},
		"large notice":          {"inbox: {max_notice: 1MiB}", ":1: inbox.max_notice: a notice of 1MiB could not be delivered"},
		"two backends":          {`backends: [{name: a, url: "http://a"}, {name: a, url: "http://b"}]`, "backends[1].name: two of them have the name"},
		"backend without URL":   {"backends: [{name: a}]", "backends[0].url: this is missing"},
		"password in URL":       {`backends: [{name: a, url: "http://u:hunter2@a"}]`, "backends[0]: backend \"a\": the url holds a user or a password"},
		"short secret":          {`backends: [{name: a, url: "http://a", secret: hunter2}]`, "backends[0]: backend \"a\": the secret has 7 bytes"},
		"hook to nobody":        {"hooks: [{on: connect, backend: a, path: /a}]", "hooks[0]: there is no backend \"a\""},
		"useless hook":          {aBackend + "hooks: [{on: connect, backend: a, path: /a}, {on: connect, backend: a, path: /b}]", "hooks[1]: it would never be asked"},
		"kind of hook":          {aBackend + "hooks: [{on: room.joni, backend: a, path: /a}]", "hooks[0].on: \"room.joni\" is not one of connect, room.join"},
		"route to nobody":       {"bff: {routes: [{name: a, proxy: {backend: b, path: /}}]}", "bff.routes[0]: bff route \"a\": part \"proxy\": there is no backend \"b\""},
		"two routes":            {aBackend + "bff: {routes: [{name: a, proxy: {backend: a, path: /}}, {name: a, proxy: {backend: a, path: /}}]}", "bff.routes[1].name: two of them"},
		"unknown reference":     {aBackend + `bff: {routes: [{name: a, parts: [{name: p, backend: a, path: "/{params.x}"}]}]}`, "bff.routes[0]: bff route \"a\": part \"p\": "},
		"part without path":     {aBackend + "bff: {routes: [{name: a, parts: [{name: p, backend: a}]}]}", "bff.routes[0].parts[0].path: this is missing"},
		"empty route":           {"bff: {routes: [{name: a}]}", "bff.routes[0]: bff route \"a\": it must have either parts or a proxy"},
		"bad jq":                {aBackend + `bff: {routes: [{name: a, proxy: {backend: a, path: /, pick: "{"}}]}`, "bff.routes[0]: bff route \"a\": part \"proxy\": pick: "},
		"unknown call":          {`events: [{type: a, do: [{call: POST /broadcats}]}]`, "events[0]: "},
		"event without call":    {"events: [{type: a, do: [{body: 1}]}]", "events[0].do[0].call: this is missing"},
		"batch of event":        {`events: [{type: a, do: [{call: POST /batch}]}]`, "/batch cannot be called by a rule"},
		"event without inbox":   {"store: {path: off}\nevents: [{type: a, do: [{call: POST /notices, body: {}}]}]", ":2: events[0]: "},
		"webhook without store": {"store: {path: off}\nwebhooks: [{name: a, url: 'https://a.example', secrets: [" + webhookSecret + "]}]", ":2: webhooks: deliveries could be lost: there is no store"},
		"report without store":  {"store: {path: off}\nrooms: [{match: a, report: true}]", ":2: rooms[0].report: webhooks could be lost: there is no store"},
		"private report":        {"store: {path: off}\nprivate: {report: true}", ":2: private.report: webhooks could be lost"},
		"private webhook":       {"webhooks: [{name: a, url: 'http://10.0.0.1', secrets: [" + webhookSecret + "]}]", "webhooks[0]: "},
		"webhook at home":       {"webhooks: [{name: a, url: 'http://localhost:1', secrets: [" + webhookSecret + "]}]", "webhooks[0]: its URL is one of this machine: to allow that set allow_private"},
		"secret of webhook":     {"webhooks: [{name: a, url: 'https://a.example', secrets: [hunter2]}]", "webhooks[0]: "},
		"two webhooks":          {"webhooks: [&w {name: a, url: 'https://a.example', secrets: [" + webhookSecret + "]}, *w]", "webhooks[1].name: two of them have the name"},
		"Redis with a file":     {"redis: {url: 'redis://:hunter2@a'}", ":1: redis.url: nodes that share Redis cannot share the file hubbub.db: set store.url"},
		"wrong Redis":           {"store: {path: off}\nredis: {url: 'http://:hunter2@a'}", ":2: redis.url: "},
		"braces in prefix":      {"store: {path: off}\nredis: {url: 'redis://a', prefix: 'a{b}'}", ":2: redis.prefix: "},
		"TLS without TLS":       {"store: {path: off}\nredis: {url: 'redis://a', tls: {ca: x}}", ":2: redis.tls: redis.url says that Redis is reached without TLS"},
		"no CA of Redis":        {"store: {path: off}\nredis: {url: 'rediss://a', tls: {ca: /does/not/exist}}", "read redis.tls.ca: open /does/not/exist"},
		"cert of Redis":         {"store: {path: off}\nredis: {url: 'rediss://a', tls: {cert: x}}", "redis.tls.key: the file with the private key is missing"},
		"two stores":            {"store: {path: a.db, url: 'postgres://u:hunter2@a/b'}", ":1: store.url: store.path is set, too"},
		"no store but a URL":    {"store: {path: off, url: 'postgres://u:hunter2@a/b'}", ":1: store.url: store.path is set, too"},
		"store elsewhere":       {"store: {url: 'mysql://u:hunter2@a/b'}", ":1: store.url: write it as postgres://"},
		"odd store":             {"store: {url: 'postgres://u:hunter2@a:b/b'}", ":1: store.url: the URL of the store cannot be read"},
		"raw / in a password":   {"store: {url: 'postgres://u:1/hunter2@a/b'}", "in a password encoded (@ as %40, : as %3A, / as %2F"},
		"short lease":           {"presence: {lease: 10ms}", ":1: presence.lease: this must be at least 1s"},
		"short heartbeat":       {"heartbeat: {ping: 10ms, timeout: 1ms}", "heartbeat.ping: this must be at least 1s"},
		"long window":           {"shutdown: {window: 1h}", "shutdown.window: this must be shorter than shutdown.timeout (25s)"},
		"small header":          {"limits: {header: 1KiB}", "limits.header: browsers with cookies need more"},
		"small pending":         {"limits: {pending: 1KiB}", "limits.pending: this must be at least limits.message (64KiB)"},
		"wrong name":            {"limits: {mesage: 1KiB}", "limits.mesage: there is no such setting; did you mean message?"},
		"wrong word":            {"devices: {on_exceed: refus}", "did you mean refuse?"},
		"message and frame":     {"limits: {message: 0}", "limits.message: \"0\" is not greater than zero"},
	} {
		_, err := load(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestProblemsOfShapeAndOfSenseAreToldTogether(t *testing.T) {
	_, err := load(t, "heartbeat:\n  ping: soon\nshutdown:\n  window: 1h\nrooms:\n  - join: anyone\n")
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestConfigMadeByAProgramIsChecked(t *testing.T) {
	_, err := gateway.New(gateway.Config{Dev: true, Compression: "some", Limits: gateway.LimitsConfig{Frames: -1}})
	for _, want := range []string{`compression: "some" is not one of`, "limits.frames: this must be greater than zero"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestVerifyLooksAtKeys(t *testing.T) {
	for text, want := range map[string]string{
		"": "auth.keys", "dev: true": "", "{dev: true, store: {path: /does/not/exist/hubbub.db}}": "store.path: there is no directory /does/not/exist", "auth: {anonymous: true}": "", "auth: {keys: [{secret: hunter2}]}": "it needs 32",
		"auth: {keys: [{file: /does/not/exist}]}":                      "/does/not/exist",
		"auth: {keys: [{secret: 0123456789abcdef0123456789abcdefxx}]}": "",
	} {
		c, err := load(t, text)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Verify()
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestTwoLines has somebody outgrow one process.
func TestTwoLines(t *testing.T) {
	text := "store: {url: 'postgres://ann:hunter2@db/hubbub'}\nredis: {url: 'redis://:hunter2@redis'}\n"
	// The image names a file by the variable.
	for _, environ := range [][]string{nil, {"HUBBUB_STORE_PATH=/var/lib/hubbub/hubbub.db"}} {
		c, err := gateway.Load(gateway.ConfigSources{File: write(t, text), Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		if c.Store.Path != "" || c.HubOptions().Private.History != hubbub.HistoryDurable {
			t.Errorf("the store is %+v", c.Store)
		}
		if strings.Contains(c.Show(), "hunter2") {
			t.Error("the password is shown")
		}
	}
	secret := write(t, "postgres://ann:hunter2@db/hubbub\n")
	c, err := gateway.Load(gateway.ConfigSources{File: write(t, "store: {url_file: "+secret+"}"), Environ: []string{"HUBBUB_REDIS_URL=redis://redis"}})
	if err != nil || c.Store.URL != "postgres://ann:hunter2@db/hubbub" || c.Redis.URL != "redis://redis" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestFileIsFound(t *testing.T) {
	named := write(t, "node: named")
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		sources gateway.ConfigSources
		want    string
	}{
		{gateway.ConfigSources{}, ""},
		{gateway.ConfigSources{Environ: []string{"HUBBUB_CONFIG=" + named}}, "named"},
		{gateway.ConfigSources{File: named, Environ: []string{"HUBBUB_CONFIG=/does/not/exist"}}, "named"},
		{gateway.ConfigSources{File: named, Environ: []string{"HUBBUB_TOKEN=x", "HUBBUB_URL=x", "HUBBUB_API_KEY=x"}}, "named"},
	} {
		got, err := gateway.Load(c.sources)
		if err != nil || got.Node != c.want {
			t.Errorf("%+v: got %+v, %v", c.sources, got, err)
		}
	}
	if err := os.WriteFile(gateway.ConfigFile, []byte("node: here"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := gateway.Load(gateway.ConfigSources{}); err != nil || got.Node != "here" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHubOptions(t *testing.T) {
	c, err := load(t, `
node: n1
rooms:
  - match: "team:*"
    join: token
    send: backend
    history: {kind: memory, messages: 5, size: off, age: 1h}
    slow: latest
    quiet: true
  - match: "for-ever:*"
    join: member
    create: true
    history: {age: off}
  - match: "*"
    history: {kind: none}
devices: {limit: 2, per: platform, on_exceed: refuse}
limits: {connections_per_user: 9, small_room: 7}
presence: {grace: off, list_all: true}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := c.HubOptions()
	const day = 24 * time.Hour
	private := hubbub.PrivateRule{History: hubbub.HistoryDurable, Retention: hubbub.Retention{Age: 365 * day}, MaxMessage: 16 << 10,
		Rate: hubbub.Rate{PerSecond: 10, Burst: 20}}
	want := hubbub.Options{
		Node: "n1", Private: private, Devices: hubbub.DeviceLimit{Max: 2, PerPlatform: true, Refuse: true, Sessions: 9},
		Limits: hubbub.Limits{RoomsPerSession: 100, WatchesPerSession: 1000, SmallRoom: 7}, ListPresence: true, Grace: -1, Lease: 10 * time.Second,
		Rooms: []hubbub.RoomRule{
			{Match: "team:*", Join: hubbub.AccessToken, Send: hubbub.AccessBackend, Retention: hubbub.Retention{Messages: 5, Age: time.Hour},
				Quiet: true, Slow: hubbub.SlowLatest, MaxMessage: 16 << 10, Rate: hubbub.Rate{PerSecond: 10, Burst: 20}},
			{Match: "for-ever:*", Join: hubbub.AccessMember, Create: true, History: hubbub.HistoryDurable,
				Retention: hubbub.Retention{Age: 36500 * day}, MaxMessage: 16 << 10, Rate: hubbub.Rate{PerSecond: 10, Burst: 20}},
			{Match: "*", History: hubbub.HistoryNone, MaxMessage: 16 << 10, Rate: hubbub.Rate{PerSecond: 10, Burst: 20}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	memory := gateway.Config{Store: gateway.StoreConfig{Path: gateway.NoStore}}.HubOptions()
	kept := hubbub.Retention{Messages: 1000, Bytes: 4 << 20, Age: day}
	if want := []hubbub.RoomRule{{Match: "*", Retention: kept}}; !reflect.DeepEqual(memory.Rooms, want) {
		t.Errorf("without a store rooms are %+v", memory.Rooms)
	}
	if kept.Age = 7 * day; memory.Private.History != hubbub.HistoryMemory || memory.Private.Retention != kept {
		t.Errorf("without a store private messages are %+v", memory.Private)
	}
	empty := gateway.Config{}.HubOptions()
	everything := []hubbub.RoomRule{{Match: "*", History: hubbub.HistoryDurable, Retention: hubbub.Retention{Age: 365 * day}}}
	if !reflect.DeepEqual(empty.Rooms, everything) || empty.Devices != (hubbub.DeviceLimit{Sessions: 100}) {
		t.Errorf("defaults are %+v", empty)
	}
}

func TestBurstLetsAClientComeBack(t *testing.T) {
	_, err := gateway.Load(gateway.ConfigSources{File: write(t, "limits: {rooms_per_session: 300}\n")})
	if err == nil || !strings.Contains(err.Error(), "limits.requests_per_session.burst") {
		t.Errorf("300 rooms with the default burst: %v", err)
	}
	if _, err := gateway.Load(gateway.ConfigSources{Set: []string{"limits.rooms_per_session=150"}}); err != nil {
		t.Error(err)
	}
}
