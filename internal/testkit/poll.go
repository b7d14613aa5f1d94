package testkit

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
	"time"
)

// Patience is how long the functions of this package wait for what should happen at once. It is long, since it is used up
// only by a test that fails, and the machine may be busy.
const Patience = 30 * time.Second

// Eventually polls until the condition holds and fails the test when it has not after [Patience]. what completes the
// sentence "waited in vain for ...".
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

// Receive returns the next value of a channel and fails the test when there is none after [Patience].
func Receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		if !ok {
			t.Fatalf("channel closed while waiting for %s", what)
		}
		return v
	case <-time.After(Patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// FreeAddr returns a loopback address, host and port, that nothing listens on. Another process could take it before the
// caller does; programs that can choose their own port and tell it should do that instead. It is below the ports that systems give to
// connections and to whoever asks for any, of which one is soon given to another.
func FreeAddr(t testing.TB) string {
	t.Helper()
	const from, to, attempts = 20_000, 32_000, 1000
	for range attempts {
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(from+rand.N(to-from))))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatalf("of %d ports from %d to %d none is free", attempts, from, to)
	return ""
}

// Listening polls until addr accepts a TCP connection. It fails the test at once when the process that should listen has
// ended.
func Listening(t testing.TB, addr string, p *Process) {
	t.Helper()
	Eventually(t, p.name+" to listen on "+addr, func() bool {
		if p.Ended() {
			t.Fatalf("%s ended before it listened on %s:\n%s", p.name, addr, p.Output())
		}
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}
