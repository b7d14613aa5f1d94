package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// letters is people who write to each other in pairs, and wait for the reply before they write again.
type letters struct {
	*club
	sent, answered, arrived int
	over                    bool
	frame, text             []byte // scratch
}

// write has a member send a message to its partner.
func (l *letters) send(m *member) error {
	l.text = fmt.Appendf(l.text[:0], `{"id":2,"method":"user.send","params":{"user":"user-%d","data":"`, m.number^1)
	l.text = appendData(l.text, m.number, l.sent)
	l.text = append(l.text, `"}}`...)
	l.frame = appendFrame(l.frame[:0], opText, l.text)
	l.sent++
	return m.write(l.frame)
}

func (l *letters) hear(m *member, kind heard) error {
	if kind == answer {
		l.answered++
		m.owed++
	}
	return nil
}

// overhear counts what has arrived: each message at both of the pair.
func (l *letters) overhear(frame []byte) {
	if strings.HasPrefix(string(frame[:min(len(frame), 64)]), `{"jsonrpc":"2.0","method":"user.message"`) {
		l.arrived++
	}
}

func (l *letters) speak(m *member) error {
	n := m.owed
	m.owed = 0
	for range n {
		if l.over {
			return nil
		}
		if err := l.send(m); err != nil {
			return err
		}
	}
	return nil
}

// run goes on for the given time, then waits for the last replies.
func (l *letters) run(d time.Duration) error {
	l.over = false
	for _, m := range l.members {
		m.owed = 0
		if err := l.send(m); err != nil {
			return err
		}
	}
	var w watch
	for end := time.Now().Add(d); ; {
		if _, err := l.poll(); err != nil {
			return err
		}
		if l.over && l.answered == l.sent && l.arrived == 2*l.sent {
			return nil
		}
		now := time.Now()
		l.over = l.over || now.After(end)
		if err := w.check(now, l.answered+l.arrived, 3*l.sent); err != nil {
			return err
		}
	}
}

// private measures private messages that are accepted: committed by the store, if the server has one.
func private(o options) (result, error) {
	k, err := newClub(o, o.conns, o.conns)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(o.conns); err != nil {
		return nil, err
	}
	l := &letters{club: k}
	k.listener = l
	if err := l.run(o.warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	before, err := o.commits()
	if err != nil {
		return nil, err
	}
	size, err := o.storeSize()
	if err != nil {
		return nil, err
	}
	r, err := measure(o, "messages", func() (int, error) {
		before := l.answered
		err := l.run(o.time)
		return l.answered - before, err
	})
	if err != nil {
		return nil, err
	}
	after, err := o.commits()
	if err != nil {
		return nil, err
	}
	r["messages_per_commit"] = r["messages"] / (after - before)
	grown, err := o.storeSize()
	r["store_bytes_per_message"] = float64(grown-size) / r["messages"]
	return r, err
}

// commits asks how many commits the store has made.
func (o options) commits() (float64, error) {
	client := &http.Client{Timeout: handshakeTimeout}
	defer client.CloseIdleConnections()
	m, err := scrape(client, "http://"+o.server.String()+"/metrics")
	if err != nil {
		return 0, err
	}
	commits, ok := m["hubbub_store_commits_total"]
	if !ok {
		return 0, fmt.Errorf("/metrics does not tell hubbub_store_commits_total")
	}
	return commits, nil
}

// storeSize is how large the store's file is. Its write-ahead log, which does not grow in the long run, does not count.
func (o options) storeSize() (int64, error) {
	info, err := os.Stat(o.store)
	if err != nil {
		return 0, fmt.Errorf("-store: %w", err)
	}
	return info.Size(), nil
}
