package main

import (
	"context"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// pushing is the same chat over WebSocket: nothing moves until there is a message.
func pushing() service {
	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	everyone := router.Handle("/messages", func(c *ws.Conn) {})
	return service{
		handler: router,
		client:  listen,
		say:     func(now time.Time) { everyone.Broadcast(ws.JSON(now)) },
	}
}

// listen waits for messages until ctx ends.
func listen(ctx context.Context, addr string, _ plan, m *meter) error {
	m.requests.Add(1)
	c, err := ws.Dial(ctx, "ws://"+addr+"/messages", ws.DialOptions{NetDial: m.dial})
	if err != nil {
		return err
	}
	defer c.Terminate()
	for message := range c.Messages(ctx) {
		var sent time.Time
		if err := message.Unmarshal(&sent); err != nil {
			return err
		}
		m.received(sent)
	}
	return nil
}
