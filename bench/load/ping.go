package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// pinger is a conn of its own on /echo that measures round trips while the hall is busy. It sends on its own schedule, each
// time an uneven 10 to 30 ms later, whether or not the last answer has come, and counts from the moment a send was due: a
// server that stalls cannot hide the pings that it kept from being sent.
type pinger struct {
	conn   *conn
	dialog *dialect
	pongs  bool // the peer answers control pings

	messages, controls trips
}

// trips is one kind of ping.
type trips struct {
	next  time.Time
	due   []time.Time     // when each was due, by sequence number
	took  []time.Duration // of the answered ones, in order
	quiet bool            // no new ones
}

func (t *trips) ready(now time.Time) bool { return !t.quiet && !now.Before(t.next) }

func (t *trips) start(now time.Time) int {
	if t.next.IsZero() {
		t.next = now
	}
	t.due = append(t.due, t.next)
	t.next = t.next.Add(10*time.Millisecond + rand.N(20*time.Millisecond))
	return len(t.due) - 1
}

// answered notes all trips up to seq: an answer to a control ping stands for those before it (RFC 6455, section 5.5.3).
func (t *trips) answered(seq int, now time.Time) error {
	if seq < len(t.took) || seq >= len(t.due) {
		return fmt.Errorf("ping %d was answered out of turn, after %d of %d", seq, len(t.took), len(t.due))
	}
	for i := len(t.took); i <= seq; i++ {
		t.took = append(t.took, now.Sub(t.due[i]))
	}
	return nil
}

func (t *trips) waiting() bool { return len(t.took) < len(t.due) }

// step is called between the hall's reads: it sends what is due and takes what has come.
func (p *pinger) step(now time.Time) error {
	if p.messages.ready(now) {
		if err := p.conn.write(p.dialog.message(nil, 0, p.messages.start(now))); err != nil {
			return err
		}
	}
	if p.pongs && p.controls.ready(now) {
		seq := binary.BigEndian.AppendUint64(nil, uint64(p.controls.start(now)))
		if err := p.conn.write(appendFrame(nil, opPing, seq)); err != nil {
			return err
		}
	}
	if p.messages.waiting() || p.controls.waiting() {
		return p.conn.read(p)
	}
	return nil
}

func (p *pinger) message(_ *conn, payload []byte) error {
	_, seq, err := p.dialog.read(payload)
	if err != nil {
		return err
	}
	if seq != len(p.messages.took) {
		return fmt.Errorf("echo %d came after %d echoes", seq, len(p.messages.took))
	}
	return p.messages.answered(seq, time.Now())
}

func (p *pinger) pong(_ *conn, payload []byte) error {
	if len(payload) != 8 {
		return fmt.Errorf("a pong with %d bytes for a ping with 8", len(payload))
	}
	return p.controls.answered(int(binary.BigEndian.Uint64(payload)), time.Now())
}

// finish waits for the answers that are still out.
func (p *pinger) finish() error {
	p.messages.quiet, p.controls.quiet = true, true
	for end := time.Now().Add(patience); p.messages.waiting() || p.controls.waiting(); {
		if err := p.step(time.Now()); err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("lost pings: %d of %d messages, %d of %d controls answered",
				len(p.messages.took), len(p.messages.due), len(p.controls.took), len(p.controls.due))
		}
	}
	return nil
}

// ping measures round trips while lockstep broadcasts run.
func ping(o options) (result, error) {
	o.lockstep = true
	h, err := newHall(o)
	if err != nil {
		return nil, err
	}
	d, err := newDialect(o.proto, "/echo")
	if err != nil {
		return nil, err
	}
	c, err := dial(o.server, &d, "/echo", 0)
	if err != nil {
		return nil, err
	}
	if err := h.run(o.warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	p := &pinger{conn: c, dialog: &d, pongs: o.proto == "ws"}
	h.side = p.step
	res, err := measure(o, "deliveries", func() (int, error) {
		before := h.arrived
		err := h.run(o.time)
		return h.arrived - before, err
	})
	if err != nil {
		return nil, err
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	p.messages.report(res, "ping")
	p.controls.report(res, "control")
	return res, nil
}

// report adds the count and the quantiles, in milliseconds.
func (t *trips) report(r result, name string) {
	n := len(t.took)
	if n == 0 {
		return
	}
	slices.Sort(t.took)
	ms := func(i int) float64 { return float64(t.took[min(i, n-1)]) / float64(time.Millisecond) }
	r[name+"_count"] = float64(n)
	r[name+"_p50_ms"] = ms(n / 2)
	r[name+"_p99_ms"] = ms(n * 99 / 100)
	r[name+"_max_ms"] = ms(n - 1)
}
