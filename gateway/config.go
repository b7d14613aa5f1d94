package gateway

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/gateway/event"
	"github.com/hubbub-dev/hubbub/internal/settings"
)

// Config says what a [Gateway] is made of. It is read once, by [New]. Its zero value is a gateway with all defaults, which
// [DefaultConfig] returns and docs/configuration.md lists; -1 stands for what that page calls off. [Load] makes one from a
// file, variables and flags.
type Config struct {
	// Addr is the TCP address to listen on, "host:port"; "" means ":8080". Without a host it means every address of the
	// machine, in development mode the loopback address only. Port 0 takes any free port.
	Addr string `koanf:"addr"`
	// Dev is development mode: anyone connects under any name, pages of loopback hosts on any port and of the origin
	// "null" may connect, and the demo chat is at /. Without it New needs a way to tell who connects; see [ErrNoKeys].
	Dev  bool   `koanf:"dev"`
	Node string `koanf:"node"` // the name of this node; "" means a random one

	TLS   TLSConfig   `koanf:"tls"`
	Paths PathsConfig `koanf:"paths"`
	// Origins lists the pages that may connect and call; see ws.Options.Origins for how to write them.
	Origins        []string       `koanf:"origins"`
	TrustedProxies []netip.Prefix `koanf:"trusted_proxies"` // whose forwarding headers are believed
	CORS           CORSConfig     `koanf:"cors"`
	Compression    string         `koanf:"compression"` // "off", "shared" or "takeover"; "" means off

	Auth    AuthConfig    `koanf:"auth"`
	API     APIConfig     `koanf:"api"`
	Store   StoreConfig   `koanf:"store"`
	Redis   RedisConfig   `koanf:"redis"`
	Rooms   []RoomConfig  `koanf:"rooms"` // the first that matches holds; empty means one with all defaults for all rooms
	Private PrivateConfig `koanf:"private"`
	Inbox   InboxConfig   `koanf:"inbox"`
	Devices DevicesConfig `koanf:"devices"`

	Backends []BackendConfig `koanf:"backends"`
	Hooks    []HookConfig    `koanf:"hooks"` // the first that fits is asked
	BFF      BFFConfig       `koanf:"bff"`
	Events   []event.Rule    `koanf:"events"`
	Webhooks []WebhookConfig `koanf:"webhooks"`

	Limits    LimitsConfig    `koanf:"limits"`
	Heartbeat HeartbeatConfig `koanf:"heartbeat"`
	Presence  PresenceConfig  `koanf:"presence"`
	Shutdown  ShutdownConfig  `koanf:"shutdown"`
	Metrics   MetricsConfig   `koanf:"metrics"`
	Log       LogConfig       `koanf:"log"`

	// Logger gets what operators want to know; nil means one to standard error as Log says.
	Logger *slog.Logger `koanf:"-"`
}

// Size is a number of bytes. In files it has a unit, such as 64KiB.
type Size = settings.Size

// TLSConfig names the files of a certificate. Both are empty, or both are set.
type TLSConfig struct {
	Cert string `koanf:"cert"` // PEM, with the intermediate certificates
	Key  string `koanf:"key"`  // PEM
}

// PathsConfig says where things are served.
type PathsConfig struct {
	WebSocket []string `koanf:"websocket"` // nil means /ws and /websocket
}

// AuthConfig says who may sign in, how, and how others are refused.
type AuthConfig struct {
	auth.Config `koanf:",squash"`
	Refuse      string `koanf:"refuse"` // "status" or "close"
}

// CORSConfig is about HTTP calls by pages of Config.Origins.
type CORSConfig struct {
	Credentials bool          `koanf:"credentials"` // let them send cookies
	MaxAge      time.Duration `koanf:"max_age"`     // how long browsers remember the answer; 0 means 10 min
}

// APIConfig is about the HTTP API for backends.
type APIConfig struct {
	Keys []APIKeyConfig `koanf:"keys"`
	File string         `koanf:"file"` // more keys, read again when it changes; "" means none
	Rate RateConfig     `koanf:"rate"` // of each key
}

// APIKeyConfig is one key of a backend.
type APIKeyConfig struct {
	Name   string   `koanf:"name"`   // for logs, and as the author of what is sent with it
	Key    string   `koanf:"key"`    // the key itself, or
	Hash   string   `koanf:"hash"`   // its SHA-256, in hex
	Scopes []string `koanf:"scopes"` // what it may do; empty means everything
}

// StoreConfig says where what must last is kept: in a file of this node's own, or in a database that several nodes share.
type StoreConfig struct {
	Path     string `koanf:"path"`      // a file, relative to the working directory; "" means hubbub.db, or none with URL; [NoStore] means none
	MaxBatch int    `koanf:"max_batch"` // writes that share one commit at most, in a file
	URL      string `koanf:"url"`       // of a PostgreSQL database, in place of Path; "" means none
	MaxConns int    `koanf:"max_conns"` // to the database
}

// RedisConfig says where nodes share what is live. Without a URL this node is alone.
type RedisConfig struct {
	URL              string         `koanf:"url"` // "redis://…", "rediss://…", or with "+sentinel" or "+cluster" behind that; "" means none
	Username         string         `koanf:"username"`
	Password         string         `koanf:"password"`
	SentinelUsername string         `koanf:"sentinel_username"`
	SentinelPassword string         `koanf:"sentinel_password"`
	TLS              RedisTLSConfig `koanf:"tls"`
	Prefix           string         `koanf:"prefix"` // of all keys and channels
}

