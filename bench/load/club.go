package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// listener gets what members hear in their rooms.
type listener interface {
	hear(m *member, kind heard) error
	speak(m *member) error // m has read all that was there
}

// eavesdropper is a listener who looks at each frame that a member gets by itself.
type eavesdropper interface{ overhear(frame []byte) }

// club is members who have signed in, each in one room.
type club struct {
	*crowd
	servers  []netip.AddrPort
	lang     language
	dialog   *dialect
	members  []*member
	rooms    map[string]*room
	listener // of what is heard in rooms; nil while nothing is of interest

	in int // members who are in their room
}

// newClub makes a club of n people who have tokens and are still out, size of them in each room.
func newClub(o options, n, size int) (*club, error) {
	lang, err := languageOf(o.proto)
	if err != nil {
		return nil, err
	}
	sign, err := newSigner(o.key)
	if err != nil {
		return nil, err
	}
	d := &dialect{raw: true, buffer: make([]byte, 256<<10)}
	k := &club{servers: o.servers, lang: lang, dialog: d, rooms: map[string]*room{}}
	if k.crowd, err = newCrowd(n); err != nil {
		return nil, err
	}
	now := time.Now()
	for i := range n {
		m := &member{number: i, name: o.first + i, room: "room-" + strconv.Itoa((o.first+i)/size)}
		if m.token, err = sign.token(m.user(), now); err != nil {
			return nil, err
		}
		if k.rooms[m.room] == nil {
			before, after := lang.sends(m.room)
			k.rooms[m.room] = &room{before: before, after: after}
		}
		m.hall = k.rooms[m.room]
		m.hall.size++
		k.members = append(k.members, m)
	}
	return k, nil
}

// signIn lets people in until n are, some of them at a time so that neither side waits for the other.
func (k *club) signIn(n int) error {
	const atATime = 16
	var w watch
	for k.in < n {
		for len(k.conns) < n && len(k.conns) < k.in+atATime {
			if err := k.knock(k.members[len(k.conns)]); err != nil {
				return err
			}
		}
		if _, err := k.poll(); err != nil {
			return err
		}
		if err := w.check(time.Now(), k.in, n); err != nil {
			return err
		}
	}
	return nil
}

// knock connects and asks for the upgrade.
func (k *club) knock(m *member) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket %d: %w", m.number, err)
	}
	m.conn = &conn{fd: fd, index: m.number, dialog: k.dialog}
	server := k.servers[m.number%len(k.servers)]
	if err := m.connect(server); err != nil {
		return err
	}
	if err := k.add(m.conn); err != nil {
		return err
	}
	return m.write(k.lang.upgrade(server.String(), m))
}

func (k *club) poll() (int, error) {
	return k.each(func(i int) error {
		m := k.members[i]
		if !m.upgraded {
			return k.enter(m)
		}
		if err := m.read(ear{k, m}); err != nil || k.listener == nil {
			return err
		}
		return k.speak(m)
	})
}

// enter reads the answer to the upgrade, and what came with it.
func (k *club) enter(m *member) error {
	n, err := recv(m.fd, k.dialog.buffer)
	if err == unix.EAGAIN {
		return nil
	}
	if err != nil || n == 0 {
		return fmt.Errorf("upgrade %d: %w (%v)", m.number, errGone, err)
	}
	m.carry = append(m.carry, k.dialog.buffer[:n]...)
	end := bytes.Index(m.carry, []byte("\r\n\r\n"))
	if end < 0 {
		return nil
	}
	if !bytes.HasPrefix(m.carry, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("upgrade %d refused: %.300q", m.number, m.carry)
	}
	m.upgraded = true
	if say := k.lang.opened(m); say != nil {
		if err := m.write(say); err != nil {
			return err
		}
	}
	return m.parse(ear{k, m}, bytes.Clone(m.carry[end+4:]))
}

// ear is a member who gets text frames as they are.
type ear struct {
	*club
	*member
}

func (e ear) message(_ *conn, frame []byte) error {
	if e.member.in {
		return e.inside(frame)
	}
	say, in, err := e.lang.signIn(e.member, frame)
	if err != nil {
		return fmt.Errorf("member %d: %w", e.number, err)
	}
	if in {
		e.member.in = true
		e.club.in++
	}
	if say != nil {
		return e.write(say)
	}
	return nil
}

func (e ear) inside(frame []byte) error {
	kind, say, err := e.lang.hears(frame)
	if err != nil {
		return fmt.Errorf("member %d: %w", e.number, err)
	}
	if say != nil {
		return e.write(say)
	}
	if kind == other || e.listener == nil {
		if all, ok := e.listener.(eavesdropper); ok {
			all.overhear(frame)
		}
		return nil
	}
	return e.hear(e.member, kind)
}

func (e ear) pong(c *conn, payload []byte) error { return nobody{}.pong(c, payload) }
