// Package gateway assembles the hubbub server from one [Config]: the listener, the WebSocket endpoint at /ws, the demo
// page at /, the probes of the platform at /healthz and /readyz, and a shutdown that leaves no conn without a close frame.
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
// This first version has development mode only. At /ws it speaks what the demo chat needs of hubbub.v1, the JSON-RPC
// protocol of the gateway: the requests room.join, room.present and room.send for the one room "lobby", and the
// notifications welcome, room.message, room.joined and room.left. Anyone can type it into a browser's console:
//
//	s = new WebSocket("ws://localhost:8080/ws?user=ann")
//	s.onmessage = (e) => console.log(e.data)
//	s.onopen = () => {
//	  s.send('{"id": 1, "method": "room.join", "params": {"room": "lobby"}}')
//	  s.send('{"id": 2, "method": "room.send", "params": {"room": "lobby", "data": {"text": "hello"}}}')
//	}
package gateway
