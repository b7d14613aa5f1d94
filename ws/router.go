package ws

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Router is an http.Handler with WebSocket routes. It matches the whole path of a request as it arrives, so it works as
// the only handler of a server as well as below "/chat/" of an http.ServeMux or mounted in chi: patterns always begin
// at the root. (Behind http.StripPrefix they begin after the prefix that was stripped.)
//
//   - A request for a route runs the middleware, outermost first, and then the upgrade. A middleware that answers by itself
//     (a 401, say) refuses the conn with a real HTTP status, and a plain GET likewise. One that wraps the ResponseWriter
//     must offer Unwrap or http.Hijacker on it, see [http.ResponseController].
//   - A request for a route that asks for no WebSocket goes on, behind the same middleware, to the nearest
//     [Router.Fallback]: so a page and a WebSocket may share a path. Without one it gets 426 and an explanation.
//   - What no route matches goes to the nearest Fallback without middleware, or gets 404.
//
// Call Handle, Sub and Fallback before the router serves; they are not safe for concurrent use. ServeHTTP is.
type Router struct {
	tree       *routeTree
	prefix     string
	middleware []func(http.Handler) http.Handler
}

// routeTree is what a router and its subs share.
type routeTree struct {
	mux       *http.ServeMux
	patterns  []string // of mux; kept because it cannot list them
	fallbacks []fallback
	newGroup  func(pattern string) *Group
	upgrade   func(http.ResponseWriter, *http.Request, *route) (*Conn, error)
}

// route is one route of a Router, as the server's upgrade gets it.
type route struct {
	pattern string
	group   *Group
	handler func(*Conn)
}

// NewRouter returns a router without routes for conns of srv. The middleware applies to all of its routes; the first is
// outermost.
func NewRouter(srv *Server, middleware ...func(http.Handler) http.Handler) *Router {
	tree := &routeTree{mux: http.NewServeMux(), newGroup: srv.newRouteGroup, upgrade: srv.upgrade}
	return &Router{tree: tree, middleware: checkMiddleware("NewRouter", middleware)}
}

// Handle adds a route and returns its group, which has all conns of the route. The pattern is a path in the syntax of
// [http.ServeMux] ("/echo", "/chat/{room}", "/files/{rest...}", or "/all/" for everything below), without method and
// host. In a router from [Router.Sub] it comes after the prefix, and "" is the prefix itself.
//
// h is called once for each conn that was upgraded, to set its handlers; messages that arrive before are kept. Handle
// panics if the pattern is malformed or conflicts with an earlier one.
func (rt *Router) Handle(pattern string, h func(*Conn)) *Group {
	full := rt.prefix + pattern
	if h == nil {
		panic(fmt.Sprintf("ws: Router.Handle(%q): the handler is nil", full))
	}
	if problem := checkPath(pattern, full); problem != "" {
		panic(fmt.Sprintf("ws: Router.Handle(%q): %s", full, problem))
	}
	if slices.Contains(rt.tree.patterns, full) {
		panic(fmt.Sprintf("ws: Router.Handle(%q): the pattern already has a handler", full))
	}
	to := &route{pattern: full, handler: h} // its group is made last, so that a pattern that conflicts leaves none behind
	if err := register(rt.tree.mux, full, rt.handler(to)); err != nil {
		panic(fmt.Sprintf("ws: Router.Handle(%q): %v", full, err))
	}
	rt.tree.patterns = append(rt.tree.patterns, full)
	to.group = rt.tree.newGroup(full)
	return to.group
}

// Sub returns a router for the paths below prefix, such as "/chat" or "/team/{team}". Its routes belong to this router
// too. They run this router's middleware, and then the given one. An empty prefix only adds middleware. Sub panics if
// the prefix is malformed.
func (rt *Router) Sub(prefix string, middleware ...func(http.Handler) http.Handler) *Router {
	prefix = strings.TrimSuffix(prefix, "/")
	full := rt.prefix + prefix
	if problem := checkPath(prefix, full+"/"); prefix != "" && problem != "" {
		panic(fmt.Sprintf("ws: Router.Sub(%q): %s", full, problem))
	}
	own := checkMiddleware("Router.Sub", middleware)
	return &Router{tree: rt.tree, prefix: full, middleware: slices.Concat(rt.middleware, own)}
}

