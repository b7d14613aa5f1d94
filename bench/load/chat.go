package main

import (
	"fmt"
	"time"
)

// chat is what members of a club say to their rooms.
type chat struct {
	*club
	lockstep    bool // one message at a time: the next is sent when everybody has the last one, and its sender the answer
	outstanding int  // of each member: messages without an answer
	oneWay      bool // only who is on the first server speaks

	sent, answered int
	arrived, due   int // deliveries
	over           bool
	frame          []byte // scratch
	text           []byte // scratch
}

// say makes a member send so many messages, in one write.
func (t *chat) say(m *member, n int) error {
	t.frame = t.frame[:0]
	for range n {
		t.text = append(t.text[:0], m.hall.before...)
		t.text = appendData(t.text, m.number, t.sent)
		t.text = append(t.text, m.hall.after...)
		t.frame = appendFrame(t.frame, opText, t.text)
		t.sent++
		m.hall.sent++
	}
	t.due += n * m.hall.size
	return m.write(t.frame)
}

func (t *chat) hear(m *member, kind heard) error {
	if kind == message {
		m.got++
		t.arrived++
	} else {
		t.answered++
		m.owed++
	}
	return nil
}

// speak is called for a member who has read: it sends as many messages as it has got answers.
func (t *chat) speak(m *member) error {
	n := m.owed
	m.owed = 0
	if n == 0 || t.over || t.lockstep {
		return nil
	}
	return t.say(m, n)
}

// speakers are the members who say something.
func (t *chat) speakers() []*member {
	if !t.oneWay {
		return t.members
	}
	var some []*member
	for _, m := range t.members {
		if m.number%len(t.servers) == 0 {
			some = append(some, m)
		}
	}
	return some
}

// run chats for the given time, then waits until all have everything.
func (t *chat) run(d time.Duration) error {
	t.over = false
	speakers, each := t.speakers(), t.outstanding
	if t.lockstep {
		speakers, each = t.members[:1], 1
	}
	for _, m := range speakers {
		m.owed = 0
		if err := t.say(m, each); err != nil {
			return err
		}
	}
	var w watch
	for end := time.Now().Add(d); ; {
		if _, err := t.poll(); err != nil {
			return err
		}
		quiet := t.arrived == t.due && t.answered == t.sent
		if t.over && quiet {
			return t.verify()
		}
		if t.lockstep && quiet {
			if err := t.say(t.members[0], 1); err != nil {
				return err
			}
		}
		now := time.Now()
		t.over = t.over || now.After(end)
		if err := w.check(now, t.arrived+t.answered, t.due+t.sent); err != nil {
			return err
		}
	}
}

// verify makes sure that each member got each message of its room once.
func (t *chat) verify() error {
	for _, m := range t.members {
		if m.got != m.hall.sent {
			return fmt.Errorf("member %d got %d messages of %d", m.number, m.got, m.hall.sent)
		}
	}
	return nil
}

// rooms measures deliveries in rooms.
func rooms(o options) (result, error) {
	k, err := newClub(o, o.conns, o.roomSize)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(o.conns); err != nil {
		return nil, err
	}
	t := &chat{club: k, lockstep: o.lockstep, outstanding: o.outstanding, oneWay: o.oneWay}
	k.listener = t
	if err := t.run(o.warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	var sent int
	r, err := measure(o, "deliveries", func() (int, error) {
		before := t.arrived
		sent = t.sent
		err := t.run(o.time)
		sent = t.sent - sent
		return t.arrived - before, err
	})
	if err != nil {
		return nil, err
	}
	r["messages_per_second"] = float64(sent) / r["seconds"]
	return r, nil
}

// signIns measures signing in and joining a room that has many people already.
func signIns(o options) (result, error) {
	warm := min(o.conns, 500)
	k, err := newClub(o, o.conns+warm, o.conns+warm)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	return measure(o, "sessions", func() (int, error) { return o.conns, k.signIn(o.conns + warm) })
}
