package ws

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds the chain of proxies that is looked at; a longer one is believed as little as a malformed one.
const maxHops = 32

// maxPairs bounds what one proxy may tell; RFC 7239 has four names.
const maxPairs = 16

// view is a request as its client made it.
type view struct {
	addr   netip.AddrPort // port 0 when the proxies did not tell it; the zero value for a peer without an IP address
	host   string         // with port, as in a Host header
	scheme string         // "http" or "https"
}

// hop is what one proxy told of the request that it received. What it did not tell, or in a form that nobody
// understands, is the zero value.
type hop struct {
	addr   netip.AddrPort
	host   string
	scheme string
}

// clientAddr is the address that the request came from: the socket's peer, or, when that is a trusted proxy, the
// nearest address in the chain of proxies that is not a trusted one. A peer that has no IP address (a pipe, a Unix
// socket) gives the zero AddrPort and is not trusted.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.AddrPort {
	return clientView(r, trusted).addr
}

// clientHost is the Host that the client asked for, with port if it gave one.
func clientHost(r *http.Request, trusted []netip.Prefix) string {
	if len(trusted) == 0 {
		return r.Host
	}
	return clientView(r, trusted).host
}

// clientScheme is "https" when the client's own connection was encrypted, else "http".
func clientScheme(r *http.Request, trusted []netip.Prefix) string {
	return clientView(r, trusted).scheme
}

// clientView follows the chain of proxies as far as it is trusted. Forwarded (RFC 7239) comes before X-Forwarded-For,
// -Host and -Proto. But most proxies write one of the two kinds and pass on what a client sends of the other; so when
// both are there and name different clients, one is forged, nobody can tell which, and neither is believed. A malformed
// Forwarded counts as one that names no client, lest it hide what a proxy appended to it.
func clientView(r *http.Request, trusted []netip.Prefix) view {
	peer := view{peerAddr(r.RemoteAddr), r.Host, "http"}
	if r.TLS != nil {
		peer.scheme = "https"
	}
	if !isTrusted(peer.addr.Addr(), trusted) {
		return peer
	}
	forwarded, others := r.Header["Forwarded"], hasXForwarded(r.Header)
	if len(forwarded) == 0 && !others {
		return peer
	}
	if len(forwarded) == 0 {
		return walk(peer, parseXForwarded(r.Header), trusted)
	}
	hops, _ := parseForwarded(forwarded)
	seen := walk(peer, hops, trusted)
	if others && walk(peer, parseXForwarded(r.Header), trusted).addr.Addr() != seen.addr.Addr() {
		return peer
	}
	return seen
}

// walk goes from the peer towards the client. Each hop was written by the address to its right, so it is believed while
// that address is a trusted proxy; the last one believed is nearest to the client and wins.
func walk(at view, hops []hop, trusted []netip.Prefix) view {
	for _, h := range slices.Backward(hops) {
		if !isTrusted(at.addr.Addr(), trusted) {
			return at
		}
		if h.host != "" {
			at.host = h.host
		}
		if h.scheme != "" {
			at.scheme = h.scheme
		}
		if !h.addr.IsValid() {
			return at
		}
		at.addr = h.addr
	}
	return at
}

