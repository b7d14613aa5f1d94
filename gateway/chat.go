package gateway

import (
	"cmp"
	"crypto/rand"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// The limits of the demo chat. Each has an error that names it, or a result that says that there is more.
const (
	lobby          = "lobby" // the one room
	maxRequest     = 16 << 10
	maxText        = 4096      // bytes of one message's text
	maxName        = 128       // bytes of a user or name
	maxID          = 64        // bytes of a request's id
	maxHistorySize = 256 << 10 // bytes kept for newcomers, so that their first reply is far from the limit of what may wait for a conn
	maxHistory     = 50        // messages kept for newcomers; older ones are forgotten
	maxListed      = 500       // people that room.present lists
	maxRefused     = 30        // requests refused in a row before the conn is closed with codeBadRequests

	sendBurst = 10 // requests that one conn may send at once
	sendRate  = 2  // requests per second that one conn may send in the long run

	codeBadRequests ws.Code = 4504
)

// chat is the lobby: who is in it and what was said lately. Everything lives in memory and ends with the process.
type chat struct {
	// Immutable.
	srv   *ws.Server // its group of this room has the conns that have joined
	epoch string     // new with each chat, so that clients notice a restart
	now   func() time.Time

	// mu is held while something is broadcast, so that everyone sees messages, arrivals and departures in one order. A
	// broadcast that waits for room in the group's log therefore holds up the others that want to send, which is meant.
	mu      sync.Mutex
	people  map[string]*present
	history []message // at most maxHistory and maxHistorySize, oldest first

	historySize int    // bytes
	offset      uint64 // of the latest message
}

// present is a person with at least one joined conn.
type present struct {
	person
	sessions int
}

func newChat(srv *ws.Server, now func() time.Time) *chat {
	return &chat{srv: srv, epoch: rand.Text()[:8], now: now, people: map[string]*present{}, history: []message{}}
}

// join makes the session's conn a member of the lobby and answers with what was said lately. The answer goes out before
// the conn can get a message of the room. To join again is harmless. reply must encode its argument before it returns.
func (c *chat) join(s *session, reply func(any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.joined {
		s.joined = true
		c.arrive(s.person)
	}
	reply(joinResult{c.position(), c.history, c.offset > uint64(len(c.history))})
	// A conn that is closing cannot be added; its OnClose then takes the person out again.
	_ = c.group().Add(s.conn)
}

// arrive counts one more conn of p, and tells the others when p is new or came under another name.
func (c *chat) arrive(p person) {
	known := c.people[p.User]
	if known == nil {
		known = &present{}
		c.people[p.User] = known
	}
	known.sessions++
	if known.person == p {
		return
	}
	known.person = p
	c.broadcast("room.joined", presence{lobby, p, len(c.people)})
}

// leave takes a closed conn's person out, and tells the others when it was the person's last conn.
func (c *chat) leave(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.joined {
		return
	}
	s.joined = false
	known := c.people[s.User]
	known.sessions--
	if known.sessions > 0 {
		return
	}
	delete(c.people, s.User)
	c.broadcast("room.left", presence{lobby, known.person, len(c.people)})
}

// present answers with who is here. Arrivals and departures that the answer does not show come after it.
func (c *chat) present(reply func(any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	users := make([]person, 0, len(c.people))
	for _, p := range c.people {
		users = append(users, p.person)
	}
	slices.SortFunc(users, func(a, b person) int {
		return cmp.Or(cmp.Compare(a.Info.Name, b.Info.Name), cmp.Compare(a.User, b.User))
	})
	reply(presentResult{users[:min(len(users), maxListed)], len(c.people)})
}

// send keeps a message, answers its sender and gives it to everyone, the sender too.
func (c *chat) send(from person, text string, reply func(any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset++
	id := c.epoch + "-" + strconv.FormatUint(c.offset, 10)
	m := message{id, lobby, from, chatData{text}, c.now().UnixMilli(), c.position()}
	c.history = append(c.history, m)
	for c.historySize += m.size(); len(c.history) > maxHistory || c.historySize > maxHistorySize; {
		c.historySize -= c.history[0].size()
		c.history = slices.Delete(c.history, 0, 1)
	}
	reply(sendResult{m.ID, m.Position})
	c.broadcast("room.message", m)
}

// group is looked up each time, since an empty group is forgotten.
func (c *chat) group() *ws.Group { return c.srv.Group("room:" + lobby) }

func (c *chat) position() position { return position{c.epoch, c.offset} }

// broadcast tells everyone who has joined. It fails only for a message that cannot be encoded, which these can.
func (c *chat) broadcast(method string, params any) { _ = c.group().Broadcast(notify(method, params)) }