// RedisTLSConfig is about connections to Redis by TLS.
type RedisTLSConfig struct {
	CA   string `koanf:"ca"`   // PEM file of who signs the servers' certificates; "" means the system's
	Cert string `koanf:"cert"` // PEM file of the gateway's own certificate, for servers that ask for one
	Key  string `koanf:"key"`  // PEM file of its private key
}

// NoStore is the path of no store: everything is in memory.
const NoStore = "off"

// InboxConfig is about what is published into the inboxes of users. Without a store there are none.
type InboxConfig struct {
	Expire    time.Duration `koanf:"expire"`     // of notices whose publisher says nothing of it
	MaxNotice Size          `koanf:"max_notice"` // of the content of a notice, as JSON
}

// RoomConfig says how the rooms whose names match a glob behave.
type RoomConfig struct {
	Match        string        `koanf:"match"`
	Join         string        `koanf:"join"`   // "anyone", "member", "token" or "backend"
	Send         string        `koanf:"send"`   // the same
	Create       bool          `koanf:"create"` // who adds themself first is the owner
	History      HistoryConfig `koanf:"history"`
	HidePresence bool          `koanf:"hide_presence"`
	Quiet        bool          `koanf:"quiet"`  // nobody is told who comes and goes
	Slow         string        `koanf:"slow"`   // "close", "drop-oldest" or "latest"
	Report       bool          `koanf:"report"` // messages are told to webhooks
	MaxMessage   Size          `koanf:"max_message"`
	Rate         RateConfig    `koanf:"rate"`
}

// HistoryConfig says how much of a room is kept.
type HistoryConfig struct {
	// Kind is "memory", "durable" or "none"; "" means durable, or memory without a store. What 0 means for the other fields
	// depends on it.
	Kind     string        `koanf:"kind"`
	Messages int           `koanf:"messages"`
	Size     Size          `koanf:"size"`
	Age      time.Duration `koanf:"age"`
}

// RateConfig is a limit on how often something may happen.
type RateConfig struct {
	PerSecond float64 `koanf:"per_second"` // in the long run
	Burst     int     `koanf:"burst"`      // at once
}

// PrivateConfig is about messages between two users.
type PrivateConfig struct {
	History    PrivateHistoryConfig `koanf:"history"`
	MaxMessage Size                 `koanf:"max_message"`
	Rate       RateConfig           `koanf:"rate"`
	Report     bool                 `koanf:"report"` // messages are told to webhooks
}

// PrivateHistoryConfig says how much of each pair of users is kept.
type PrivateHistoryConfig struct {
	Kind     string        `koanf:"kind"` // "memory" or "durable"; "" means durable, or memory without a store
	Messages int           `koanf:"messages"`
	Size     Size          `koanf:"size"`
	Age      time.Duration `koanf:"age"`
}

// DevicesConfig says how many devices a user may use at once.
type DevicesConfig struct {
	Limit    int    `koanf:"limit"`
	Per      string `koanf:"per"`       // "user" or "platform"
	OnExceed string `koanf:"on_exceed"` // "replace" or "refuse"
}

// HeartbeatConfig says when a silent conn is given up.
type HeartbeatConfig struct {
	Ping    time.Duration `koanf:"ping"`    // silence after which it is pinged
	Timeout time.Duration `koanf:"timeout"` // silence after the ping that ends it
}

// PresenceConfig is about who is online.
type PresenceConfig struct {
	Grace   time.Duration `koanf:"grace"`    // how long a user without session counts as online
	Lease   time.Duration `koanf:"lease"`    // how long a node that is not heard of counts as alive
	ListAll bool          `koanf:"list_all"` // every session may list all who are online
}

// ShutdownConfig is about the end of the process.
type ShutdownConfig struct {
	Timeout time.Duration `koanf:"timeout"` // after which what is left is cut
	Window  time.Duration `koanf:"window"`  // over which clients come back; they are closed during half of it
}

// MetricsConfig is about figures for Prometheus.
type MetricsConfig struct {
	Addr string `koanf:"addr"` // an address of their own, "" for the gateway's
	Path string `koanf:"path"`
}

// LogConfig is about the log on standard error.
type LogConfig struct {
	Level  string `koanf:"level"`  // "debug", "info", "warn" or "error"
	Format string `koanf:"format"` // "text" or "json"
}

// LimitsConfig bounds what clients may use.
type LimitsConfig struct {
	// Of one conn.
	Message       Size          `koanf:"message"`        // what one message may have
	Frames        int           `koanf:"frames"`         // into which it may be split
	Pending       Size          `koanf:"pending"`        // what may wait to be sent
	HandshakeTime time.Duration `koanf:"handshake_time"` // for the headers of a request
	Header        Size          `koanf:"header"`         // all headers of a request

	// Of one session.
	RoomsPerSession    int        `koanf:"rooms_per_session"`
	WatchesPerSession  int        `koanf:"watches_per_session"`
	KeptPerUser        Size       `koanf:"kept_per_user"`   // in memory of what one user has sent, in all rooms and conversations
	StoredPerUser      Size       `koanf:"stored_per_user"` // in the store
	SmallRoom          int        `koanf:"small_room"`      // larger ones have neither receipts nor typing, and nobody is told who comes and goes
	RequestsPerSession RateConfig `koanf:"requests_per_session"`

	// Of one user.
	ConnectionsPerUser int        `koanf:"connections_per_user"`
	RequestsPerUser    RateConfig `koanf:"requests_per_user"`

	// Of one address, or one /64 network of IPv6. They do not hold in development mode, where all come from one address.
	ConnectionsPerAddress int        `koanf:"connections_per_address"`
	HandshakesPerAddress  RateConfig `koanf:"handshakes_per_address"`
	RequestsPerAddress    RateConfig `koanf:"requests_per_address"`
}
