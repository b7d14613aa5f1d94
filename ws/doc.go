// Package ws puts WebSockets beside the HTTP routes of a Go program, on the same port. It has what people know from ws
// and express-ws in Node: a conn with handlers, the set of all conns, broadcast, routes and sub-routes, and middleware
// that can still answer 401. A whole server:
//
//	router := ws.NewRouter(ws.NewServer(ws.Options{}))
//	router.Handle("/echo", func(c *ws.Conn) {
//		c.OnMessage(func(m ws.Message) { c.Send(m) })
//	})
//	server := &http.Server{Addr: ":8080", Handler: router, ReadHeaderTimeout: 5 * time.Second}
//	log.Fatal(server.ListenAndServe())
//
// # How to think of it
//
//   - A [Server] has all conns and their options. It accepts them from HTTP handlers and has no port of its own.
//   - A [Router] is an [http.Handler] with WebSocket routes. Mount it in [http.ServeMux], chi, gin, echo or alone. In a
//     handler of your own, [Server.Upgrade] does the handshake.
//   - A [Conn] is one connection. [Dial] makes one from the client's side, of the same type.
//   - A [Group] is a set of conns that one broadcast reaches. Each route has one, which [Router.Handle] returns; all
//     others have a key, begin with their first member and end with their last: [Server.Group].
//
// # Handlers
//
// A route's handler is called once for each conn, after the upgrade. It sets the conn's handlers and returns; the conn
// lives on. Messages that come before [Conn.OnMessage] are kept. The handlers of one conn are called one after the
// other, in the order in which things happened, and may block: then only that conn waits, and TCP pushes back on its
// sender. Handlers of different conns run in parallel, so what they share needs a mutex. Those who prefer a loop use
// [Conn.Messages].
//
// # Sending
//
// [Conn.Send] never blocks. What the socket does not take waits in memory, up to Options.MaxPending; a conn that goes
// over that is closed with [CodeSlow], since it reads too slowly and has missed a message. [Group.Broadcast] encodes a
// message once, for however many, and waits only while the group's log is full, never for a single conn; [GroupOptions]
// says what a slow member misses instead of being closed. What one goroutine does with a conn and its groups takes
// effect in the order of its calls.
//
// # The end of a conn
//
// A silent conn is pinged, and given up if nothing comes back (Options.Ping, Options.PongTimeout). [Conn.Close] writes
// what was sent before, and then says goodbye; so does [Server.Shutdown], to all. When the peer says goodbye first, the
// handlers are still called with what came before that, and what they send within Options.CloseTimeout is written
// before the answer. Last of all comes [Conn.OnClose], with code, reason and cause. A handler that panics ends its own
// conn, with [CodeInternal].
//
// # TLS, proxies, pages
//
// For wss, give [http.Server.ServeTLS] a listener from [Listen], which keeps encrypted conns as small as it can. Behind
// a proxy, list its network in Options.TrustedProxies, so that [Conn.RemoteAddr] is the client's; docs/nginx.md has a
// configuration. Pages of the server's own host may connect, and others only if Options.Origins lists them: cookies
// come with a WebSocket whoever opens it.
//
// # What a conn takes
//
// On Linux a few event loops own all sockets, and an idle conn has no goroutine, buffer or timer of its own; elsewhere
// it has a goroutine. docs/benchmarks.md has the memory of an idle conn as measured: plain, over TLS, and with
// compression. While a conn is behind it may take more, within limits: MaxMessage for what is received, 64 KiB and one
// read for what its handlers have not handled, MaxPending for what it has not taken.
//
// # Specification
//
// RFC 6455 in full, and RFC 7692 (permessage-deflate), which is off unless Options.Compression turns it on. WebSocket
// over HTTP/2 (RFC 8441) is not offered; browsers then open one over HTTP/1.1.
package ws
