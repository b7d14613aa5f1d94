package ws

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// Upgrade answers a WebSocket handshake (RFC 6455, section 4.2), for those who want it in a handler of their own. Headers that were set on w
// go with the answer. A request that is refused has been answered when Upgrade returns an error: with 400, 405, 426 or 403 and a body that
// says what is wrong, with 500 if w does not let its connection be taken over, or with 503 once the server shuts down ([ErrServerClosed]).
// A refused Origin is logged, at level info. Set the conn's handlers before the HTTP handler returns; do not use w and r
// for anything else afterwards. [Router] does all of that.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	c, err := s.upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(r.Context(), c.settle) // net/http ends the request's context when its handler returns
	return c, nil
}

// upgrade does it for a route: it puts the conn into the route's group and runs the route's handler.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, rt *route) (*Conn, error) {
	if !s.begin() {
		ref := &refusal{http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}}, "This server is shutting down; connect again."}
		ref.write(w)
		return nil, ErrServerClosed
	}
	defer s.work.Done()
	c, ref := s.accept(w, r)
	if ref != nil {
		if ref.status != 0 {
			ref.write(w)
		}
		return nil, ref
	}
	if rt == nil {
		s.greet(c)
		return c, nil
	}
	rt.group.Add(c) // fails only for a conn that is closing again
	s.greet(c)
	defer c.settle()
	defer c.rescue()
	rt.handler(c)
	return c, nil
}

func (s *Server) greet(c *Conn) {
	if s.opts.OnConnect != nil {
		defer c.rescue()
		s.opts.OnConnect(c)
	}
}

// accept makes a conn of a request. A refusal without a status was answered on the socket.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) (*Conn, *refusal) {
	key, ref := checkUpgrade(r)
	if ref == nil {
		ref = s.origins.check(r, &s.opts)
	}
	if ref != nil {
		return nil, ref
	}
	c := &Conn{
		set:         s.set,
		srv:         s,
		facts:       newFacts(r, &s.opts),
		subprotocol: selectSubprotocol(r, s.opts.Subprotocols),
		base:        keepContext(r.Context()),
	}
	if offers := r.Header[headerExtensions]; len(offers) > 0 {
		c.deflate, c.extensions, _ = acceptDeflate(offers, s.opts.Compression)
	}
	response := appendResponse(make([]byte, 0, 256), acceptKey(key), c.subprotocol, c.extensions, w.Header())
	nc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, &refusal{http.StatusInternalServerError, nil, "The connection cannot be taken over from the HTTP server: " + err.Error() +
			". A middleware that wraps the http.ResponseWriter has to offer Unwrap."}
	}
	c.tls, _ = nc.(*tls.Conn)
	sock, err := reactor.Adopt(nc)
	if err != nil {
		return nil, s.refuseHijacked(nc, err)
	}
	if c.form() == reactor.FormPacked {
		s.pack(1)
	}
	s.launch(c, sock, sock.Offer(response), leftover(buffered.Reader))
	s.all.Add(c)
	if s.isClosed() { // Shutdown may have looked at the open conns before this one was among them
		c.Close(CodeGoingAway, shutdownReason)
	}
	return c, nil
}

// leftover is what the HTTP server has read of the conn's first frames.
func leftover(r *bufio.Reader) []byte {
	n := r.Buffered()
	if n == 0 {
		return nil
	}
	b, _ := r.Peek(n)
	return append([]byte(nil), b...)
}

// refuseHijacked answers when the process has no descriptor left to take a connection over.
func (s *Server) refuseHijacked(nc net.Conn, err error) *refusal {
	s.set.logger.Error("ws: a connection cannot be taken over; if descriptors ran out, raise the limit (ulimit -n)", "error", err)
	nc.SetWriteDeadline(time.Now().Add(time.Second))
	nc.Write([]byte("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"))
	nc.Close()
	return &refusal{0, nil, "The server cannot take more connections now: " + err.Error()}
}
