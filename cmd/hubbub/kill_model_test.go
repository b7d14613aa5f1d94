package main_test

import (
	"cmp"
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

// model is what was acknowledged. Its maps do not change; what is in them may be used concurrently.
type model struct {
	streams map[string]*stream // rooms, and pairs by pairOf
	boxes   map[string]*box    // by user
}

func newModel() *model {
	m := &model{streams: map[string]*stream{}, boxes: map[string]*box{}}
	for _, room := range rooms {
		m.streams[room] = &stream{read: map[string]hubbub.Position{}}
	}
	for _, name := range everybody() {
		m.boxes[name] = &box{user: name, items: map[string]*item{}}
		for _, other := range people {
			m.streams[pairOf(name, other)] = &stream{read: map[string]hubbub.Position{}}
		}
	}
	return m
}

func pairOf(a, b string) string { return min(a, b) + " and " + max(a, b) }

// stream is a room or a pair.
type stream struct {
	mu       sync.Mutex
	accepted []message
	read     map[string]hubbub.Position // by user
}

type message struct {
	id, from, data string // from is "" for backends
	position       hubbub.Position
}

func (s *stream) accept(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = append(s.accepted, m)
}

// inOrder is a copy, in the order of the positions.
func (s *stream) inOrder() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.accepted)
	slices.SortFunc(all, func(a, b message) int { return cmp.Compare(a.position.Offset, b.position.Offset) })
	return all
}

func (s *stream) newest() hubbub.Position {
	all := s.inOrder()
	if len(all) == 0 {
		return hubbub.Position{}
	}
	return all[len(all)-1].position
}

func (s *stream) markRead(user string, p hubbub.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Offset > s.read[user].Offset {
		s.read[user] = p
	}
}

func (s *stream) readBy(user string) hubbub.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read[user]
}

// states in their order.
var states = []hubbub.NoticeState{hubbub.NoticeUnseen, hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived}

const (
	unseen = iota
	seen
	read
	archived
)

// box is an inbox. Only one actor marks it; several publish into it.
type box struct {
	user string

	mu    sync.Mutex
	items map[string]*item // by id
	marks []mark           // of all or of a category, in their order
}

// mark is one of many notices. What was published while it was made may have it or not.
type mark struct {
	category string // "" means all
	state    int
}

// item is a notice of which it may not be known whether a mark or a withdrawal has met it.
type item struct {
	category, collapse string
	accepted           bool // its publisher knows of it
	low, high          int  // the state is between them
	absent             bool // it may be missing
	gone               bool // it must be missing
	expires            bool // some time it is gone
}

// publishing notes that a notice is about to be published: older ones with the same collapse may go from now on. It returns how
// many marks each box had, the last of which may not have been made yet.
func (m *model) publishing(n client.NewNotice, to []string) []int {
	var began []int
	for _, name := range to {
		b := m.boxes[name]
		b.mu.Lock()
		began = append(began, max(len(b.marks)-1, 0))
		b.collapse(n.Collapse, "", false)
		b.mu.Unlock()
	}
	return began
}

// published notes that a notice is accepted.
func (m *model) published(n client.NewNotice, to []string, id string, began []int) {
	for i, name := range to {
		b := m.boxes[name]
		b.mu.Lock()
		it := b.items[id]
		if it == nil {
			it = &item{category: n.Category}
			for _, mark := range b.marks[began[i]:] {
				if mark.category == "" || mark.category == n.Category {
					it.high = max(it.high, mark.state)
				}
			}
			b.items[id] = it
		}
		it.accepted, it.collapse, it.expires = true, n.Collapse, !n.Expires.IsZero()
		it.absent = it.expires || !n.At.IsZero()
		b.collapse(n.Collapse, id, true)
		b.mu.Unlock()
	}
}

// collapse notes that all notices with the same collapse but one go, or may go. mu is held.
func (b *box) collapse(collapse, but string, surely bool) {
	for id, it := range b.items {
		if collapse != "" && it.collapse == collapse && id != but {
			it.absent, it.gone = true, it.gone || surely
		}
	}
}

// vanish notes that a publication goes, or may go.
func (m *model) vanish(id string, surely bool) {
	for _, b := range m.boxes {
		b.mu.Lock()
		if it := b.items[id]; it != nil {
			it.absent, it.gone = true, it.gone || surely
		}
		b.mu.Unlock()
	}
}

