package rpc

import (
	"strconv"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// audience is a hubbub.Audience over a ws.Group: it encodes an event once for all of its conns.
type audience struct {
	server *Server
	group  *ws.Group
	viewer string // the user of the conn that was added last
}

// groupPrefix begins the keys of the groups of audiences: the prefix, the policy, a number, and a name for people.
const groupPrefix = "hubbub.v1 "

// Audience returns a new, empty set of conns.
func (s *Server) Audience(name string, slow hubbub.SlowPolicy) hubbub.Audience {
	number := strconv.FormatUint(s.audiences.Add(1), 36)
	key := groupPrefix + strconv.Itoa(int(slow)) + " " + number + " " + name
	return &audience{server: s, group: s.opts.Sockets.Group(key)}
}

// GroupOptions is for [ws.Options.Group]: it tells the options of the groups that a Server makes. For other keys they are the
// zero value.
func GroupOptions(key string) ws.GroupOptions {
	rest, ours := strings.CutPrefix(key, groupPrefix)
	if !ours {
		return ws.GroupOptions{}
	}
	policy, _, _ := strings.Cut(rest, " ")
	switch policy {
	case "1":
		return ws.GroupOptions{Slow: ws.SlowDropOldest}
	case "2":
		return ws.GroupOptions{Slow: ws.SlowLatest}
	}
	return ws.GroupOptions{}
}

// Add makes a conn a member.
func (a *audience) Add(c hubbub.Conn) {
	if p, ok := c.(*peer); ok {
		a.viewer = p.user
		_ = a.group.Add(p.conn) // fails for a conn that is closing, which needs nothing any more
	}
}

// Remove ends that.
func (a *audience) Remove(c hubbub.Conn) {
	if p, ok := c.(*peer); ok {
		a.group.Remove(p.conn)
	}
}

// frameRoom is more than a frame has of a message besides its data: names and ids, of which each byte may be written as six.
const frameRoom = 16 << 10

// HasRoom implements [hubbub.Roomy]. Nobody else broadcasts to the group.
func (a *audience) HasRoom(bytes int) bool { return bytes <= a.group.Free()-frameRoom }

// Deliver tells an event to all but some conns. What is said in a conversation of two looks different for each of them, so an
// audience that gets such events has the conns of one user only.
func (a *audience) Deliver(e hubbub.Event, except []hubbub.Conn) {
	m, ok := encode(e, a.viewer)
	if !ok {
		return
	}
	var without []*ws.Conn
	for _, c := range except {
		if p, ok := c.(*peer); ok {
			without = append(without, p.conn)
		}
	}
	// Those that are left out need not be members: a session may be in the room while others of its user are not.
	a.server.opts.Delivered(max(0, a.group.Len()-len(without)))
	if err := a.group.Broadcast(m, without...); err != nil {
		a.server.opts.Logger.Error("an event could not be sent to clients", "group", a.group.Key(), "error", err)
	}
}
