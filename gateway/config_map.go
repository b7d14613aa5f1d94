package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/ws"
)

// hubOptions are the domain's part of a filled config, without driver.
func (c *Config) hubOptions(logger *slog.Logger) hubbub.Options {
	o := hubbub.Options{
		Node:    c.Node,
		Private: c.privateRule(),
		Devices: hubbub.DeviceLimit{
			Max:         max(c.Devices.Limit, 0),
			PerPlatform: c.Devices.Per == "platform",
			Refuse:      c.Devices.OnExceed == "refuse",
			Sessions:    max(c.Limits.ConnectionsPerUser, 0),
		},
		Limits: hubbub.Limits{
			RoomsPerSession:   c.Limits.RoomsPerSession,
			WatchesPerSession: c.Limits.WatchesPerSession,
			SmallRoom:         c.Limits.SmallRoom,
		},
		ListPresence: c.Presence.ListAll,
		Grace:        c.Presence.Grace,
		Lease:        c.Presence.Lease,
		Logger:       logger,
	}
	rooms := c.Rooms
	if len(rooms) == 0 {
		rooms = []RoomConfig{{Match: "*"}}
	}
	for _, r := range rooms {
		o.Rooms = append(o.Rooms, r.rule(c.stores()))
	}
	return o
}

// stores tells whether there is a store.
func (c *Config) stores() bool { return c.Store.URL != "" || c.Store.Path != NoStore }

func (c *Config) privateRule() hubbub.PrivateRule {
	h := HistoryConfig(c.Private.History)
	kind := h.kind(c.stores())
	return hubbub.PrivateRule{
		History:    kind,
		Retention:  h.retention(kind, 7*day),
		MaxMessage: int(c.Private.MaxMessage),
		Rate:       hubbub.Rate(c.Private.Rate),
		Report:     c.Private.Report,
	}
}

func (r RoomConfig) rule(stores bool) hubbub.RoomRule {
	kind := r.History.kind(stores)
	return hubbub.RoomRule{
		Match:        r.Match,
		Join:         accessOf(r.Join),
		Send:         accessOf(r.Send),
		Create:       r.Create,
		History:      kind,
		Retention:    r.History.retention(kind, day),
		HidePresence: r.HidePresence,
		Quiet:        r.Quiet,
		Slow: map[string]hubbub.SlowPolicy{
			"close": hubbub.SlowClose, "drop-oldest": hubbub.SlowDropOldest, "latest": hubbub.SlowLatest,
		}[r.Slow],
		MaxMessage: int(r.MaxMessage),
		Rate:       hubbub.Rate(r.Rate),
		Report:     r.Report,
	}
}

func accessOf(s string) hubbub.Access {
	return map[string]hubbub.Access{
		"anyone": hubbub.AccessAnyone, "member": hubbub.AccessMember, "token": hubbub.AccessToken, "backend": hubbub.AccessBackend,
	}[s]
}

// kind is the one that holds. What is in memory is lost with the process, so that the default is durable where it can be.
func (h HistoryConfig) kind(stores bool) hubbub.HistoryKind {
	switch {
	case h.Kind == "none":
		return hubbub.HistoryNone
	case h.Kind == "durable", h.Kind == "" && stores:
		return hubbub.HistoryDurable
	}
	return hubbub.HistoryMemory
}

// How long messages are kept unless a setting says it.
const (
	day         = 24 * time.Hour
	durableAge  = 365 * day
	forEver     = 100 * 365 * day // a retention without any limit would be the zero value, which is the default
	memoryCount = 1000
	memorySize  = 4 << 20
)

// retention takes what is off for no limit, which is 0 in the domain. Memory is scarce and messages there are for those who come
// back soon; a disk is large, and only age says what nobody reads any more. memoryAge is the default in memory.
func (h HistoryConfig) retention(kind hubbub.HistoryKind, memoryAge time.Duration) hubbub.Retention {
	switch kind {
	case hubbub.HistoryNone:
		return hubbub.Retention{}
	case hubbub.HistoryDurable:
		r := hubbub.Retention{Messages: max(h.Messages, 0), Bytes: int(max(h.Size, 0)), Age: max(cmp.Or(h.Age, durableAge), 0)}
		if r == (hubbub.Retention{}) {
			r.Age = forEver
		}
		return r
	}
	return hubbub.Retention{
		Messages: max(cmp.Or(h.Messages, memoryCount), 0),
		Bytes:    int(max(cmp.Or(h.Size, memorySize), 0)),
		Age:      max(cmp.Or(h.Age, memoryAge), 0),
	}
}

// socketOptions are the transport's part of a filled config. Subprotocols and headers are up to whoever speaks over it.
func (c *Config) socketOptions(logger *slog.Logger) ws.Options {
	return ws.Options{
		Origins:        c.Origins,
		TrustedProxies: c.TrustedProxies,
		MaxMessage:     int(c.Limits.Message),
		MaxFrames:      c.Limits.Frames,
		MaxPending:     int(c.Limits.Pending),
		Ping:           c.Heartbeat.Ping,
		PongTimeout:    c.Heartbeat.Timeout,
		Compression: ws.Compression{Mode: map[string]ws.CompressionMode{
			"shared": ws.CompressionShared, "takeover": ws.CompressionTakeover,
		}[c.Compression]},
		Logger: logger,
	}
}

// key is the key as the HTTP API knows it: by its hash. Without scopes it may do everything.
func (k APIKeyConfig) key() httpapi.Key {
	hash := "sha256:" + strings.TrimPrefix(k.Hash, "sha256:")
	if k.Key != "" {
		sum := sha256.Sum256([]byte(k.Key))
		hash = "sha256:" + hex.EncodeToString(sum[:])
	}
	scopes := httpapi.Scopes()
	if len(k.Scopes) > 0 {
		scopes = nil
		for _, s := range k.Scopes {
			scopes = append(scopes, httpapi.Scope(s))
		}
	}
	return httpapi.Key{Name: k.Name, Hash: hash, Scopes: scopes}
}