// inboxOf is a way to a user's inbox.
type inboxOf struct {
	list func(context.Context, client.InboxQuery) (client.InboxPage, error)
	mark func(context.Context, client.InboxMark) error
}

// mark marks some of the notices of a box, or all, after a look at some of them.
func (w *world) mark(b *box, in inboxOf) {
	page := w.look(b, in)
	state := pick([]client.MarkState{client.MarkSeen, client.MarkSeen, client.MarkRead, client.MarkUnread, client.MarkArchived})
	m := client.InboxMark{State: state}
	switch n := mathrand.IntN(10); {
	case n == 0 && state != client.MarkUnread:
		m.All = true
	case n == 1 && state != client.MarkUnread:
		m.Category = pick(categories)
	case len(page) == 0:
		return
	default:
		for range 1 + mathrand.IntN(5) {
			m.IDs = append(m.IDs, pick(page).ID)
		}
	}
	concerned := b.marking(m)
	w.insist("mark the inbox of "+b.user, func(ctx context.Context) error { return in.mark(ctx, m) })
	b.marked(m, concerned)
}

// look reads a page, compares it with what is known, and knows it exactly then, since nobody else marks the box.
func (w *world) look(b *box, in inboxOf) []client.Notice {
	q := client.InboxQuery{Limit: 1 + mathrand.IntN(30), State: pick([]string{"", "", "unread", "archived"})}
	var page client.InboxPage
	w.insist("list the inbox of "+b.user, func(ctx context.Context) (err error) {
		page, err = in.list(ctx, q)
		return err
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range page.Notices {
		if wrong := b.observe(n); wrong != "" {
			w.t.Errorf("inbox of %s: %s: %+v", b.user, wrong, n)
		}
	}
	return page.Notices
}

// observe compares a notice with what is known, and knows it exactly from now on. mu is held.
func (b *box) observe(n client.Notice) (wrong string) {
	state := slices.Index(states, n.State)
	it := b.items[n.ID]
	switch {
	case it == nil: // its publisher does not know yet that it is accepted
		b.items[n.ID] = &item{category: n.Category, low: state, high: state}
		return ""
	case state < it.low || state > it.high:
		return "its state should be from " + string(states[it.low]) + " to " + string(states[it.high])
	}
	it.low, it.high = state, state
	return ""
}

// marking notes that notices may have another state from now on, and returns those that will have: all that are known now.
func (b *box) marking(m client.InboxMark) []*item {
	b.mu.Lock()
	defer b.mu.Unlock()
	state := target(m.State)
	if len(m.IDs) == 0 {
		b.marks = append(b.marks, mark{m.Category, state})
	}
	var concerned []*item
	for id, it := range b.items {
		if m.All || m.Category != "" && it.category == m.Category || slices.Contains(m.IDs, id) {
			it.high = max(it.high, state)
			if m.State == client.MarkUnread {
				it.low = min(it.low, state)
			}
			concerned = append(concerned, it)
		}
	}
	return concerned
}

// target is the state that a mark leads to.
func target(s client.MarkState) int {
	if s == client.MarkUnread {
		return seen
	}
	return slices.Index(states, hubbub.NoticeState(s))
}

// marked notes that a mark is done.
func (b *box) marked(m client.InboxMark, concerned []*item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range concerned {
		switch {
		case m.State == client.MarkUnread:
			it.high = seen
		case len(m.IDs) > 0 || it.accepted && !it.absent:
			it.low = max(it.low, target(m.State))
		}
	}
}

// settle notes what time has done: all is published that was scheduled, and gone what expires.
func (b *box) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range b.items {
		it.gone = it.gone || it.expires
		it.absent = it.gone
	}
}

// compare compares what is in an inbox with what is known. In the end everything in it must be known.
func (b *box) compare(found map[string]client.Notice, final bool) (wrong []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, it := range b.items {
		if _, here := found[id]; !here && it.accepted && !it.absent {
			wrong = append(wrong, fmt.Sprintf("%s is missing: %+v", id, *it))
		}
	}
	for id, n := range found {
		it := b.items[id]
		switch {
		case it == nil || !it.accepted:
			if final {
				wrong = append(wrong, fmt.Sprintf("nobody has published %+v", n))
			}
		case it.gone:
			wrong = append(wrong, fmt.Sprintf("it should be gone: %+v", n))
		case b.observe(n) != "":
			wrong = append(wrong, fmt.Sprintf("the state should be from %d to %d: %+v", it.low, it.high, n))
		}
	}
	return wrong
}
