package hubbub

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// maxNews is how many users may wait to be told of by one [Hub.WatchPresence].
const maxNews = 10_000

// WatchPresence calls tell with how users are whenever that has changed, until ctx ends or tell returns an error, and returns that
// error. With users, at most 1000, it is about these, and tells first how each of them is now; nil means everybody. What changes
// while tell is busy is told together afterwards, so a slow one delays only itself. It is Unavailable when more than 10,000 users
// wait to be told of, when changes may have been missed, or when the hub is closed: look again and begin anew. Before all else watching
// is called, unless it is nil, when nothing that changes from then on is missed; tell is not called if it returns an error, which is
// returned, too.
func (h *Hub) WatchPresence(ctx context.Context, users []string, watching func() error, tell func(Presence) error) error {
	topics := []string{""}
	n := &news{wake: make(chan struct{}, 1)}
	if users != nil {
		var err error
		if users, err = distinctUsers(users); err != nil {
			return err
		}
		topics, n.last = users, make(map[string]Presence, len(users))
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(h.context, func() { stop(errClosed()) })()
	for _, name := range topics {
		unsubscribe, err := h.driver.Subscribe(ctx, Topic{TopicPresence, name}, n)
		if err != nil {
			return err
		}
		defer unsubscribe()
	}
	if watching != nil {
		if err := watching(); err != nil {
			return err
		}
	}
	for _, user := range users {
		n.note(user)
	}
	for {
		changed, err := n.take(ctx)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(changed, maxPage) {
			now, err := h.insist(ctx, some)
			if err != nil {
				return err
			}
			if err := n.tell(now, tell); err != nil {
				return err
			}
		}
	}
}

func errClosed() error {
	return &Error{Reason: Unavailable, Message: "the server is shutting down; connect again", RetryAfter: time.Second}
}

// insist asks how users are until it is known, or ctx ends.
func (h *Hub) insist(ctx context.Context, users []string) ([]Presence, error) {
	for pause := firstPause; ; {
		now, err := h.presences(ctx, users)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil {
			return now, nil
		}
		h.complain("look whether users are online", err)
		if !rest(ctx, &pause) {
			return nil, context.Cause(ctx)
		}
	}
}

// news are the users of whom somebody must be told.
type news struct {
	wake chan struct{}       // buffered; there is something to take
	last map[string]Presence // what was told of each of the users who were named; nil if it is about everybody

	mu    sync.Mutex
	users map[string]struct{} // at most maxNews
	lost  error               // why something is missing; nil if nothing is
}

// Receive notes whom it is about. Many changes at once are one.
func (n *news) Receive(e Event) {
	if e, ok := e.(PresenceChanged); ok {
		n.note(e.Presence.User)
	}
}

// Missed ends the watching, since nobody knows who has changed.
func (n *news) Missed() {
	n.lose("changes may have been missed; look again, and watch anew")
}

func (n *news) note(user string) {
	n.mu.Lock()
	if n.users == nil {
		n.users = map[string]struct{}{}
	}
	n.users[user] = struct{}{}
	tooMany := len(n.users) > maxNews
	n.mu.Unlock()
	if tooMany {
		n.lose("more than 10,000 users have changed since you took the last one; look again, and watch anew")
		return
	}
	signal(n.wake)
}

func (n *news) lose(why string) {
	n.mu.Lock()
	n.users, n.lost = nil, Errorf(Unavailable, "%s", why)
	n.mu.Unlock()
	signal(n.wake)
}

// take waits until somebody must be told of.
func (n *news) take(ctx context.Context) ([]string, error) {
	for {
		n.mu.Lock()
		users, lost := n.users, n.lost
		n.users = nil
		n.mu.Unlock()
		if lost != nil {
			return nil, lost
		}
		if len(users) > 0 {
			return slices.Sorted(maps.Keys(users)), nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-n.wake:
		}
	}
}

// tell tells what is not known yet.
func (n *news) tell(now []Presence, tell func(Presence) error) error {
	for _, p := range now {
		if n.last != nil {
			if before, known := n.last[p.User]; known && reflect.DeepEqual(before, p) {
				continue
			}
			n.last[p.User] = p
		}
		if err := tell(p); err != nil {
			return err
		}
	}
	return nil
}
