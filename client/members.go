package client

import (
	"context"
	"encoding/json"

	"github.com/hubbub-dev/hubbub"
)

// Member is a user who belongs to a room, whether online or not.
type Member struct {
	User  string      `json:"user"`
	Role  hubbub.Role `json:"role"`
	Since Time        `json:"since"`
}

// MemberPage is a part of the list of a room's members, by name.
type MemberPage struct {
	Members []Member `json:"members"`
	Total   int      `json:"total"`          // how many the whole list has
	Next    string   `json:"next,omitempty"` // for the next page; "" if this is the last
}

// MemberChange says that a user has become a member of a room, has another role, or is a member no more.
type MemberChange struct {
	Room string      `json:"room"`
	User string      `json:"user"`
	Role hubbub.Role `json:"role,omitempty"` // "" if the user is a member no more
	By   string      `json:"by,omitempty"`   // the user who did it; "" for a backend
}

type memberParams struct {
	Room string      `json:"room"`
	User string      `json:"user"`
	Role hubbub.Role `json:"role,omitempty"`
}

// Members lists the members of a room by name, from the one after after; limit is 1 to 1000, 0 means 50. Members may ask, and
// who may join the room.
func (c *Client) Members(ctx context.Context, room, after string, limit int) (MemberPage, error) {
	var page MemberPage
	err := c.Call(ctx, "room.members", pageParams{Room: room, After: after, Limit: limit}, &page)
	return page, err
}

// AddMember adds a member to a room, or changes the role of one; "" means [hubbub.RoleMember].
func (c *Client) AddMember(ctx context.Context, room, user string, role hubbub.Role) error {
	return c.Call(ctx, "room.add", memberParams{room, user, role}, nil)
}

// RemoveMember removes a member from a room. Who removes themself leaves it for good.
func (c *Client) RemoveMember(ctx context.Context, room, user string) error {
	return c.Call(ctx, "room.remove", memberParams{Room: room, User: user}, nil)
}

// memberChanged tells the handler of a joined room, if it has one, or the general one. Who is a member no more may have to leave
// the room: joining again finds out.
func (c *Client) memberChanged(l *link, params json.RawMessage) {
	var m MemberChange
	if json.Unmarshal(params, &m) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	tell := c.o.Handlers.Member
	r := c.rooms[m.Room]
	if r != nil && r.handler.Member != nil {
		tell = r.handler.Member
	}
	if tell != nil {
		c.queue.push(sizeOf(nil), func() { tell(m) })
	}
	if r != nil && r.in && !r.again && m.User == c.welcome.User && m.Role == "" {
		r.track.held, r.again = true, true
		r.join(l)
	}
}
