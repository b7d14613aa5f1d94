package hubbub

import (
	"cmp"
	"context"
	"time"
)

// errNoMembers answers where there is no store.
func errNoMembers() error {
	return Errorf(NotFound, "nobody can be a member of rooms here, since nothing is kept: the server has no store")
}

// isMember tells whether a user belongs to a room.
func (h *Hub) isMember(ctx context.Context, room, user string) (bool, error) {
	if h.o.IsMember != nil {
		return h.o.IsMember(ctx, room, user)
	}
	if h.store == nil {
		return false, nil
	}
	role, err := h.store.MemberOf(ctx, room, user)
	return role != "", err
}

// checkMember tells what is wrong with a room and a user, or that there are no members.
func (h *Hub) checkMember(room, user string) error {
	if h.store == nil {
		return errNoMembers()
	}
	if _, err := h.rule(room); err != nil {
		return err
	}
	return CheckName("user", user)
}

func checkRole(r Role) error {
	switch r {
	case RoleOwner, RoleAdmin, RoleMember:
		return nil
	}
	return Errorf(Invalid, "there is no role %q: it is owner, admin or member", string(r))
}

// SetMember makes a user a member of a room, or changes the role of one, and tells the user and those in the room. It returns the role
// that the user had, "" if none. Conflict if the last owner would lose that role while there are other members; NotFound if
// the room has no rule, or there is no store.
func (h *Hub) SetMember(ctx context.Context, room, user string, role Role) (before Role, err error) {
	if err := h.checkMember(room, user); err != nil {
		return "", err
	}
	return h.setMember(ctx, room, Member{User: user, Role: role}, false, "")
}

func (h *Hub) setMember(ctx context.Context, room string, m Member, founder bool, by string) (before Role, err error) {
	if err := checkRole(m.Role); err != nil {
		return "", err
	}
	m.Since = time.Now()
	before, err = h.store.SetMember(ctx, room, m, founder)
	if err == nil && before != m.Role {
		h.tellMember(ctx, MemberChanged{room, m.User, m.Role, by})
	}
	return before, err
}

// RemoveMember ends a user's membership in a room, and tells the user and those in the room. The user's sessions leave it if it is for
// members. It returns the role that the user had, "" if none. Errors as for SetMember.
func (h *Hub) RemoveMember(ctx context.Context, room, user string) (before Role, err error) {
	if err := h.checkMember(room, user); err != nil {
		return "", err
	}
	return h.removeMember(ctx, room, user, "")
}

func (h *Hub) removeMember(ctx context.Context, room, user, by string) (before Role, err error) {
	before, err = h.store.RemoveMember(ctx, room, user)
	if err == nil && before != "" {
		h.tellMember(ctx, MemberChanged{room, user, "", by})
	}
	return before, err
}

// Members lists the members of a room by name. The limit is 1 to 1000; 0 means 50.
func (h *Hub) Members(ctx context.Context, room, after string, limit int) (MemberPage, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return MemberPage{}, err
	}
	if h.store == nil {
		return MemberPage{}, errNoMembers()
	}
	if _, err := h.rule(room); err != nil {
		return MemberPage{}, err
	}
	return h.store.Members(ctx, room, after, limit)
}

// Memberships lists the rooms that a user is a member of, by name. The limit is 1 to 1000; 0 means 50.
func (h *Hub) Memberships(ctx context.Context, user, after string, limit int) (MembershipPage, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return MembershipPage{}, err
	}
	if h.store == nil {
		return MembershipPage{}, errNoMembers()
	}
	if err := CheckName("user", user); err != nil {
		return MembershipPage{}, err
	}
	return h.store.Memberships(ctx, user, after, limit)
}

// tellMember tells the user and the room. Who is not told learns it from the list.
func (h *Hub) tellMember(ctx context.Context, e MemberChanged) {
	h.publishSurely(ctx, Topic{TopicUser, e.User}, e)
	h.publishSurely(ctx, Topic{TopicRoom, e.Room}, e)
}

// Members lists the members of a room: for its members, and for those who may join it.
func (s *Session) Members(ctx context.Context, room, after string, limit int) (MemberPage, error) {
	h := s.hub
	if h.store == nil {
		return MemberPage{}, errNoMembers()
	}
	rule, err := h.rule(room)
	if err != nil {
		return MemberPage{}, err
	}
	member, err := h.isMember(ctx, room, s.user)
	if err != nil {
		return MemberPage{}, err
	}
	if id := s.Identity(); !member {
		if err := h.allow(ctx, &id, room, rule.Join, joining, id.Rooms.Join); err != nil {
			return MemberPage{}, err
		}
		if err := s.mayJoin(ctx, room); err != nil {
			return MemberPage{}, err
		}
	}
	return h.Members(ctx, room, after, limit)
}

