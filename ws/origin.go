package ws

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// origin is a web origin (RFC 6454) in lower case. As an entry of Options.Origins it may be a pattern.
type origin struct {
	scheme string // "" in an entry means http or https
	host   string // IPv6 in brackets; in an entry "*." begins any subdomain, and "*" is any host
	port   string // "" is the scheme's own; in an entry "*" is any
}

// originPolicy is Options.Origins, parsed once. It is immutable.
type originPolicy struct {
	any     bool // "*" is listed
	null    bool // "null" is listed
	entries []origin
}

// newOriginPolicy parses Options.Origins. Its error says how to write the entry instead.
func newOriginPolicy(list []string) (originPolicy, error) {
	var p originPolicy
	for _, entry := range list {
		switch entry {
		case "*":
			p.any = true
			continue
		case "null":
			p.null = true
			continue
		}
		o, err := parseEntry(entry)
		if err != nil {
			return originPolicy{}, fmt.Errorf("ws: Options.Origins: %q %w", entry, err)
		}
		p.entries = append(p.entries, o)
	}
	return p, nil
}

// check decides whether a page of the request's Origin may connect; nil means yes. Pages of the host that the client
// connects to always may, and a request without Origin comes from no page. A refusal is logged here, at level info,
// because it is the operator who has to change the list.
func (p *originPolicy) check(r *http.Request, o *Options) *refusal {
	if allowed, _ := p.allows(r, o); allowed {
		return nil
	}
	host := clientHost(r, o.TrustedProxies)
	add := strings.Join(r.Header["Origin"], ", ")
	if add != "null" {
		from, ok := parseOrigin(add)
		if !ok {
			return refuseJunkOrigin(r, o, add, host)
		}
		add = from.String()
	}
	o.logger().InfoContext(r.Context(), fmt.Sprintf("ws: origin refused; to allow it, add %q to Options.Origins", add),
		"origin", add, "host", host)
	return &refusal{http.StatusForbidden, nil, fmt.Sprintf("Pages of the origin %q may not connect to the host %q."+
		" To allow them, add %[1]q to Options.Origins. If %[2]q is not the host in the client's URL, a proxy changed it:"+
		` let the proxy pass the Host header on (nginx: "proxy_set_header Host $http_host;"), or list the proxy in`+
		" Options.TrustedProxies and let it send X-Forwarded-Host.", add, host)}
}

// allows is the decision of check alone. byName says that the page's own origin decided, not "*" or "null".
func (p *originPolicy) allows(r *http.Request, o *Options) (allowed, byName bool) {
	values := r.Header["Origin"]
	if len(values) == 0 {
		return true, true
	}
	raw := strings.Join(values, ", ")
	if raw == "null" {
		return p.null || p.any, false
	}
	from, ok := parseOrigin(raw)
	if ok && (from.sameHost(clientHost(r, o.TrustedProxies)) || p.lists(from)) {
		return true, true
	}
	return p.any, false
}

// refuseJunkOrigin has no value to suggest: no browser sends such a header.
func refuseJunkOrigin(r *http.Request, o *Options, raw, host string) *refusal {
	raw = raw[:min(len(raw), 128)]
	o.logger().InfoContext(r.Context(), "ws: origin refused: the Origin header is malformed", "origin", raw, "host", host)
	return &refusal{http.StatusForbidden, nil, fmt.Sprintf("The Origin header %q is malformed. Browsers send"+
		` "https://example.com"; a client that is no browser leaves it out. ("*" in Options.Origins allows any.)`, raw)}
}

// logger is where the server reports to.
func (o *Options) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}

func (p *originPolicy) lists(from origin) bool {
	for _, entry := range p.entries {
		if entry.matches(from) {
			return true
		}
	}
	return false
}

// matches reports whether a page's origin fits an entry.
func (o origin) matches(from origin) bool {
	if o.scheme != from.scheme && (o.scheme != "" || from.scheme != "http" && from.scheme != "https") {
		return false
	}
	if o.port != "*" && o.port != from.port && (o.scheme != "" || o.port != defaultPort(from.scheme) || from.port != "") {
		return false
	}
	if o.host == "*" {
		return true
	}
	if suffix, ok := strings.CutPrefix(o.host, "*"); ok {
		return len(from.host) > len(suffix) && strings.HasSuffix(from.host, suffix)
	}
	return o.host == from.host
}

