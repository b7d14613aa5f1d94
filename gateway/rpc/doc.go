// Package rpc speaks hubbub.v1, JSON-RPC 2.0 over WebSockets, to clients: it makes sessions of conns, requests of text
// frames, and frames of the hub's events. docs/protocol.md is the specification.
//
// It joins package ws and the domain, which do not know each other: a [Server] is the [hubbub.Transport] of its conns.
//
//	sockets := ws.NewServer(ws.Options{Group: rpc.GroupOptions})
//	server := rpc.New(rpc.Options{Hub: hub, Sockets: sockets})
//	router.Handle("/ws", func(c *ws.Conn) { server.Serve(c, identityOf(c)) })
//
// # How to think of it
//
//   - A frame is decoded in one pass that also validates it (scan.go, decode.go), and its method is looked up in one flat table
//     (methods.go). A method reads its params by name (params.go) and returns a result or an error of the domain.
//   - Most methods run one after the other, on the goroutine on which ws calls the conn's handler. Those that only read
//     run beside them, each on a goroutine of its own, at most 16 for a conn.
//   - An event is encoded once for each audience (encode.go, audience.go), whose conns are a ws.Group, and a notice once for all
//     who are told it one by one (notices.go).
//   - Errors become codes by one table (errors.go).
package rpc

// Subprotocol is the name of the protocol in a handshake (RFC 6455, section 1.9).
const Subprotocol = "hubbub.v1"
