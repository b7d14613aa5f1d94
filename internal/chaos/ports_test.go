package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports of those who are killed and started again are below the ones that outgoing connections get: one of those would have the port of
// who is dead. Each server picks one of some that are its own, and a Redis of a cluster also has the one 10000 above.
const (
	nodePorts  = 10000
	redisPorts = 15000
	portsOfOne = 1000
	busPort    = 10000 // above that of a Redis
)

// freeAddr is an address that nobody listens on, with one of the ports from one on.
func freeAddr(t *testing.T, from int) string {
	t.Helper()
	for range 100 {
		port := from + rand.IntN(portsOfOne)
		if addr := fmt.Sprint("127.0.0.1:", port); free(addr) && free(fmt.Sprint("127.0.0.1:", port+busPort)) {
			return addr
		}
	}
	t.Fatalf("there is no free port from %d on", from)
	return ""
}

func free(addr string) bool {
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return false
	}
	l.Close()
	return true
}