// sameHost compares with a Host header. Ports 80 and 443 are as good as none there: behind a proxy that ends TLS, nobody
// knows which of the two the client meant.
func (o origin) sameHost(host string) bool {
	if o.scheme != "http" && o.scheme != "https" {
		return false
	}
	name, port, ok := parseAuthority(strings.ToLower(host))
	if !ok || name != o.host {
		return false
	}
	return port == o.port || isDefaultPort(port) && isDefaultPort(o.port)
}

// String is how a browser writes the origin, and how Options.Origins lists it.
func (o origin) String() string {
	if o.port == "" {
		return o.scheme + "://" + o.host
	}
	return o.scheme + "://" + o.host + ":" + o.port
}

// parseOrigin parses an Origin header other than "null".
func parseOrigin(s string) (o origin, ok bool) {
	if len(s) > 512 {
		return origin{}, false
	}
	scheme, authority, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || !isScheme(scheme) {
		return origin{}, false
	}
	if authority == "" { // "file://", as some web views say
		return origin{scheme: scheme}, scheme != "http" && scheme != "https"
	}
	host, port, ok := parseAuthority(authority)
	if !ok {
		return origin{}, false
	}
	if port == defaultPort(scheme) {
		port = ""
	}
	return origin{scheme, host, port}, true
}

// parseEntry parses an entry of Options.Origins other than "*" and "null".
func parseEntry(s string) (origin, error) {
	const hint = `; write "https://example.com", "https://*.example.com", "http://localhost:*", "example.com" or "*"`
	scheme, rest, hasScheme := strings.Cut(strings.ToLower(s), "://")
	if !hasScheme {
		scheme, rest = "", scheme
	}
	rest, anyPort := strings.CutSuffix(rest, ":*")
	rest, subdomains := strings.CutPrefix(rest, "*.")
	o := origin{scheme: scheme, host: rest}
	ok := rest == "*" || rest == "" && scheme != "http" && scheme != "https"
	if !ok {
		o.host, o.port, ok = parseAuthority(rest)
	}
	switch {
	case scheme == "ws" || scheme == "wss":
		return origin{}, fmt.Errorf("is the address of a WebSocket, not of a page; write %q", "http"+strings.ToLower(s)[2:])
	case strings.ContainsFunc(s, func(c rune) bool { return c >= 0x80 }):
		return origin{}, errors.New("is not ASCII; write the domain as browsers send it (punycode, xn--…)")
	case strings.ContainsAny(rest, "/?#@"):
		return origin{}, errors.New("has more than scheme, host and port" + hint)
	case !ok || hasScheme != isScheme(scheme) || anyPort && o.port != "":
		return origin{}, errors.New("is not an origin" + hint)
	case subdomains && (o.host == "" || o.host == "*" || o.host[0] == '['):
		return origin{}, errors.New("has a wildcard but no domain" + hint)
	case !hasScheme && o.host == "" || !hasScheme && o.host == "*":
		return origin{}, errors.New("names no host" + hint)
	}
	if subdomains {
		o.host = "*." + o.host
	}
	switch {
	case anyPort:
		o.port = "*"
	case o.port == defaultPort(scheme):
		o.port = ""
	}
	return o, nil
}

// parseAuthority parses a host with or without port, in lower case. It writes an IPv6 address in its canonical form.
func parseAuthority(s string) (host, port string, ok bool) {
	if s == "" || parseHost(s) == "" {
		return "", "", false
	}
	host, port = splitPort(s)
	if host == "" || len(host)+len(port) < len(s)-1 || strings.HasSuffix(s, ":") {
		return "", "", false
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", "", false
		}
		port = strconv.FormatUint(n, 10)
	}
	if host[0] == '[' {
		ip, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		return "[" + ip.String() + "]", port, err == nil && ip.Is6() && strings.HasSuffix(host, "]")
	}
	return host, port, !strings.ContainsAny(host, ":[]")
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return s != ""
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

func isDefaultPort(port string) bool { return port == "" || port == "80" || port == "443" }
