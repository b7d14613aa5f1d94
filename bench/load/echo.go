package main

import (
	"fmt"
	"time"
)

// canyon is the echo scenario: each conn sends, waits for its echo, and sends again.
type canyon struct {
	*crowd
	dialog *dialect

	sent, arrived int
	over          bool
	frame         []byte // scratch
}

func (y *canyon) call(c *conn) error {
	y.frame = y.dialog.message(y.frame[:0], c.index, c.got)
	y.sent++
	return c.write(y.frame)
}

func (y *canyon) message(c *conn, payload []byte) error {
	y.arrived++
	sender, seq, err := y.dialog.read(payload)
	if err != nil {
		return err
	}
	if sender != c.index || seq != c.got-1 {
		return fmt.Errorf("conn %d got the echo %d of conn %d in place of its own %d", c.index, seq, sender, c.got-1)
	}
	if y.over {
		return nil
	}
	return y.call(c)
}

func (y *canyon) pong(c *conn, payload []byte) error { return nobody{}.pong(c, payload) }

func (y *canyon) run(d time.Duration) error {
	y.over = false
	for _, c := range y.conns {
		if err := y.call(c); err != nil {
			return err
		}
	}
	var w watch
	for end := time.Now().Add(d); !y.over || y.arrived < y.sent; {
		if _, err := y.poll(y); err != nil {
			return err
		}
		now := time.Now()
		y.over = y.over || now.After(end)
		if err := w.check(now, y.arrived, y.sent); err != nil {
			return err
		}
	}
	return nil
}

// echo measures messages per second and CPU per message.
func echo(o options) (result, error) {
	d, err := newDialect(o.proto, "/echo")
	if err != nil {
		return nil, err
	}
	y := &canyon{dialog: &d}
	if y.crowd, err = gather(o.server, &d, "/echo", o.conns); err != nil {
		return nil, err
	}
	if err := y.run(o.warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	return measure(o, "messages", func() (int, error) {
		before := y.arrived
		err := y.run(o.time)
		return y.arrived - before, err
	})
}
