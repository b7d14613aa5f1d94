package gateway

import (
	"sync"

	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/settings"
)

// EnvPrefix begins the names of all variables that are settings.
const EnvPrefix = "HUBBUB_"

// table is made on first use. It cannot fail: a test makes it, too.
var table = sync.OnceValue(func() *settings.Table {
	t, err := settings.New(EnvPrefix, Config{}, entries())
	if err != nil {
		panic(err)
	}
	return t
})

// entries is the table of all settings. What is written here is what docs/configuration.md and hubbub config default say.
func entries() []settings.Entry {
	var all []settings.Entry
	for _, part := range [][]settings.Entry{serverEntries(), authEntries(), storeEntries(), chatEntries(), backendEntries(),
		routeEntries(), eventEntries(), webhookEntries(), limitEntries(), operationEntries()} {
		all = append(all, part...)
	}
	return all
}

func serverEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "addr", Default: ":8080", Doc: "The address to listen on, `host:port`. Without a host: every address of the machine; in " +
			"development mode only loopback."},
		{Key: "dev", Doc: "Development mode, for your own machine only: anyone may connect under any name with `?user=ann&device=d1`, " +
			"pages of loopback hosts and files may connect, limits per address do not hold, and the demo chat is at `/`."},
		{Key: "node", Doc: "The name of this node among others, in logs and in `hubbub nodes`. Each start adds something random to it. Empty means `node`."},
		{Key: "tls", Doc: "TLS by the gateway itself. Empty means none, for use behind a proxy that ends TLS. The files are read " +
			"again when they change; a broken new one is logged and the old certificate kept."},
		{Key: "tls.cert", Doc: "PEM file with the certificate, followed by the intermediate ones."},
		{Key: "tls.key", Doc: "PEM file with the private key."},
		{Key: "paths", Doc: "Where things are served."},
		{Key: "paths.websocket", Default: "[/ws, /websocket]", Doc: "The paths that accept WebSockets."},
		{Key: "origins", Doc: "Web origins whose pages may connect and call, besides those of the gateway's own host, such as " +
			"`https://app.example.com`, `https://*.example.com`, `http://localhost:*`, `null`, or `*` for any."},
		{Key: "trusted_proxies", Doc: "Networks of the proxies in front of the gateway. Their `Forwarded` and `X-Forwarded-…` headers " +
			"are believed, nobody else's. Never list a network that clients connect from."},
		{Key: "cors", Doc: "HTTP calls (not WebSockets) by pages of the `origins` from other hosts."},
		{Key: "cors.credentials", Doc: "Let the pages send cookies and Basic credentials. Not together with the origin `*`."},
		{Key: "cors.max_age", Default: "10m", Doc: "How long browsers may remember what a preflight request allowed."},
		{Key: "compression", Default: "off", OneOf: []string{"off", "shared", "takeover"}, Doc: "permessage-deflate. It costs memory " +
			"and CPU for each connection. `shared` compresses a message once for all who get it; `takeover` compresses better, for " +
			"each connection by itself."},
	}
}

