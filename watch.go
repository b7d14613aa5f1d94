package hubbub

import (
	"context"
	"reflect"
	"slices"
	"sync"
)

// watch is this node's part of a user's presence that sessions here want to know of.
type watch struct {
	holders
	// Immutable.
	hub  *Hub
	user string

	mu      sync.Mutex
	crowd   crowd
	last    *Presence // what the crowd was told last; nil before the first time
	looking bool      // a goroutine reads the presence
	again   bool      // it has changed since
}

func (h *Hub) newWatch(user string) *watch {
	return &watch{hub: h, user: user, crowd: crowd{name: "presence of " + user}}
}

func (w *watch) topic() Topic                { return Topic{TopicPresence, w.user} }
func (w *watch) prime(context.Context) error { return nil }

// Receive has the presence read anew. Many changes at once are one.
func (w *watch) Receive(Event) { w.Missed() }

// Missed does so too, since a change may have been missed.
func (w *watch) Missed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = true
	if !w.looking {
		w.looking = true
		w.hub.begin(w.look)
	}
}

// look reads the presence and tells the crowd, until nothing changes any more. While the driver does not answer it tries again.
func (w *watch) look() {
	for pause := firstPause; ; {
		w.mu.Lock()
		if !w.again {
			w.looking = false
			w.mu.Unlock()
			return
		}
		w.again = false
		w.mu.Unlock()
		now, err := w.hub.presences(w.hub.context, []string{w.user})
		if err != nil {
			w.hub.complain("look whether a user is online", err)
			w.mu.Lock()
			w.again = true
			w.mu.Unlock()
			if !w.hub.rest(&pause) {
				return
			}
			continue
		}
		pause = firstPause
		w.tell(now[0])
	}
}

func (w *watch) tell(now Presence) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last != nil && reflect.DeepEqual(*w.last, now) {
		return
	}
	w.last = &now
	w.crowd.deliver(PresenceChanged{now}, nil)
}

// join adds a session that was told a presence, and tells it what has changed since.
func (w *watch) join(s *Session, told Presence) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.last == nil:
		w.last = &told
	case !reflect.DeepEqual(*w.last, told):
		s.conn.Send(PresenceChanged{*w.last})
	}
	w.crowd.add(s)
}

func (w *watch) leave(s *Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crowd.remove(s)
}

// Watch tells how up to 1000 users are, by reply, and from then on whenever one of them changes. reply must not block. Watching
// somebody twice is harmless. TooLarge if the session would watch too many, NotFound after [Session.Closed].
func (s *Session) Watch(ctx context.Context, users []string, reply func([]Presence)) error {
	h := s.hub
	users, err := distinctUsers(users)
	if err != nil {
		return err
	}
	s.ops.Lock()
	defer s.ops.Unlock()
	if err := s.stay(); err != nil {
		return err
	}
	fresh, err := s.hold(ctx, users)
	if err != nil {
		return err
	}
	now, err := h.presences(ctx, users)
	if err != nil {
		for _, w := range fresh {
			h.watches.release(w.user, w)
		}
		return err
	}
	reply(now)
	for _, p := range now {
		if w := fresh[p.User]; w != nil && s.keep(w) {
			w.join(s, p)
		}
	}
	return nil
}

// hold holds the watches for those of the users whom the session does not watch yet.
func (s *Session) hold(ctx context.Context, users []string) (map[string]*watch, error) {
	s.mu.Lock()
	watching := len(s.watching)
	fresh := map[string]*watch{}
	for _, user := range users {
		if s.watching[user] == nil {
			fresh[user] = nil
		}
	}
	s.mu.Unlock()
	if most := s.hub.o.Limits.WatchesPerSession; watching+len(fresh) > most {
		return nil, Errorf(TooLarge, "this session would watch %d users; at most %d are allowed", watching+len(fresh), most)
	}
	for user := range fresh {
		w, err := s.hub.watches.hold(ctx, user)
		if err != nil {
			delete(fresh, user)
			for user, w := range fresh {
				if w != nil {
					s.hub.watches.release(user, w)
				}
			}
			return nil, err
		}
		fresh[user] = w
	}
	return fresh, nil
}

// keep notes that the session watches w. It tells false if it does so already, since the user was named twice. ops is held.
func (s *Session) keep(w *watch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching[w.user] == w {
		return false
	}
	if s.watching == nil {
		s.watching = map[string]*watch{}
	}
	s.watching[w.user] = w
	return true
}

// Unwatch ends that for some users, or for all if there are none given. A Watch that has begun is waited for.
func (s *Session) Unwatch(users []string) {
	s.ops.Lock()
	defer s.ops.Unlock()
	s.unwatch(users)
}

// unwatch is Unwatch with ops held.
func (s *Session) unwatch(users []string) {
	s.mu.Lock()
	var ended []*watch
	for user, w := range s.watching {
		if len(users) == 0 || slices.Contains(users, user) {
			ended = append(ended, w)
			delete(s.watching, user)
		}
	}
	s.mu.Unlock()
	for _, w := range ended {
		w.leave(s)
		s.hub.watches.release(w.user, w)
	}
}
