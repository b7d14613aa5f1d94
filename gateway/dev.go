package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
)

// URL is the address to open in a browser for a listener's address: the configured host, or localhost where the listener
// takes the loopback or any address.
func (g *Gateway) URL(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return g.scheme() + "://" + a.String() + "/"
	}
	named, _, _ := net.SplitHostPort(g.cfg.Addr)
	ip, err := netip.ParseAddr(named)
	switch {
	case err != nil: // a host name
		host = named
	case ip.IsUnspecified(), named == "127.0.0.1":
		host = "localhost"
	}
	return g.scheme() + "://" + net.JoinHostPort(host, port) + "/"
}

func (g *Gateway) scheme() string {
	if g.front.cert != nil {
		return "https"
	}
	return "http"
}

// Exposed says whether other machines can reach a listener's address. In development mode that deserves a warning, since
// anyone may then connect under any name.
func Exposed(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && !t.IP.IsLoopback()
}

// acceptLoopbackOrigins lets pages connect that a developer serves from another port of the own machine, or opens as a
// file (their origin is "null"): it removes the Origin header of those, since a request without one does not come from a
// page of somebody else, and Sec-Fetch-Site, which says the same. Everything else is left to the WebSocket server's own rule.
func acceptLoopbackOrigins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isLoopbackOrigin(r.Header.Get("Origin")) {
			r = r.Clone(r.Context())
			r.Header.Del("Origin")
			r.Header.Del("Sec-Fetch-Site")
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopbackOrigin(origin string) bool {
	if origin == "null" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}
