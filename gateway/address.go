package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// network is what counts as one address: an IPv4 address, or the /64 network that one household or server gets of IPv6.
// Conns without an IP address, over a Unix socket, all are the zero value.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// addressLimits bounds the handshakes and conns of each address. It may be used concurrently. nil limits nothing.
type addressLimits struct {
	// Immutable.
	most       int // conns of one address; negative means no limit
	proxies    []netip.Prefix
	handshakes *buckets[netip.Prefix]
	metrics    *Metrics

	// Guarded by mu.
	mu    sync.Mutex
	conns map[netip.Prefix]int // conns and handshakes that run; a conn counts twice while its handshake ends
	plain map[netip.Prefix]int // connections of HTTP that have not become WebSockets
}

func newAddressLimits(c *Config, metrics *Metrics, now func() time.Time) *addressLimits {
	if c.Dev {
		return nil
	}
	return &addressLimits{
		most: c.Limits.ConnectionsPerAddress, proxies: c.TrustedProxies, metrics: metrics, conns: map[netip.Prefix]int{}, plain: map[netip.Prefix]int{},
		handshakes: newBuckets[netip.Prefix](c.Limits.HandshakesPerAddress, now),
	}
}

// wrap refuses with 429 what is too much before anything else is done for the request.
func (l *addressLimits) wrap(next http.Handler, problem func(http.ResponseWriter, *http.Request, error)) http.Handler {
	if l == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := network(ws.ClientAddr(r, l.proxies).Addr())
		if wait := l.handshakes.take(from); wait > 0 {
			l.metrics.Limited("limits.handshakes_per_address")
			problem(w, r, tooMany(wait, "too many attempts to connect from %v; the limit is limits.handshakes_per_address", from))
			return
		}
		if !l.reserve(from) {
			l.metrics.Limited("limits.connections_per_address")
			problem(w, r, tooMany(10*time.Second, "too many connections from %v; the limit is limits.connections_per_address (%d)",
				from, l.most))
			return
		}
		defer l.release(from)
		next.ServeHTTP(w, r)
	})
}

// guessCost is as how many handshakes a wrong password counts besides itself: hashing it takes long, and makes others wait.
const guessCost = 9

// guessed counts a wrong password.
func (l *addressLimits) guessed(r *http.Request) {
	if l != nil {
		l.handshakes.charge(network(ws.ClientAddr(r, l.proxies).Addr()), guessCost)
	}
}

// mayGuess refuses a request with a password from where so many were wrong that no handshake would be let in. It is for doors where
// requests are no handshakes and do not count as such.
func (l *addressLimits) mayGuess(r *http.Request) error {
	if _, _, password := r.BasicAuth(); l == nil || !password {
		return nil
	}
	from := network(ws.ClientAddr(r, l.proxies).Addr())
	wait := l.handshakes.look(from)
	if wait == 0 {
		return nil
	}
	l.metrics.Limited("limits.handshakes_per_address")
	return tooMany(wait, "too many wrong passwords from %v; the limit is limits.handshakes_per_address", from)
}

// watch is an http.Server's ConnState: it closes what one address opens beyond the limit without making WebSockets of it. Those of
// trusted proxies are for many clients.
func (l *addressLimits) watch(c net.Conn, state http.ConnState) {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || trusts(l.proxies, peer.Addr().Unmap()) {
		return
	}
	from := network(peer.Addr())
	switch state {
	case http.StateNew:
		if !l.openedPlain(from) {
			l.metrics.Limited("limits.connections_per_address")
			c.Close() // StateClosed follows
		}
	case http.StateHijacked, http.StateClosed:
		l.closedPlain(from)
	}
}

// openedPlain counts a connection and tells whether it may stay.
func (l *addressLimits) openedPlain(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plain[from]++
	return l.most < 0 || l.plain[from] <= l.most
}

func (l *addressLimits) closedPlain(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plain[from]--
	if l.plain[from] == 0 {
		delete(l.plain, from)
	}
}

// tooMany names the setting to change if the address is not a client's but that of a proxy.
func tooMany(wait time.Duration, format string, args ...any) *hubbub.Error {
	return &hubbub.Error{Reason: hubbub.RateLimited, RetryAfter: wait,
		Message: fmt.Sprintf(format, args...) + ". If that is the address of a proxy, list it in trusted_proxies"}
}

// opened counts a conn, and closed takes it off.
func (l *addressLimits) opened(c *ws.Conn) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[network(c.RemoteAddr().Addr())]++
}

func (l *addressLimits) closed(c *ws.Conn) {
	if l != nil {
		l.release(network(c.RemoteAddr().Addr()))
	}
}

func (l *addressLimits) reserve(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.most >= 0 && l.conns[from] >= l.most {
		return false
	}
	l.conns[from]++
	return true
}

func (l *addressLimits) release(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[from]--
	if l.conns[from] == 0 {
		delete(l.conns, from)
	}
}

// requestLimits bounds the requests of all sessions, and the combined calls, of a user and of an address. It may be used concurrently.
type requestLimits struct {
	users     *buckets[string]
	addresses *buckets[netip.Prefix]
	metrics   *Metrics
}

func newRequestLimits(c *Config, metrics *Metrics, now func() time.Time) *requestLimits {
	l := &requestLimits{users: newBuckets[string](c.Limits.RequestsPerUser, now), metrics: metrics}
	if !c.Dev {
		l.addresses = newBuckets[netip.Prefix](c.Limits.RequestsPerAddress, now)
	}
	return l
}

// take counts a request and returns nil, or an error that says which limit it is over and how long to wait.
func (l *requestLimits) take(user string, from netip.Addr) *hubbub.Error {
	if err := l.takeUser(user); err != nil {
		return err
	}
	return l.takeAddress(from)
}

// takeUser and takeAddress are take for one of the two limits.
func (l *requestLimits) takeUser(user string) *hubbub.Error {
	if wait := l.users.take(user); wait > 0 {
		return l.refuse(wait, "limits.requests_per_user")
	}
	return nil
}

func (l *requestLimits) takeAddress(from netip.Addr) *hubbub.Error {
	if wait := l.addresses.take(network(from)); wait > 0 {
		return l.refuse(wait, "limits.requests_per_address")
	}
	return nil
}

func (l *requestLimits) refuse(wait time.Duration, limit string) *hubbub.Error {
	l.metrics.Limited(limit)
	return &hubbub.Error{Reason: hubbub.RateLimited, RetryAfter: wait, Message: "too many requests; the limit is " + limit}
}
