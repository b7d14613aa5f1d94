package webhook

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// maxResponseHeader is how many bytes of headers an answer may have.
const maxResponseHeader = 64 << 10

// newTransport makes what has the connections to a target. Where addresses must be public, that is decided when a connection is made, by the
// address itself, so it does not matter what a name said when somebody looked before.
func newTransport(t *target, resolver *net.Resolver) *http.Transport {
	dialer := &net.Dialer{Timeout: t.Timeout, Resolver: resolver}
	if !t.AllowPrivate {
		dialer.Control = refusePrivate
	}
	return &http.Transport{
		Proxy:                  nil, // what the environment says was not meant for this
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    t.Timeout,
		MaxIdleConns:           t.Concurrency,
		MaxIdleConnsPerHost:    t.Concurrency,
		MaxConnsPerHost:        t.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableCompression:     true, // answers are not read for what they say
	}
}

func refusePrivate(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q cannot be understood", address)
	}
	return checkAddr(to.Addr())
}

// checkAddr returns an error unless an address is one of the public internet.
func checkAddr(ip netip.Addr) error {
	if err := ssrf.New(ssrf.WithAnyPort()).SafeAddr(ip); err != nil {
		return fmt.Errorf("%s is not a public address; if the target is meant to be inside, allow it with allow_private", ip)
	}
	return nil
}
