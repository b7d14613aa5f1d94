package main

import (
	"fmt"
	"time"
)

// hall is the broadcast scenario: a crowd on /broadcast of which the first conns speak.
type hall struct {
	*crowd
	dialog   *dialect
	senders  int  // messages on their way at once, one per sender
	lockstep bool // one message at a time: the next is sent when the last one has reached every conn

	sent, arrived int
	over          bool   // the time is up: nobody sends any more
	frame         []byte // scratch
	side          func(now time.Time) error
}

// speak lets a conn send its next message.
func (h *hall) speak(c *conn) error {
	h.frame = h.dialog.message(h.frame[:0], c.index, h.sent)
	h.sent++
	return c.write(h.frame)
}

func (h *hall) message(c *conn, payload []byte) error {
	h.arrived++
	if h.lockstep {
		if h.arrived == h.sent*len(h.conns) && !h.over {
			return h.speak(h.conns[h.sent%len(h.conns)])
		}
		return nil
	}
	if c.index >= h.senders {
		return nil
	}
	sender, _, err := h.dialog.read(payload)
	if err != nil || sender != c.index || h.over {
		return err
	}
	return h.speak(c)
}

func (h *hall) pong(c *conn, payload []byte) error { return nobody{}.pong(c, payload) }

// run broadcasts for the given time, then waits until every conn has every message.
func (h *hall) run(d time.Duration) error {
	h.over = false
	for _, c := range h.conns[:h.senders] {
		if err := h.speak(c); err != nil {
			return err
		}
	}
	var w watch
	for end := time.Now().Add(d); !h.over || h.arrived < h.sent*len(h.conns); {
		if _, err := h.poll(h); err != nil {
			return err
		}
		now := time.Now()
		h.over = h.over || now.After(end)
		if err := w.check(now, h.arrived, h.sent*len(h.conns)); err != nil {
			return err
		}
		if h.side != nil {
			if err := h.side(now); err != nil {
				return err
			}
		}
	}
	return h.verify()
}

// verify makes sure that each conn got each message once.
func (h *hall) verify() error {
	for _, c := range h.conns {
		if c.got != h.sent {
			return fmt.Errorf("conn %d got %d messages of %d", c.index, c.got, h.sent)
		}
	}
	return nil
}

// broadcast measures CPU per delivery and deliveries per second.
func broadcast(o options) (result, error) {
	h, err := newHall(o)
	if err != nil {
		return nil, err
	}
	if err := h.run(o.warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	return measure(o, "deliveries", func() (int, error) {
		before := h.arrived
		err := h.run(o.time)
		return h.arrived - before, err
	})
}

func newHall(o options) (*hall, error) {
	d, err := newDialect(o.proto, "/broadcast")
	if err != nil {
		return nil, err
	}
	h := &hall{dialog: &d, senders: min(o.outstanding, o.conns), lockstep: o.lockstep}
	if h.lockstep {
		h.senders = 1
	}
	h.crowd, err = gather(o.server, h.dialog, "/broadcast", o.conns)
	return h, err
}