// Fallback sets the handler for what is no WebSocket request, such as a GET on the path of a route, and for paths that no
// route matches. In a router from [Router.Sub] it is for the paths below the prefix; the longest prefix wins. On a route's
// path it runs behind the route's middleware, elsewhere without. Fallback panics if it is called twice for one prefix.
func (rt *Router) Fallback(h http.Handler) {
	segments := segmentsOf(rt.prefix)
	for i, s := range segments {
		if literal, err := url.PathUnescape(s); err == nil {
			segments[i] = literal // as in URL.Path
		}
	}
	if h == nil {
		panic(fmt.Sprintf("ws: Router.Fallback: the handler for %q is nil", rt.prefix+"/"))
	}
	for _, f := range rt.tree.fallbacks {
		if slices.Equal(f.segments, segments) {
			panic(fmt.Sprintf("ws: Router.Fallback: %q already has one", rt.prefix+"/"))
		}
	}
	list := append(rt.tree.fallbacks, fallback{segments, h})
	slices.SortStableFunc(list, func(a, b fallback) int { return len(b.segments) - len(a.segments) })
	rt.tree.fallbacks = list
}

// ServeHTTP serves the routes of the whole tree that the router belongs to.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	matched, pattern := rt.tree.mux.Handler(r)
	if _, ok := matched.(routeHandler); !ok && (pattern == "" || !isUpgrade(r)) {
		if h := rt.tree.fallback(r.URL.Path); h != nil {
			h.ServeHTTP(w, r)
			return
		}
	}
	if pattern == "" {
		ref := refusal{http.StatusNotFound, nil, fmt.Sprintf("There is nothing at the path %q.", r.URL.Path)}
		ref.write(w)
		return
	}
	rt.tree.mux.ServeHTTP(w, r)
}

// handler puts the middleware around a route.
func (rt *Router) handler(to *route) routeHandler {
	tree := rt.tree
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUpgrade(r) {
			tree.upgrade(w, r, to) // answers by itself when it fails
			return
		}
		if other := tree.fallback(r.URL.Path); other != nil {
			other.ServeHTTP(w, r)
			return
		}
		if _, ref := checkUpgrade(r); ref != nil {
			ref.write(w)
		}
	})
	for _, wrap := range slices.Backward(rt.middleware) {
		h = wrap(h)
	}
	return routeHandler{h}
}

// routeHandler tells a route's handler from those that http.ServeMux makes itself, to redirect.
type routeHandler struct{ http.Handler }

// fallback is the handler for everything below a prefix that is not the routes'.
type fallback struct {
	segments []string // of the prefix; one that begins with "{" matches any
	handler  http.Handler
}

// fallback returns the one with the longest prefix of path, or nil.
func (t *routeTree) fallback(path string) http.Handler {
	if len(t.fallbacks) == 0 {
		return nil
	}
	segments := segmentsOf(path)
	for _, f := range t.fallbacks {
		if f.covers(segments) {
			return f.handler
		}
	}
	return nil
}

func (f fallback) covers(path []string) bool {
	if len(path) < len(f.segments) {
		return false
	}
	for i, s := range f.segments {
		if s != path[i] && !strings.HasPrefix(s, "{") {
			return false
		}
	}
	return true
}

// segmentsOf splits a path; the root has none.
func segmentsOf(path string) []string {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func checkMiddleware(where string, middleware []func(http.Handler) http.Handler) []func(http.Handler) http.Handler {
	for i, m := range middleware {
		if m == nil {
			panic(fmt.Sprintf("ws: %s: middleware %d is nil", where, i))
		}
	}
	return slices.Clone(middleware)
}

// checkPath says what is wrong with the pattern full that ends with part, or "".
func checkPath(part, full string) string {
	switch method, path, found := strings.Cut(part, " "); {
	case found && strings.HasPrefix(strings.TrimSpace(path), "/"):
		return fmt.Sprintf("the pattern names the method %s, but WebSockets are always opened with GET; write %q",
			method, strings.TrimSpace(path))
	case strings.ContainsAny(part, " \t"):
		return "the pattern has a space; write it as %20"
	case part != "" && part[0] != '/':
		return `the pattern must begin with "/"; it has no host, since a router serves all hosts`
	case full == "":
		return `the pattern is empty; write "/{$}" for the root, or "/" for every path`
	}
	// With a method, ServeMux also refuses a path that is never matched, because paths are cleaned before.
	if err := register(http.NewServeMux(), "GET "+full, http.NotFoundHandler()); err != nil {
		return err.Error()
	}
	return ""
}

// register turns the panic of ServeMux into an error, since it tells about a pattern that its caller has not written.
func register(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("%v", problem)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}
