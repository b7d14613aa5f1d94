package webhook

import (
	"net"
	"net/netip"
	"time"
)

// NewWithResolver is New with what looks names up.
func NewWithResolver(o Options, r *net.Resolver) (*Sender, error) { return newSender(o, r) }

// WithSequence is withSequence.
func WithSequence(payload []byte, seq uint64) []byte { return withSequence(payload, seq) }

// RetryAfter is retryAfter.
func RetryAfter(value string, now time.Time) time.Duration { return retryAfter(value, now) }

// DecodeSecret is decodeSecret.
func DecodeSecret(s string) ([]byte, error) { return decodeSecret(s) }

// Backoff is backoff.
func Backoff(before int) time.Duration { return backoff(before) }

// Wait is how long an item of a target waits that has failed so often in a row, instead of own.
func Wait(failures int, own time.Duration) time.Duration {
	h := health{failures: failures}
	return h.wait(own)
}

// CheckAddr is checkAddr.
func CheckAddr(ip netip.Addr) error { return checkAddr(ip) }
