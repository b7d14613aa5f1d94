package ws

import (
	"errors"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// SlowPolicy says what happens to a member that does not read as fast as its group sends. Until a socket takes no more, nothing does.
type SlowPolicy uint8

const (
	// SlowClose closes a member with CodeSlow when more than the limit would wait for it, so that whoever is connected has missed nothing.
	SlowClose SlowPolicy = iota
	// SlowDropOldest skips the oldest of the group's messages that wait for the member.
	SlowDropOldest
	// SlowLatest lets a message take the place of a waiting one with the same Message.Collapse. Over the limit, and for messages without
	// Collapse, it is SlowDropOldest.
	SlowLatest
)

// GroupOptions configures a group. The zero value works.
type GroupOptions struct {
	Slow SlowPolicy // what happens to a member that has too much waiting; 0 means SlowClose
	// MaxPending is how many bytes of the group's messages may wait for one member, each message counting 64 more. 0 means the MaxPending of
	// Options for SlowClose, and half of it for the others. All that waits for a member is bounded by the MaxPending of Options anyway.
	MaxPending int
	Log        int // bytes of messages that are not given to every member yet; 0 means 4 MiB; Broadcast waits while it is full
}

// Skipped tells a conn's owner what a slow policy has kept from the conn since it was last told.
type Skipped struct {
	Group       *Group  // whose policy it was
	Messages    int     // how many were skipped
	Bytes       int     // their size on the wire, before compression
	First, Last Message // the oldest and the newest of them; their Data must not be changed
}

// GroupStats counts what a group's slow policy has done.
type GroupStats struct {
	Skipped      uint64 // messages that slow members did not get
	SkippedBytes uint64 // their size on the wire, before compression
	SlowClosed   uint64 // members closed by SlowClose
}

// Group is a set of conns that one broadcast reaches. Its methods may be called concurrently. What one goroutine does with a conn and its
// groups takes effect in the order of its calls. A conn that closes leaves its groups by itself.
type Group struct {
	srv   *Server
	key   string
	fixed *members // nil for a keyed group, whose members are looked up: they exist while there are any
}

// members are a group's conns, twice: here for the group's methods, in the fan for the loops.
type members struct {
	group *Group
	fan   *reactor.Fan
	conns map[*Conn]struct{} // guarded by Server.groupsMu
}

// Group returns the group with the given key. It is made when its first member is added, and gone when it is empty.
func (s *Server) Group(key string) *Group { return &Group{srv: s, key: key} }

// newRouteGroup makes a group that lives as long as the server.
func (s *Server) newRouteGroup(pattern string) *Group {
	g := &Group{srv: s, key: pattern}
	g.fixed = g.newMembers()
	return g
}

func (g *Group) newMembers() *members {
	var o GroupOptions
	if g.srv.opts.Group != nil {
		o = g.srv.opts.Group(g.key)
	}
	fan := g.srv.reactor.NewFan(reactor.FanConfig{
		Policy: reactor.Policy(o.Slow),
		Limit:  o.MaxPending,
		Log:    o.Log,
		Meta:   g,
	})
	return &members{group: g, fan: fan, conns: make(map[*Conn]struct{})}
}

// members returns the group's, or nil if a keyed group has none. Called with groupsMu held.
func (g *Group) members() *members {
	if g.fixed != nil {
		return g.fixed
	}
	return g.srv.keyed[g.key]
}

// Key is what the group was asked for with, or the pattern of the route that it belongs to, or "" for all conns of a server.
func (g *Group) Key() string { return g.key }

var errOtherServer = errors.New("ws: conn does not belong to the group's server")

// Add makes a conn a member; a second time it changes nothing. The conn gets what is broadcast from now on. It returns [ErrClosed] for a
// conn that is closing, and an error for one of another server.
func (g *Group) Add(c *Conn) error {
	if c.srv != g.srv {
		return errOtherServer
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() != Open {
		return ErrClosed
	}
	g.srv.groupsMu.Lock()
	defer g.srv.groupsMu.Unlock()
	m := g.members()
	if m == nil {
		m = g.newMembers()
		g.srv.keyed[g.key] = m
	}
	if _, ok := m.conns[c]; ok {
		return nil
	}
	m.conns[c] = struct{}{}
	c.groups = append(c.groups, m)
	m.fan.Add(&c.sock)
	return nil
}

// Remove ends a conn's membership, if it is a member. What was broadcast before still reaches it.
func (g *Group) Remove(c *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g.srv.groupsMu.Lock()
	defer g.srv.groupsMu.Unlock()
	m := g.members()
	if m == nil || !m.drop(c) {
		return
	}
	c.groups = slices.DeleteFunc(c.groups, func(other *members) bool { return other == m })
	m.fan.Remove(&c.sock)
}

// leave takes out a conn that is closing; its loop takes it out of the fan by itself.
func (m *members) leave(c *Conn) {
	m.group.srv.groupsMu.Lock()
	defer m.group.srv.groupsMu.Unlock()
	m.drop(c)
}

// drop returns false if c is no member. Called with groupsMu held.
func (m *members) drop(c *Conn) bool {
	if _, ok := m.conns[c]; !ok {
		return false
	}
	delete(m.conns, c)
	if len(m.conns) == 0 && m.group.fixed == nil {
		delete(m.group.srv.keyed, m.group.key)
	}
	return true
}

// Len is the number of members.
func (g *Group) Len() int {
	g.srv.groupsMu.RLock()
	defer g.srv.groupsMu.RUnlock()
	if m := g.members(); m != nil {
		return len(m.conns)
	}
	return 0
}

// Conns iterates, in no order, over the members at the time of the call. The loop's body may do what it likes with the group.
func (g *Group) Conns() iter.Seq[*Conn] {
	g.srv.groupsMu.RLock()
	defer g.srv.groupsMu.RUnlock()
	m := g.members()
	if m == nil {
		return func(func(*Conn) bool) {}
	}
	return slices.Values(slices.Collect(maps.Keys(m.conns)))
}

// Broadcast sends a message to every member but those in except. The message is encoded once. The call waits while the group's log
// (GroupOptions.Log, 4 MiB) is full of messages that are not given to every member yet; it never waits for one member, since what
// that does not take is the slow policy's business. It returns an error only for a message that cannot be sent.
func (g *Group) Broadcast(m Message, except ...*Conn) error {
	if err := m.sendable(); err != nil {
		return err
	}
	g.srv.groupsMu.RLock()
	to := g.members()
	g.srv.groupsMu.RUnlock()
	if to == nil {
		return nil
	}
	var left []*reactor.Conn
	for _, c := range except {
		left = append(left, &c.sock)
	}
	to.fan.Broadcast(m.packet(g.srv.set, g.srv.packs()), left...)
	return nil
}

// Free is how many bytes of messages, with their frames, the group's log would take now: a Broadcast of no more than that does not wait,
// unless somebody else's has taken the room meanwhile. An empty group takes any number, and tells [math.MaxInt].
func (g *Group) Free() int {
	g.srv.groupsMu.RLock()
	defer g.srv.groupsMu.RUnlock()
	m := g.members()
	if m == nil {
		return math.MaxInt
	}
	return m.fan.Free()
}

// Stats counts since the group was made. A keyed group that is empty has none.
func (g *Group) Stats() GroupStats {
	g.srv.groupsMu.RLock()
	defer g.srv.groupsMu.RUnlock()
	m := g.members()
	if m == nil {
		return GroupStats{}
	}
	packets, bytes, slow := m.fan.Skipped()
	return GroupStats{Skipped: packets, SkippedBytes: bytes, SlowClosed: slow}
}
