package memory

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// takers are the streams that the users of one shard take part in.
type takers struct {
	mu     sync.Mutex
	byUser map[string][]*stream
}

func (t *takers) add(user string, s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byUser == nil {
		t.byUser = make(map[string][]*stream)
	}
	t.byUser[user] = append(t.byUser[user], s)
}

func (t *takers) remove(user string, s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := slices.DeleteFunc(t.byUser[user], func(other *stream) bool { return other == s })
	if len(rest) == 0 {
		delete(t.byUser, user)
		return
	}
	t.byUser[user] = rest
}

func (t *takers) of(user string) []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.byUser[user])
}

// readers are the users who take part in a stream: both of a pair, those of a room who sent or read something of which
// anything is kept.
type readers struct {
	pair   [2]reader // of a pair
	room   map[string]*reader
	tidyAt int // when room has this many, those who have long been away are forgotten
}

type reader struct {
	read   uint64 // the offset up to which the user has read
	active uint64 // the last offset that the user sent or read
}

const tidyFirst = 64

// users returns who takes part in a stream; of a pair each user once.
func (s *stream) users() []string {
	switch {
	case s.name.Room == "" && s.name.Pair[0] == s.name.Pair[1]:
		return s.name.Pair[:1]
	case s.name.Room == "":
		return s.name.Pair[:]
	case s.takers == nil:
		return nil
	}
	all := make([]string, 0, len(s.takers.room))
	for user := range s.takers.room {
		all = append(all, user)
	}
	return all
}

// takePart notes who takes part in a stream by a message.
func (d *Driver) takePart(s *stream, m *hubbub.Message) {
	switch {
	case s.name.Room != "" && m.From.User != "":
		r := d.reader(s, m.From.User)
		r.active = m.Position.Offset
	case s.name.Room == "" && s.takers == nil:
		s.takers = &readers{}
		for _, user := range s.users() {
			d.takers[shard(d, user)].add(user, s)
		}
	}
}

// reader returns what is known about a user of a stream that is locked, and makes the user one if need be. It returns nil for
// a user who is none of a pair.
func (d *Driver) reader(s *stream, user string) *reader {
	if s.name.Room == "" {
		at := slices.Index(s.name.Pair[:], user)
		if at < 0 || s.takers == nil {
			return nil
		}
		return &s.takers.pair[at]
	}
	if s.takers == nil {
		s.takers = &readers{room: make(map[string]*reader, 1), tidyAt: tidyFirst}
	}
	r := s.takers.room[user]
	if r == nil {
		d.tidy(s)
		r = &reader{}
		s.takers.room[user] = r
		d.takers[shard(d, user)].add(user, s)
	}
	return r
}

// tidy forgets the users of a room of whose time nothing is kept. It looks each time their number has doubled.
func (d *Driver) tidy(s *stream) {
	if len(s.takers.room) < s.takers.tidyAt {
		return
	}
	for user, r := range s.takers.room {
		if r.active <= s.before() {
			delete(s.takers.room, user)
			d.takers[shard(d, user)].remove(user, s)
		}
	}
	s.takers.tidyAt = max(tidyFirst, 2*len(s.takers.room))
}

// MarkRead implements [hubbub.Conversations].
func (d *Driver) MarkRead(_ context.Context, user string, name hubbub.Stream, p hubbub.Position) (changed bool, err error) {
	s := d.locked(name, false)
	if s == nil {
		return false, notThere(name)
	}
	defer s.mu.Unlock()
	if !s.has(p) {
		return false, notThere(name)
	}
	r := d.reader(s, user)
	if r == nil || p.Offset <= r.read {
		return false, nil
	}
	r.read, r.active = p.Offset, max(r.active, p.Offset)
	return true, nil
}

func notThere(name hubbub.Stream) error {
	return hubbub.Errorf(hubbub.Invalid, "%s has no such position; take one of a message that was received from it", name)
}

// Conversations implements [hubbub.Conversations].
func (d *Driver) Conversations(_ context.Context, user, before string, limit int) (hubbub.ConversationPage, error) {
	from, err := parsePlace(before)
	if err != nil {
		return hubbub.ConversationPage{}, err
	}
	type found struct {
		place uint64
		s     *stream
	}
	var all []found
	for _, s := range d.takers[shard(d, user)].of(user) {
		if at := d.place(s); at != 0 && at < from {
			all = append(all, found{at, s})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(b.place, a.place) })
	var page hubbub.ConversationPage
	for i, f := range all {
		if i == max(0, limit) {
			break
		}
		if c, ok := d.conversation(f.s, user); ok {
			c.Cursor = strconv.FormatUint(f.place, 36)
			page.Conversations = append(page.Conversations, c)
		}
		if i+1 < len(all) && i+1 == limit {
			page.Next = strconv.FormatUint(f.place, 36)
		}
	}
	return page, nil
}

// parsePlace returns the place in a list of conversations that those to be listed come after. The list is in falling order.
func parsePlace(s string) (uint64, error) {
	if s == "" {
		return math.MaxUint64, nil
	}
	place, err := strconv.ParseUint(s, 36, 64)
	if err != nil {
		return 0, hubbub.Errorf(hubbub.Invalid, "%q is no place in a list of conversations; take the next of a page", s)
	}
	return place, nil
}

// place returns where a stream stands in lists; 0 if nothing of it is kept.
func (d *Driver) place(s *stream) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(d.options.Now(), -1)
	if s.empty() {
		return 0
	}
	return s.newest
}

const maxUnread = 1000

// conversation describes a stream as a user sees it; false if nothing of it is kept any more.
func (d *Driver) conversation(s *stream, user string) (hubbub.Conversation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.empty() || s.forgotten {
		return hubbub.Conversation{}, false
	}
	newest := s.kept.len() - 1
	for isHole(*s.kept.at(newest)) {
		newest--
	}
	c := hubbub.Conversation{Stream: s.name, Last: **s.kept.at(newest)}
	read := s.readBy(user)
	c.Read = s.readPosition(read)
	if s.name.Room == "" {
		c.PeerRead = s.readPosition(s.readBy(s.name.Peer(user)))
	}
	for i := newest; i >= 0 && c.Unread < maxUnread; i-- {
		m := *s.kept.at(i)
		if m.Position.Offset <= read {
			break
		}
		if m.From.User != user && !isHole(m) {
			c.Unread++
		}
	}
	return c, true
}

// readBy returns the offset up to which a user has read.
func (s *stream) readBy(user string) uint64 {
	if s.takers == nil {
		return 0
	}
	if at := slices.Index(s.name.Pair[:], user); s.name.Room == "" && at >= 0 {
		return s.takers.pair[at].read
	}
	if r := s.takers.room[user]; r != nil {
		return r.read
	}
	return 0
}

func (s *stream) readPosition(offset uint64) hubbub.Position {
	if offset == 0 {
		return hubbub.Position{}
	}
	return s.position(offset)
}
