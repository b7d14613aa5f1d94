package gateway

import (
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
		Node: c.Node,
		Private: hubbub.PrivateRule{
			Retention:  retention(c.Private.History.Messages, c.Private.History.Size, c.Private.History.Age),
			MaxMessage: int(c.Private.MaxMessage),
			Rate:       hubbub.Rate(c.Private.Rate),
		},
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
		Logger:       logger,
	}
	for _, r := range c.Rooms {
		o.Rooms = append(o.Rooms, r.rule())
	}
	return o
}

func (r RoomConfig) rule() hubbub.RoomRule {
	return hubbub.RoomRule{
		Match: r.Match,
		Join:  accessOf(r.Join),
		Send:  accessOf(r.Send),
		History: map[string]hubbub.HistoryKind{
			"memory": hubbub.HistoryMemory, "none": hubbub.HistoryNone,
		}[r.History.Kind],
		Retention:    retention(r.History.Messages, r.History.Size, r.History.Age),
		HidePresence: r.HidePresence,
		Quiet:        r.Quiet,
		Slow: map[string]hubbub.SlowPolicy{
			"close": hubbub.SlowClose, "drop-oldest": hubbub.SlowDropOldest, "latest": hubbub.SlowLatest,
		}[r.Slow],
		MaxMessage: int(r.MaxMessage),
		Rate:       hubbub.Rate(r.Rate),
	}
}

func accessOf(s string) hubbub.Access {
	return map[string]hubbub.Access{
		"anyone": hubbub.AccessAnyone, "member": hubbub.AccessMember, "token": hubbub.AccessToken, "backend": hubbub.AccessBackend,
	}[s]
}

// retention takes what is off for no limit, which is 0 in the domain.
func retention(messages int, size Size, age time.Duration) hubbub.Retention {
	return hubbub.Retention{Messages: max(messages, 0), Bytes: int(max(size, 0)), Age: max(age, 0)}
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
