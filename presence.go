package hubbub

import "context"

// Presences tells about up to 1000 users, in the same order, and of those that are named twice only once.
func (h *Hub) Presences(ctx context.Context, users []string) ([]Presence, error) {
	users, err := distinctUsers(users)
	if err != nil {
		return nil, err
	}
	return h.presences(ctx, users)
}

// Count counts who is online.
func (h *Hub) Count(ctx context.Context) (Counts, error) { return h.driver.Count(ctx) }

// Online lists online users. The limit is 1 to 1000; 0 means 50.
func (h *Hub) Online(ctx context.Context, f Filter, after string, limit int) (PresencePage, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return PresencePage{}, err
	}
	if f.Room != "" {
		if _, err := h.rule(f.Room); err != nil {
			return PresencePage{}, err
		}
	}
	return h.driver.Online(ctx, f, after, limit)
}

// Occupied lists rooms that somebody is in. The limit is 1 to 1000; 0 means 50.
func (h *Hub) Occupied(ctx context.Context, after string, limit int) (RoomPage, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return RoomPage{}, err
	}
	return h.driver.Occupied(ctx, after, limit)
}

// Present lists the users in a room that the session is in.
func (s *Session) Present(ctx context.Context, room, after string, limit int) (PresencePage, error) {
	return s.online(ctx, Filter{Room: room}, after, limit)
}

// Online lists online users: all where the options allow it, otherwise only of a room that the session is in (Forbidden).
func (s *Session) Online(ctx context.Context, f Filter, after string, limit int) (PresencePage, error) {
	if f.Attr != "" && !s.hub.o.ListPresence {
		return PresencePage{}, Errorf(Forbidden, "here one may not select users by attributes, which others do not see")
	}
	if f.Room != "" {
		return s.online(ctx, f, after, limit)
	}
	if !s.hub.o.ListPresence {
		return PresencePage{}, Errorf(Forbidden, "here one may only list who is in a room: name one that you are in")
	}
	return s.hub.Online(ctx, f, after, limit)
}

// online lists users of a room.
func (s *Session) online(ctx context.Context, f Filter, after string, limit int) (PresencePage, error) {
	rule, err := s.hub.rule(f.Room)
	if err != nil {
		return PresencePage{}, err
	}
	if s.room(f.Room) == nil {
		return PresencePage{}, Errorf(Forbidden, "join the room %q first", f.Room)
	}
	if rule.HidePresence {
		return PresencePage{}, Errorf(Forbidden, "nobody may know who is in the room %q", f.Room)
	}
	return s.hub.Online(ctx, f, after, limit)
}

// distinctUsers checks names of users and returns each once. Otherwise naming one person with many devices again and again would make
// a huge reply.
func distinctUsers(users []string) ([]string, error) {
	if len(users) > maxPage {
		return nil, Errorf(TooLarge, "you name %d users; at most %d at once are allowed", len(users), maxPage)
	}
	once := make([]string, 0, len(users))
	seen := make(map[string]struct{}, len(users))
	for _, user := range users {
		if err := CheckName("user", user); err != nil {
			return nil, err
		}
		if _, again := seen[user]; !again {
			seen[user] = struct{}{}
			once = append(once, user)
		}
	}
	return once, nil
}