// AddMember makes a user a member of a room, or changes the role of one. "" means [RoleMember] for who is no member yet; a member stays
// what they are, so that it can be said again. Owners may give any role to anybody, admins may add members. Who may join
// the room may become a member by themself, and where [RoomRule.Create] is set, whoever is the first is its owner. Otherwise it
// is Forbidden. TooLarge if the user is a member of too many rooms.
func (s *Session) AddMember(ctx context.Context, room, user string, role Role) error {
	h := s.hub
	wanted := cmp.Or(role, RoleMember)
	if err := h.checkMember(room, user); err != nil {
		return err
	}
	if err := checkRole(wanted); err != nil {
		return err
	}
	own, err := h.store.MemberOf(ctx, room, s.user)
	if err != nil {
		return err
	}
	self := user == s.user
	if self && own == "" {
		return s.becomeMember(ctx, room, wanted)
	}
	if self && (role == "" || role == own) {
		return nil
	}
	if err := h.mayChange(ctx, own, room, user, wanted); err != nil {
		return err
	}
	present, err := h.store.MemberOf(ctx, room, user)
	if err != nil || present != "" && role == "" {
		return err
	}
	if present == "" {
		if err := h.roomForOneMore(ctx, user); err != nil {
			return err
		}
	}
	_, err = h.setMember(ctx, room, Member{User: user, Role: wanted}, false, s.user)
	return err
}

// roomForOneMore tells whether sessions may make a user a member of one more room.
func (h *Hub) roomForOneMore(ctx context.Context, user string) error {
	page, err := h.store.Memberships(ctx, user, "", 1)
	if err != nil {
		return err
	}
	if page.Total >= h.o.Limits.RoomsPerMember {
		return Errorf(TooLarge, "the user %q is a member of %d rooms, which is the most that are allowed: leave one for good first", user, page.Total)
	}
	return nil
}

// mayChange tells whether somebody with a role may give another one to a user.
func (h *Hub) mayChange(ctx context.Context, own Role, room, user string, role Role) error {
	switch own {
	case RoleOwner:
		return nil
	case RoleAdmin:
		present, err := h.store.MemberOf(ctx, room, user)
		if err != nil {
			return err
		}
		if role == RoleMember && (present == "" || present == RoleMember) {
			return nil
		}
		return Errorf(Forbidden, "an admin of the room %q may only add and remove members; its owners say who is admin or owner", room)
	}
	return Errorf(Forbidden, "only owners and admins of the room %q may add and remove others", room)
}

// becomeMember makes the session's user a member, if the rule lets everybody.
func (s *Session) becomeMember(ctx context.Context, room string, role Role) error {
	h := s.hub
	rule, err := h.rule(room)
	if err != nil {
		return err
	}
	if err := h.roomForOneMore(ctx, s.user); err != nil {
		return err
	}
	founding, err := h.mayBegin(ctx, rule, room)
	if err != nil {
		return err
	}
	// A member is shown what is said and gets what is sent to all members, so whoever is asked about those who join is asked now.
	if err := s.mayJoin(ctx, room); err != nil {
		return err
	}
	if founding {
		_, err := h.setMember(ctx, room, Member{User: s.user, Role: RoleOwner}, true, s.user)
		if err == nil || AsError(err).Reason != Conflict {
			return err
		}
	}
	if rule.Join == AccessMember {
		return Errorf(Forbidden, "only an owner or admin of the room %q, or a backend, may add you", room)
	}
	id := s.Identity()
	if err := h.allow(ctx, &id, room, rule.Join, joining, id.Rooms.Join); err != nil {
		return err
	}
	if role != RoleMember {
		return Errorf(Forbidden, "the room %q has members already; an owner may give you the role %s", room, role)
	}
	_, err = h.setMember(ctx, room, Member{User: s.user, Role: role}, false, s.user)
	return err
}

// mayBegin tells whether sessions may begin the list of members of a room, as far as the rule and what is kept of the room say: what
// members have said is not for a stranger who comes when all of them have left.
func (h *Hub) mayBegin(ctx context.Context, rule *RoomRule, room string) (bool, error) {
	if !rule.Create || rule.Join != AccessMember || rule.History == HistoryNone {
		return rule.Create, nil
	}
	stream := RoomStream(room)
	page, err := h.logOf(stream).Before(ctx, stream, Position{}, 1)
	return len(page.Messages) == 0, err
}

// RemoveMember ends a membership: one's own, or as owner anybody's, or as admin a member's. Otherwise it is Forbidden; Conflict for the
// last owner while there are other members.
func (s *Session) RemoveMember(ctx context.Context, room, user string) error {
	h := s.hub
	if err := h.checkMember(room, user); err != nil {
		return err
	}
	if user != s.user {
		own, err := h.store.MemberOf(ctx, room, s.user)
		if err != nil {
			return err
		}
		if err := h.mayChange(ctx, own, room, user, RoleMember); err != nil {
			return err
		}
	}
	_, err := h.removeMember(ctx, room, user, s.user)
	return err
}

// member tells the user's sessions of a changed membership. They leave rooms that they may not be in any more. The caller holds mu.
func (p *person) member(e MemberChanged) {
	p.deliver(e, nil)
	if e.Role != "" {
		return
	}
	for _, s := range p.sessions {
		p.hub.begin(func() { s.recheck(e.Room) })
	}
}

// recheck takes the session out of a room, or out of all if it is "", that it may not be in any more. If nobody can tell, it leaves the room
// that was named, since the user was removed from that, and stays in the others.
func (s *Session) recheck(room string) {
	s.ops.Lock()
	defer s.ops.Unlock()
	s.mu.Lock()
	id, rooms := s.identity, append([]membership(nil), s.rooms...)
	s.mu.Unlock()
	for _, m := range rooms {
		if m.room.rule.Join != AccessMember || room != "" && m.room.name != room {
			continue
		}
		err := s.hub.allow(s.hub.context, &id, m.room.name, m.room.rule.Join, joining, id.Rooms.Join)
		if err != nil && (room != "" || AsError(err).Reason == Forbidden) {
			s.leave(m.room.name)
		}
	}
}
