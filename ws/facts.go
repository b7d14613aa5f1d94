package ws

import (
	"iter"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// facts is what a conn remembers of its upgrade request. Ten thousand idle conns hold one each, so it has neither the
// request nor anything parsed from it, and no map. It is immutable.
type facts struct {
	uri    string         // the request target as the client sent it; for a dialed conn the URL
	remote netip.AddrPort // the client's address, see clientAddr
	more   *moreFacts     // nil when the route has no path values and no header was asked for or there
}

type moreFacts struct {
	path   []fact
	header []fact
}

type fact struct{ name, value string }

// newFacts copies what the conn may be asked for later, so that nothing of the request stays in memory.
func newFacts(r *http.Request, o *Options) facts {
	f := facts{uri: r.RequestURI, remote: clientAddr(r, o.TrustedProxies)}
	switch f.uri {
	case "": // a request that net/http's server did not read
		f.uri = r.URL.RequestURI()
	case r.Pattern:
		f.uri = r.Pattern // shared by all conns of the route
	default:
		f.uri = strings.Clone(f.uri)
	}
	var more moreFacts
	for name := range wildcards(r.Pattern) {
		if value := r.PathValue(name); value != "" {
			more.path = append(more.path, fact{name, strings.Clone(value)})
		}
	}
	for _, name := range o.Headers {
		if value := requestHeader(r, name); value != "" {
			more.header = append(more.header, fact{http.CanonicalHeaderKey(name), strings.Clone(value)})
		}
	}
	if more.path != nil || more.header != nil {
		f.more = &more
	}
	return f
}

// url parses the request target. It is path and query for an accepted conn, as in http.Request.URL.
func (f *facts) url() *url.URL {
	u, err := url.ParseRequestURI(f.uri)
	if err != nil {
		return &url.URL{} // only "*" or an authority could get here, and neither has a route
	}
	return u
}

func (f *facts) pathValue(name string) string {
	if f.more == nil {
		return ""
	}
	return find(f.more.path, name)
}

func (f *facts) header(name string) string {
	if f.more == nil {
		return ""
	}
	return find(f.more.header, http.CanonicalHeaderKey(name))
}

func find(list []fact, name string) string {
	for _, f := range list {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// requestHeader is the first value of a header. net/http keeps Host apart from the others.
func requestHeader(r *http.Request, name string) string {
	if strings.EqualFold(name, "Host") {
		return r.Host
	}
	return r.Header.Get(name)
}

// wildcards yields the names in a pattern, such as "room" and "rest" in "/chat/{room}/{rest...}". It also reads what
// other routers leave in Request.Pattern, like "/chat/{room:[a-z]{3}}/*" of chi and "/chat/:room" of echo.
func wildcards(pattern string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for pattern != "" {
			var name string
			if name, pattern = nextWildcard(pattern); name != "" && !yield(name) {
				return
			}
		}
	}
}

// nextWildcard cuts the first segment, wildcard or other byte off a pattern, and returns the name if it has one.
func nextWildcard(pattern string) (name, rest string) {
	segment, _, _ := strings.Cut(pattern[1:], "/")
	switch {
	case pattern[0] == '{':
		end := closingBrace(pattern)
		if end == len(pattern) {
			return "", ""
		}
		name, _, _ = strings.Cut(pattern[1:end], ":")
		name = strings.TrimSuffix(name, "...")
		return strings.TrimPrefix(name, "$"), pattern[end:]
	case strings.HasPrefix(pattern, "/:"):
		return segment[1:], pattern[1+len(segment):]
	case pattern == "/*":
		return "*", ""
	}
	return "", pattern[1:]
}

// closingBrace is the index of the brace that closes the one which s begins with, or the length of s.
func closingBrace(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// RemoteAddr is the client's address. When the socket's peer is one of Options.TrustedProxies it is the address that
// the proxies told, with port 0 if they told none. It is the zero value when the peer has no IP address, as on a Unix
// socket. For a dialed conn it is the server's address.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.facts.remote }

// URL is the URL of the upgrade request: path and query, as in [http.Request.URL] and before any prefix was stripped.
// For a dialed conn it is the whole URL without user and password. Each call parses it again; the caller owns the result.
func (c *Conn) URL() *url.URL { return c.facts.url() }

// Query returns the query parameters of [Conn.URL]. Each call parses them again; malformed ones are left out.
func (c *Conn) Query() url.Values { return c.facts.url().Query() }

// PathValue is the value of a named wildcard of the route's pattern, as [http.Request.PathValue], or "". It also knows those of
// other routers that set Request.Pattern and the request's path values, as chi and echo.WrapHandler do.
func (c *Conn) PathValue(name string) string { return c.facts.pathValue(name) }

// Header is the first value of a header of the upgrade request, or "". Only headers that Options.Headers names are
// known.
func (c *Conn) Header(name string) string { return c.facts.header(name) }
