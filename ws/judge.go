package ws

import (
	"net/http"
	"net/netip"
)

// ClientAddr is the address that a request came from, as [Conn.RemoteAddr] is that of a conn: the socket's peer, or, when that
// is one of the trusted proxies, the client that the proxies told. It is the zero value when the peer has no IP address.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.AddrPort {
	return clientAddr(r, trusted)
}

// CheckOrigin tells whether an entry of [Options.Origins] is well-formed; NewServer panics for one that is not. Its error
// continues a sentence that begins with the entry, and says how to write it instead.
func CheckOrigin(entry string) error {
	if entry == "*" || entry == "null" {
		return nil
	}
	_, err := parseEntry(entry)
	return err
}

// AllowsOrigin tells whether the page that made an HTTP request may talk to this server, by the same rule as for conns:
// pages of the server's own host and of [Options.Origins] may. A request without an Origin header comes from no page and is
// allowed. byName is false for a page that only "*" or "null" in the list lets in: it may be anybody's, so cookies and
// passwords that its browser added by itself must not count. Nothing is logged.
func (s *Server) AllowsOrigin(r *http.Request) (allowed, byName bool) {
	return s.origins.allows(r, &s.opts)
}
