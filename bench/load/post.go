package main

import (
	"bytes"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// backends are those who send to a room by the HTTP API, each again when the last message is accepted.
type backends struct {
	*club
	sockets []*poster
	request []byte // the whole of it
	answer  []byte // scratch

	sent, accepted, arrived int
	over                    bool
}

// poster is one kept-alive conn of a backend.
type poster struct {
	*conn
	waits bool // for an answer
}

func (b *backends) hear(_ *member, kind heard) error {
	if kind == message {
		b.arrived++
	}
	return nil
}

func (b *backends) speak(*member) error { return nil }

// dial opens the conns of the backends.
func (b *backends) dial(o options) error {
	body := string(appendData([]byte(`{"data":"`), 0, 0)) + `"}`
	b.request = fmt.Appendf(nil, "POST /api/v1/rooms/room-0/messages HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", o.server, benchKey, len(body), body)
	b.answer = make([]byte, 4096)
	for i := range o.outstanding {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		p := &poster{conn: &conn{fd: fd, index: i}}
		if err := p.connect(o.server); err != nil {
			return err
		}
		b.sockets = append(b.sockets, p)
	}
	return nil
}

// turn looks at each backend once: who has an answer sends again.
func (b *backends) turn() error {
	for _, p := range b.sockets {
		if p.waits {
			if err := b.accept(p); err != nil {
				return err
			}
		}
		if p.waits || b.over {
			continue
		}
		if err := p.write(b.request); err != nil {
			return err
		}
		p.waits = true
		b.sent++
	}
	return nil
}

// accept reads an answer, if it is there: anything but 2xx is an error. Both servers write an answer at once.
func (b *backends) accept(p *poster) error {
	n, err := recv(p.fd, b.answer)
	switch {
	case err == unix.EAGAIN:
		return nil
	case err != nil || n == 0:
		return fmt.Errorf("the API closed its conn: %v", err)
	case !bytes.HasPrefix(b.answer[:n], []byte("HTTP/1.1 2")) || !bytes.Contains(b.answer[:n], []byte(`"id":`)):
		return fmt.Errorf("the API answered %.300q", b.answer[:n])
	}
	p.waits = false
	b.accepted++
	return nil
}

// run goes on for the given time, then waits until everybody has everything.
func (b *backends) run(d time.Duration) error {
	b.over = false
	var w watch
	for end := time.Now().Add(d); ; {
		if err := b.turn(); err != nil {
			return err
		}
		if _, err := b.poll(); err != nil {
			return err
		}
		all := b.sent * len(b.members)
		if b.arrived > all {
			return fmt.Errorf("%d messages arrived, and only %d were due", b.arrived, all)
		}
		if b.over && b.accepted == b.sent && b.arrived == all {
			return nil
		}
		now := time.Now()
		b.over = b.over || now.After(end)
		if err := w.check(now, b.accepted+b.arrived, b.sent+all); err != nil {
			return err
		}
	}
}

// posts measures messages that backends send to a room.
func posts(o options) (result, error) {
	k, err := newClub(o, o.conns, o.conns)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(o.conns); err != nil {
		return nil, err
	}
	b := &backends{club: k}
	k.listener = b
	if err := b.dial(o); err != nil {
		return nil, err
	}
	if err := b.run(o.warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	return measure(o, "messages", func() (int, error) {
		before := b.accepted
		err := b.run(o.time)
		return b.accepted - before, err
	})
}
