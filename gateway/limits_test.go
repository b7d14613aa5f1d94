package gateway_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
)

// clock is a time that tests set.
type clock struct{ time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

func TestBuckets(t *testing.T) {
	c := newClock()
	take, size := gateway.Buckets(gateway.RateConfig{PerSecond: 2, Burst: 3}, 10, c.now)
	for i, want := range []time.Duration{0, 0, 0, 500 * time.Millisecond, 500 * time.Millisecond} {
		if got := take("ann"); got != want {
			t.Errorf("take %d: %v, want %v", i, got, want)
		}
	}
	if got := take("bob"); got != 0 {
		t.Errorf("another key waits %v", got)
	}
	c.pass(250 * time.Millisecond)
	if got := take("ann"); got != 250*time.Millisecond {
		t.Errorf("after a half: %v", got)
	}
	c.pass(250 * time.Millisecond)
	if got := take("ann"); got != 0 {
		t.Errorf("after all: %v", got)
	}
	for i := range 1000 {
		take(fmt.Sprint(i))
	}
	if size() > 10 {
		t.Errorf("%d buckets are kept", size())
	}
	c.pass(time.Hour)
	take("new")
	take("another")
	if size() > 10 {
		t.Errorf("%d buckets are kept after an hour", size())
	}
}

func TestBucketsThatAreOff(t *testing.T) {
	take, _ := gateway.Buckets(gateway.RateConfig{PerSecond: -1}, 1, time.Now)
	for range 1000 {
		if take("ann") != 0 {
			t.Fatal("limited")
		}
	}
}

func TestRequestLimits(t *testing.T) {
	c := newClock()
	cfg := gateway.Config{Limits: gateway.LimitsConfig{RequestsPerUser: gateway.RateConfig{PerSecond: 1, Burst: 2},
		RequestsPerAddress: gateway.RateConfig{PerSecond: 1, Burst: 3}}}
	take := gateway.RequestLimits(cfg, c.now)
	here := netip.MustParseAddr("192.0.2.7")
	for i, want := range []struct{ user, limit string }{{"ann", ""}, {"ann", ""}, {"ann", "limits.requests_per_user"}, {"bob", ""},
		{"bob", "limits.requests_per_address"}} {
		err := take(want.user, here)
		if (err == nil) != (want.limit == "") || err != nil && (err.Reason != hubbub.RateLimited || err.RetryAfter != time.Second ||
			!strings.Contains(err.Message, want.limit)) {
			t.Errorf("request %d: %+v, want %q", i, err, want.limit)
		}
	}
	cfg.Dev = true
	take = gateway.RequestLimits(cfg, c.now)
	for i := range 10 {
		if err := take(fmt.Sprint(i), here); err != nil {
			t.Errorf("in development mode: %v", err)
		}
	}
}

func TestProxyThatIsNotTrusted(t *testing.T) {
	const forwarded = "X-Forwarded-For: 7.7.7.7"
	for name, c := range map[string]struct {
		requests [][]string // header lines of each, twenty times over
		trusted  []netip.Prefix
		warns    int
	}{
		"proxy":         {[][]string{{"Peer: 10.0.0.1:5", forwarded}}, nil, 1},
		"on loopback":   {[][]string{{"Peer: [::1]:5", "Forwarded: for=7.7.7.7"}}, nil, 1},
		"trusted":       {[][]string{{"Peer: 10.0.0.1:5", forwarded}}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, 0},
		"public":        {[][]string{{"Peer: 8.8.8.8:5", forwarded}}, nil, 0},
		"no header":     {[][]string{{"Peer: 10.0.0.1:5"}}, nil, 0},
		"two addresses": {[][]string{{"Peer: 10.0.0.1:5", forwarded}, {"Peer: 10.0.0.2:5", forwarded}}, nil, 0},
		"others direct": {[][]string{{"Peer: 10.0.0.1:5", forwarded}, {"Peer: 8.8.8.8:5"}}, nil, 0},
	} {
		var log buffer
		clock := newClock()
		// Not the gateway's own log, which says a warning that comes again later, and does not know this clock.
		h := gateway.ProxyWatch(slog.New(slog.NewTextHandler(&log, nil)), c.trusted, clock.now)
		for range 20 {
			for _, lines := range c.requests {
				ask(t, h, "GET", "/", lines...)
			}
		}
		warnings := strings.Count(log.String(), "level=WARN")
		if warnings != c.warns || c.warns > 0 && !strings.Contains(log.String(), "trusted_proxies") {
			t.Errorf("%s: %d warnings: %s", name, warnings, log.String())
		}
		for range 60 { // minutes, so that the hour is over at the end
			clock.pass(time.Minute)
			for range 20 {
				ask(t, h, "GET", "/", c.requests[0]...)
			}
		}
		if more := strings.Count(log.String(), "level=WARN") - warnings; name == "proxy" && more != 1 {
			t.Errorf("%s: warned %d times in the hour after", name, more)
		}
	}
}

// TestProxyIsNoticedBesideProbes has a proxy that nobody trusts, and a platform that asks past it.
func TestProxyIsNoticedBesideProbes(t *testing.T) {
	var log buffer
	f, err := gateway.NewFront(gateway.Config{Logger: debugLog(&log)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ask(t, f.Handler, "GET", "/readyz", "Peer: 10.0.0.9:5")
		ask(t, f.Handler, "GET", "/ws", "Peer: 10.0.0.1:5", "X-Forwarded-For: 7.7.7.7")
	}
	if strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), "add=10.0.0.1") {
		t.Errorf("the log says\n%s", log.String())
	}
}