// peerAddr parses the RemoteAddr of a request.
func peerAddr(s string) netip.AddrPort {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// isTrusted leaves the zone of a link-local address aside, since a Prefix cannot have one. An IPv4 network that is
// written as IPv4-mapped IPv6 is understood.
func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	if !addr.IsValid() {
		return false
	}
	addr = addr.WithZone("")
	for _, network := range trusted {
		if network.Addr().Is4In6() && network.Bits() >= 96 {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
		}
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

func hasXForwarded(h http.Header) bool {
	return len(h["X-Forwarded-For"]) > 0 || len(h["X-Forwarded-Host"]) > 0 || len(h["X-Forwarded-Proto"]) > 0
}

// parseXForwarded lines the three lists up from the right, where the nearest proxy wrote. Proxies append to
// X-Forwarded-For but mostly set the other two once; so a list that is too short goes on with its leftmost value.
func parseXForwarded(h http.Header) []hop {
	addrs := slices.Collect(tokens(h["X-Forwarded-For"]))
	hosts := slices.Collect(tokens(h["X-Forwarded-Host"]))
	schemes := slices.Collect(tokens(h["X-Forwarded-Proto"]))
	if max(len(addrs), len(hosts), len(schemes)) > maxHops {
		return nil
	}
	hops := make([]hop, max(len(addrs), 1))
	for i := range hops {
		fromRight := len(hops) - i
		hops[i].host = parseHost(at(hosts, fromRight))
		hops[i].scheme = parseScheme(at(schemes, fromRight))
		if len(addrs) > 0 {
			hops[i].addr = parseNode(addrs[i])
		}
	}
	return hops
}

// at returns the n-th value from the right, counted from 1, or the leftmost.
func at(list []string, n int) string {
	if len(list) == 0 {
		return ""
	}
	return list[max(0, len(list)-n)]
}

// parseForwarded parses the lines of a Forwarded header (RFC 7239, section 4), leftmost hop first. It is lenient
// towards what proxies really write (colons and brackets outside quotes, spaces around separators), and reports false
// for anything else that is malformed.
func parseForwarded(lines []string) (hops []hop, ok bool) {
	for _, line := range lines {
		for more := true; more; {
			var h hop
			var empty bool
			h, empty, line, ok = parseElement(line)
			if !ok || len(hops) == maxHops {
				return nil, false
			}
			if !empty {
				hops = append(hops, h)
			}
			line, more = strings.CutPrefix(line, ",")
		}
	}
	return hops, true
}

// parseElement parses the pairs of one hop, up to a comma or the end of the line.
func parseElement(s string) (h hop, empty bool, rest string, ok bool) {
	seen, empty := make([]string, 0, 4), true
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return h, empty, s, true
		}
		if s[0] == ';' {
			s = s[1:]
			continue
		}
		name, value, after, ok := parsePair(s)
		if !ok || len(seen) == maxPairs || slices.Contains(seen, name) {
			return hop{}, false, "", false
		}
		seen, empty, s = append(seen, name), false, after
		switch name {
		case "for":
			h.addr = parseNode(value)
		case "host":
			h.host = parseHost(value)
		case "proto":
			h.scheme = parseScheme(value)
		}
	}
}

// parsePair parses name=value, where value is quoted or not, and the space behind it.
func parsePair(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(s, "=")
	if !ok || !isToken(name) {
		return "", "", "", false
	}
	if strings.HasPrefix(s, `"`) {
		value, s, ok = parseQuoted(s[1:])
	} else {
		end := strings.IndexAny(s, ",; \t\"")
		if end < 0 {
			end = len(s)
		}
		value, s, ok = s[:end], s[end:], end > 0
	}
	rest = strings.TrimLeft(s, " \t")
	if rest != "" && rest[0] != ',' && rest[0] != ';' {
		return "", "", "", false
	}
	return strings.ToLower(name), value, rest, ok
}

// parseQuoted parses a quoted string behind its opening quote (RFC 9110, section 5.6.4).
func parseQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// parseNode parses an address with or without port, IPv6 with or without brackets. "unknown", obfuscated ids and junk
// give the zero AddrPort; a port that is not a number gives 0.
func parseNode(s string) netip.AddrPort {
	host, port := splitPort(s)
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil || addr.Zone() != "" {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort("0.0.0.0:" + port)
	if err != nil {
		return netip.AddrPortFrom(addr.Unmap(), 0)
	}
	return netip.AddrPortFrom(addr.Unmap(), ap.Port())
}

// splitPort cuts a port off a host. An IPv6 address without brackets has none.
func splitPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") || s[0] != '[' && strings.IndexByte(s, ':') != i {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// parseHost returns "" for what cannot be a host with port.
func parseHost(s string) string {
	if len(s) > 300 {
		return ""
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._:[]", c) >= 0) {
			return ""
		}
	}
	return s
}

func parseScheme(s string) string {
	switch strings.ToLower(s) {
	case "https", "wss":
		return "https"
	case "http", "ws":
		return "http"
	}
	return ""
}
