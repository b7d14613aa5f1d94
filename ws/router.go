package ws

import "net/http"

// Router is an http.Handler with WebSocket routes.
type Router struct{ srv *Server }

func NewRouter(srv *Server, middleware ...func(http.Handler) http.Handler) *Router {
	return &Router{srv}
}

// Handle adds a route; pattern is a path in the syntax of http.ServeMux without method. It returns the route's own group.
func (rt *Router) Handle(pattern string, h func(*Conn)) *Group { panic("skeleton") }

// Sub returns a router for the paths below prefix, behind middleware.
func (rt *Router) Sub(prefix string, middleware ...func(http.Handler) http.Handler) *Router {
	panic("skeleton")
}

// Fallback serves what is no WebSocket upgrade (a GET on the same path) and what no route matches.
func (rt *Router) Fallback(h http.Handler) { panic("skeleton") }

func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) { panic("skeleton") }
