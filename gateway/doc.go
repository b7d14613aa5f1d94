// Package gateway assembles the hubbub server from one [Config]: the listener with TLS, the WebSocket endpoint at /ws
// and /websocket, the HTTP API for backends, the demo page at / in development mode, the probes of the platform at
// /healthz and /readyz, figures at /metrics, and a shutdown that leaves no conn without a close frame.
//
// A program makes a [Gateway] with [New], opens its listener with [Gateway.Listen], tells people [Gateway.URL] and calls
// [Gateway.Serve], which returns after its context has ended and every conn is closed:
//
//	g, err := gateway.New(gateway.Config{Dev: true})
//	if err != nil {
//		return err
//	}
//	l, err := g.Listen(ctx)
//	if err != nil {
//		return err
//	}
//	fmt.Println("open", g.URL(l.Addr()))
//	return g.Serve(ctx, l)
//
// A [Config] has a table of all settings, from which come its loading from a file, variables and flags ([Load]), the commented
// file with all defaults and docs/configuration.md.
//
// # How to think of it
//
//   - Requests pass the front (front.go): the log and figures of accesses, CORS, and for the WebSocket paths a look for proxies that
//     are not trusted and the limits per address. [Metrics] has the figures.
//   - Behind it people sign in (package auth), and speak hubbub.v1 (package rpc) with the hub. Backends call /api/v1 (package
//     httpapi). Inboxes (package inbox) and what else must last stand on a store (driver/sqlite); the rest is in memory
//     (driver/memory).
//   - The end has an order: /readyz answers 503 and new clients are refused, sessions are told to leave and closed in stages, what
//     waits for them is written, the listener closes, then what serves them and the store, and the figures end last.
//
// Anyone can type the protocol into a browser's console; docs/protocol.md has all of it. In development mode:
//
//	s = new WebSocket("ws://localhost:8080/ws?user=ann")
//	s.onmessage = (e) => console.log(e.data)
//	s.onopen = () => {
//	  s.send('{"id": 1, "method": "room.join", "params": {"room": "lobby"}}')
//	  s.send('{"id": 2, "method": "room.send", "params": {"room": "lobby", "data": {"text": "hello"}}}')
//	}
package gateway