func authEntries() []settings.Entry {
	var scopes []string
	for _, s := range httpapi.Scopes() {
		scopes = append(scopes, string(s))
	}
	algorithms := []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
		"EdDSA"}
	return []settings.Entry{
		{Key: "auth", Doc: "Who may sign in, and how. At least `keys`, `basic.file`, `anonymous` or " +
			"a key in `api.keys` that may issue tickets is needed, except in development mode."},
		{Key: "auth.keys", Doc: "Keys that verify tokens (JWT). Each has exactly one of `secret`, `secret_base64`, `file` and `url`."},
		{Key: "auth.keys[].id", Doc: "Compared with the `kid` in a token's header. Empty fits every token. Keys of a JWK set have their own."},
		{Key: "auth.keys[].algorithm", OneOf: append([]string{""}, algorithms...), Doc: "The only algorithm that the key is good for. Empty " +
			"means HS256 for a secret, the one of its curve for an elliptic key, EdDSA for an Ed25519 key, any RS or PS for an RSA key."},
		{Key: "auth.keys[].secret", Secret: true, Doc: "A shared secret as text, at least 32 bytes."},
		{Key: "auth.keys[].secret_base64", Secret: true, Doc: "A shared secret in base64, such as `openssl rand -base64 32` prints."},
		{Key: "auth.keys[].file", Example: "/etc/hubbub/public.pem", Doc: "A PEM file with a public key, certificate or private key, or a " +
			"JWK or JWK set in JSON. It is read again when it changes."},
		{Key: "auth.keys[].url", Doc: "Where a JWK set is fetched from, `https://…/.well-known/jwks.json`."},
		{Key: "auth.keys[].refresh", Default: "15m", Doc: "How often the URL is fetched while nothing asks for it."},
		{Key: "auth.keys[].min_refresh", Default: "10s", Doc: "How long to wait between two fetches that tokens with unknown keys cause."},
		{Key: "auth.issuer", Doc: "What a token's `iss` must be. Empty means anything."},
		{Key: "auth.audience", Doc: "What a token's `aud` must name at least one of. Empty means anything."},
		{Key: "auth.leeway", Default: "10s", Off: "none", Doc: "How far the clocks of who signs tokens and of this machine may be apart."},
		{Key: "auth.cookie", Doc: "The name of the cookie that holds a token. Empty means that cookies are not looked at."},
		{Key: "auth.basic", Doc: "Sign-in by user and password."},
		{Key: "auth.basic.file", Doc: "A file as `htpasswd -B` writes it, bcrypt only. It is read again when it changes. Empty means that " +
			"passwords are not accepted."},
		{Key: "auth.basic.concurrency", Doc: "How many passwords are hashed at a time. Empty means as many as there are processors."},
		{Key: "auth.basic.queue", Doc: "How many sign-ins may wait for that; more are answered with 503. Empty means 16 for each at a time."},
		{Key: "auth.anonymous", Doc: "Let in who brings no credentials at all, under a random name."},
		{Key: "auth.refuse", Default: "status", OneOf: []string{"status", "close"}, Doc: "How a bad sign-in is refused: with an HTTP status " +
			"before the upgrade, or, since pages cannot see that, by an upgrade that is closed at once with a code such as 4503."},
		{Key: "api", Doc: "The HTTP API for backends, below `/api/v1`. Without keys it refuses everything."},
		{Key: "api.keys", Doc: "The keys of backends, sent as `Authorization: Bearer …`. Each has either `key` or `hash`."},
		{Key: "api.keys[].name", Required: true, Example: "billing", Doc: "Names the key in logs and as the author of what is sent " +
			"with it."},
		{Key: "api.keys[].key", Secret: true, Doc: "The key itself, at least 16 characters."},
		{Key: "api.keys[].hash", Doc: "The SHA-256 of the key in hex, perhaps after `sha256:`, as `printf %s KEY | sha256sum` prints it, so that the key " +
			"itself is not in the configuration. The key must be random."},
		{Key: "api.keys[].scopes", OneOf: scopes, Doc: "What the key may do. Empty means everything."},
		{Key: "api.file", Doc: "A file with more keys, as `hubbub apikey --file` writes it. It is read again when it changes, so that keys come and go " +
			"without a restart; what is wrong with it then is logged, and the keys that it had hold on."},
		{Key: "api.rate", Doc: "How often the holder of each name of a key may call."},
		{Key: "api.rate.per_second", Default: "1000", Off: "no limit", Doc: "Calls per second in the long run."},
		{Key: "api.rate.burst", Default: "2000", Doc: "Calls at once."},
	}
}

func accessKinds() []string { return []string{"anyone", "member", "token", "backend"} }

// emptyKind is what an empty kind of history means.
const emptyKind = "durable, or memory without a store"

func storeEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "store", Doc: "What must last: durable history, members of rooms, inboxes, and who was here. It is in a file, or in PostgreSQL, which " +
			"several nodes can share. docs/operations.md is about backups, restoring, full disks, and several nodes."},
		{Key: "store.path", Default: "hubbub.db", Doc: "The file, made if it is not there. Beside it are others that belong to it, " +
			"with `-wal`, `-shm` and `.lock` behind the name. `off` means that everything is in memory and lost with the process: there are no " +
			"inboxes and no members then. Not together with `store.url`, to which alone the variable `HUBBUB_STORE_PATH` gives way."},
		{Key: "store.max_batch", Default: "256", Doc: "How many of the writes that are waiting share one commit at most. With 1 each has its " +
			"own, which is as safe and much slower; it is there to be measured."},
		{Key: "store.url", Secret: true, Example: "postgres://hubbub:PASSWORD@db:5432/hubbub", Doc: "A PostgreSQL database (14 or newer) instead of the file: " +
			"`postgres://user:password@host:5432/database?sslmode=verify-full`. The tables are made in its schema `hubbub`. Several nodes share it if they also share `redis`; one alone needs no Redis, and keeps others away."},
		{Key: "store.max_conns", Default: "16", Doc: "Connections of this node to that database at most. All nodes together need fewer than its " +
			"`max_connections`."},
		{Key: "redis", Doc: "Redis 7 or Valkey, by which several nodes are one gateway: who is online, history in memory, and what is said to those at " +
			"other nodes. Everything that must last is then in PostgreSQL (`store.url`), or `store.path` is `off`. docs/operations.md is about several nodes."},
		{Key: "redis.url", Secret: true, Example: "redis://redis:6379", Doc: "Where it is: `redis://user:password@host:6379/0` or, with TLS, `rediss://…`; with " +
			"Sentinel `redis+sentinel://host1,host2/master?db=0`, as a Cluster `redis+cluster://host1,host2`. Empty means that this node is alone."},
		{Key: "redis.username", Doc: "The ACL user, if the URL names none."},
		{Key: "redis.password", Secret: true, Doc: "The password, if the URL has none."},
		{Key: "redis.sentinel_username", Doc: "The ACL user of the Sentinels."},
		{Key: "redis.sentinel_password", Secret: true, Doc: "The password of the Sentinels."},
		{Key: "redis.tls", Doc: "TLS to Redis, if the URL begins with `rediss`."},
		{Key: "redis.tls.ca", Doc: "PEM file of who signs the certificates of Redis. Empty means the system's."},
		{Key: "redis.tls.cert", Doc: "PEM file of the gateway's own certificate, for a Redis that asks for one."},
		{Key: "redis.tls.key", Doc: "PEM file with its private key."},
		{Key: "redis.prefix", Default: "hubbub:", Doc: "What the names of all keys and channels begin with. Gateways that are not the same one can share a Redis " +
			"by different prefixes."},
		{Key: "inbox", Doc: "Notices that are published into the inboxes of users. It needs a store."},
		{Key: "inbox.expire", Default: "90d", Off: "never", Doc: "How long a notice stays in an inbox unless who publishes it says " +
			"something else."},
		{Key: "inbox.max_notice", Default: "16KiB", Doc: "Bytes that a notice may have, as JSON."},
	}
}

func chatEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "rooms", Doc: "Rules for rooms. The first whose `match` fits a room's name holds; a room that fits none does not exist. " +
			"Without rules all rooms exist and have the defaults below."},
		{Key: "rooms[].match", Required: true, Example: `"team:*"`, Doc: "Glob of room names: `*` stands for any characters."},
		{Key: "rooms[].join", Default: "anyone", OneOf: accessKinds(), Doc: "Who may join and see what is said: anyone who is signed " +
			"in, members of the room, those whose token permits it, or only backends. Members need a store."},
		{Key: "rooms[].send", Default: "anyone", OneOf: accessKinds(), Doc: "Who of those in the room may send."},
		{Key: "rooms[].create", Doc: "Any session may begin the list of members of such a room by adding its own user, who is the owner " +
			"then, unless the room is for members and messages of earlier ones are kept. Otherwise a backend adds the first member."},
		{Key: "rooms[].history", Doc: "How much of the room is kept, for those who come late or back."},
		{Key: "rooms[].history.kind", Empty: emptyKind, OneOf: []string{"", "memory", "durable", "none"}, Doc: "Where it is kept: in " +
			"memory, as long as the process runs, or in the store, where a message is when its sender is told that it is accepted. With " +
			"`none` nothing is kept and messages have no positions."},
		{Key: "rooms[].history.messages", Empty: "1000 in memory, no limit if durable", Off: "no limit", Doc: "Messages that are kept."},
		{Key: "rooms[].history.size", Empty: "4MiB in memory, no limit if durable", Off: "no limit", Doc: "Bytes that are kept."},
		{Key: "rooms[].history.age", Empty: "1d in memory, 365d if durable", Off: "no limit", Doc: "How long a message is kept."},
		{Key: "rooms[].hide_presence", Doc: "Nobody may ask who is in the room, nor is told who comes and goes."},
		{Key: "rooms[].quiet", Doc: "Nobody is told who comes and goes. For rooms with thousands of people."},
		{Key: "rooms[].slow", Default: "close", OneOf: []string{"close", "drop-oldest", "latest"}, Doc: "What happens to somebody who " +
			"reads too slowly: the connection is closed and may recover, the oldest messages are skipped, or all but the newest of " +
			"each collapse key."},
		{Key: "rooms[].report", Doc: "Each message is told to the `webhooks` as `message.sent`. It needs a store."},
		{Key: "rooms[].max_message", Default: "16KiB", Doc: "Bytes that a message's data may have."},
		{Key: "rooms[].rate", Doc: "How often one session may send to the room."},
		{Key: "rooms[].rate.per_second", Default: "10", Off: "no limit", Doc: "Messages per second in the long run."},
		{Key: "rooms[].rate.burst", Default: "20", Doc: "Messages at once."},
		{Key: "private", Doc: "Messages between two users."},
		{Key: "private.history", Doc: "How much of each pair of users is kept."},
		{Key: "private.history.kind", Empty: emptyKind, OneOf: []string{"", "memory", "durable"}, Doc: "Where it is kept: in memory, as " +
			"long as the process runs, or in the store."},
		{Key: "private.history.messages", Empty: "1000 in memory, no limit if durable", Off: "no limit", Doc: "Messages that are kept."},
		{Key: "private.history.size", Empty: "4MiB in memory, no limit if durable", Off: "no limit", Doc: "Bytes that are kept."},
		{Key: "private.history.age", Empty: "7d in memory, 365d if durable", Off: "no limit", Doc: "How long a message is kept."},
		{Key: "private.max_message", Default: "16KiB", Doc: "Bytes that a message's data may have."},
		{Key: "private.report", Doc: "Each message is told to the `webhooks` as `message.sent`. It needs a store."},
		{Key: "private.rate", Doc: "How often one session may send private messages."},
		{Key: "private.rate.per_second", Default: "10", Off: "no limit", Doc: "Messages per second in the long run."},
		{Key: "private.rate.burst", Default: "20", Doc: "Messages at once."},
		{Key: "devices", Doc: "How many devices a user may use at once. Tabs of one browser are one device."},
		{Key: "devices.limit", Default: "off", Off: "no limit", Doc: "The number of devices. In development mode 1 unless set."},
		{Key: "devices.per", Default: "user", OneOf: []string{"user", "platform"}, Doc: "Whether the limit counts all devices of a user, " +
			"or those of each platform (`web`, `ios`, …) by themselves."},
		{Key: "devices.on_exceed", Default: "replace", OneOf: []string{"replace", "refuse"}, Doc: "Who gives way when there is one too " +
			"many: the device that came first is logged out, or the new one is refused."},
	}
}

func limitEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "limits", Doc: "What clients may use. Each limit has an error that names it."},
		{Key: "limits.message", Default: "64KiB", Doc: "Bytes of one request. Larger ones close with 1009."},
		{Key: "limits.frames", Default: "1024", Doc: "Frames that one request may be split into. More close with 1009."},
		{Key: "limits.pending", Default: "1MiB", Doc: "Bytes that may wait for a client that reads slowly. More close with 4002."},
		{Key: "limits.handshake_time", Default: "10s", Doc: "How long the headers of a request may take."},
		{Key: "limits.header", Default: "64KiB", Doc: "Bytes of all headers of a request. More are answered with 431."},
		{Key: "limits.rooms_per_session", Default: "100", Doc: "Rooms that a session may be in at once."},
		{Key: "limits.watches_per_session", Default: "1000", Doc: "Users whose presence a session may watch at once."},
		{Key: "limits.small_room", Default: "100", Doc: "Rooms with more people than this have neither receipts nor typing, and nobody is told " +
			"who comes and goes."},
		{Key: "limits.requests_per_session", Doc: "Requests of one session."},
		{Key: "limits.requests_per_session.per_second", Default: "100", Off: "no limit", Doc: "In the long run."},
		{Key: "limits.requests_per_session.burst", Default: "200", Doc: "At once."},
		{Key: "limits.kept_per_user", Default: "64MiB", Off: "no limit", Doc: "What is kept in memory of what one user has sent, in all rooms and " +
			"conversations; each message counts 512 bytes more. Over it the user can send only where nothing is kept, until something has expired."},
		{Key: "limits.stored_per_user", Default: "1GiB", Off: "no limit", Doc: "What is kept in the store of the messages that one user has sent, in all " +
			"rooms and conversations; each message counts 256 bytes more. Over it the user can send only where nothing is stored, until something has expired."},
		{Key: "limits.connections_per_user", Default: "100", Off: "no limit", Doc: "Connections of one user. One too many is refused."},
		{Key: "limits.requests_per_user", Doc: "Requests of all sessions of one user on this node."},
		{Key: "limits.requests_per_user.per_second", Default: "200", Off: "no limit", Doc: "In the long run."},
		{Key: "limits.requests_per_user.burst", Default: "400", Doc: "At once."},
		{Key: "limits.connections_per_address", Default: "1000", Off: "no limit", Doc: "Connections from one address. IPv6 addresses count " +
			"by their /64 network. Behind a proxy this needs `trusted_proxies`."},
		{Key: "limits.handshakes_per_address", Doc: "New connections, and attempts, from one address. A wrong password counts as ten."},
		{Key: "limits.handshakes_per_address.per_second", Default: "20", Off: "no limit", Doc: "In the long run."},
		{Key: "limits.handshakes_per_address.burst", Default: "200", Doc: "At once."},
		{Key: "limits.requests_per_address", Doc: "Requests of all sessions from one address on this node."},
		{Key: "limits.requests_per_address.per_second", Default: "1000", Off: "no limit", Doc: "In the long run."},
		{Key: "limits.requests_per_address.burst", Default: "4000", Doc: "At once."},
	}
}

func operationEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "heartbeat", Doc: "When a silent connection is given up: after `ping` and `timeout` together."},
		{Key: "heartbeat.ping", Default: "25s", Doc: "Silence after which a client is pinged. At least 1s. Proxies must wait longer " +
			"than this."},
		{Key: "heartbeat.timeout", Default: "10s", Doc: "Silence after the ping that ends the connection. At least 1s."},
		{Key: "presence", Doc: "Who is online."},
		{Key: "presence.grace", Default: "5s", Off: "none", Doc: "How long a user without connection still counts as online, so that a " +
			"reload does not flicker."},
		{Key: "presence.lease", Default: "10s", Doc: "How long a node that the others do not hear of counts as alive, with all of its sessions. It is " +
			"renewed three times as often. At least 1s, and the same on all nodes."},
		{Key: "presence.list_all", Doc: "Every session may list all who are online. Otherwise only the rooms that it is in."},
		{Key: "shutdown", Doc: "What happens on SIGTERM: no new connections, clients are told, then closed in stages."},
		{Key: "shutdown.timeout", Default: "25s", Doc: "After this everything that is left is cut. Give the process longer than that " +
			"(`terminationGracePeriodSeconds` in Kubernetes)."},
		{Key: "shutdown.window", Default: "10s", Off: "at once", Doc: "Over how long clients come back, so that they do not all come at " +
			"once. They are closed during the first half of it. Shorter than `shutdown.timeout`. In development mode it is off unless set."},
		{Key: "metrics", Doc: "Figures for Prometheus."},
		{Key: "metrics.addr", Doc: "An address of their own for the figures, `host:port`, that the world cannot reach. Empty means " +
			"the gateway's own."},
		{Key: "metrics.path", Default: "/metrics", Doc: "The path of the figures."},
		{Key: "log", Doc: "The log, on standard error. It has no tokens, passwords, tickets or keys."},
		{Key: "log.level", Default: "info", OneOf: []string{"debug", "info", "warn", "error"}, Doc: "The least that is logged. `debug` " +
			"has a line for each HTTP request."},
		{Key: "log.format", Default: "text", OneOf: []string{"text", "json"}, Doc: "The form of a line."},
	}
}
