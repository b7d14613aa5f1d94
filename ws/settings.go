package ws

import (
	"log/slog"
	"time"
)

// settings are the options that a conn lives by, with their defaults filled in. The conns of a server share one.
type settings struct {
	plain, packed parseLimits // for conns without and with compression
	maxPending    int
	ping          time.Duration // 0 means no heartbeat
	pongTimeout   time.Duration
	closeTimeout  time.Duration
	threshold     int
	level         int
	logger        *slog.Logger
}

func newSettings(o *Options, client bool) *settings {
	limits := parseLimits{
		client:     client,
		maxMessage: or(o.MaxMessage, 1<<20),
		maxFrames:  or(o.MaxFrames, 16384),
	}
	packed := limits
	packed.deflate = true
	return &settings{
		plain:        limits,
		packed:       packed,
		maxPending:   or(o.MaxPending, 1<<20),
		ping:         max(or(o.Ping, 25*time.Second), 0),
		pongTimeout:  or(o.PongTimeout, 10*time.Second),
		closeTimeout: or(o.CloseTimeout, 5*time.Second),
		threshold:    max(or(o.Compression.Threshold, 512), 0),
		level:        or(o.Compression.Level, 1),
		logger:       o.logger(),
	}
}

// or returns v, or its default if it is zero.
func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// limits is what a conn's parser needs to know.
func (s *settings) limits(deflate bool) *parseLimits {
	if deflate {
		return &s.packed
	}
	return &s.plain
}
