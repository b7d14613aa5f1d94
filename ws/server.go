package ws

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/http"
)

var (
	ErrClosed       = errors.New("ws: conn is closed")
	ErrSlow         = errors.New("ws: conn has too many bytes waiting to be sent")
	ErrHeartbeat    = errors.New("ws: peer was silent for too long")
	ErrServerClosed = errors.New("ws: server is shut down")
)

// Server holds conns and groups.
type Server struct {
	opts Options
}

func NewServer(o Options) *Server                                               { return &Server{opts: o} }
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request) (*Conn, error) { panic("skeleton") }

// upgrade is Upgrade for a route of a Router: it answers a refused request itself, and else adds the conn to the route's group
// and runs the route's handler.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, rt *route) (*Conn, error) {
	panic("skeleton")
}

// newRouteGroup makes the group of a route.
func (s *Server) newRouteGroup(pattern string) *Group { return &Group{} }

func (s *Server) Group(key string) *Group                    { panic("skeleton") }
func (s *Server) Broadcast(m Message, except ...*Conn) error { panic("skeleton") }
func (s *Server) Conns() iter.Seq[*Conn]                     { panic("skeleton") }
func (s *Server) Len() int                                   { panic("skeleton") }
func (s *Server) Shutdown(ctx context.Context) error         { panic("skeleton") }

// Listen wraps a TCP listener so that wss conns accepted by http.Server.ServeTLS on it can live on the event loops.
func Listen(l net.Listener) net.Listener { panic("skeleton") }
