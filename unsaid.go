package hubbub

import (
	"context"
	"sync"
)

// maxUnsaid is how many events wait at most for the bus to be back. Of what is more the oldest are dropped: who has missed them gets those that
// are kept with the next message, or reads them in the history.
const maxUnsaid = 10_000

// unsaid are events that could not be published, the oldest first. Its methods may be called concurrently.
type unsaid struct {
	mu    sync.Mutex
	all   []Tiding
	users map[string]struct{} // who have come or gone, at most maxHandover
}

// changed notes the users of whom tidings say that they have come or gone. That is said of each once, and not how they are.
func (u *unsaid) changed(some []Tiding) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range some {
		if e, ok := t.Event.(PresenceChanged); ok && len(u.users) < maxHandover {
			if u.users == nil {
				u.users = map[string]struct{}{}
			}
			u.users[e.Presence.User] = struct{}{}
		}
	}
}

// takeUsers returns the users of whom it is to be said that they have come or gone.
func (u *unsaid) takeUsers() map[string]struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	users := u.users
	u.users = nil
	return users
}

func (u *unsaid) add(t Topic, e Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = append(u.all, Tiding{t, e})
	u.bound()
}

// bound drops what is too much. The caller holds mu.
func (u *unsaid) bound() {
	if more := len(u.all) - maxUnsaid; more > 0 {
		clear(u.all[:more]) // so that they can be collected
		u.all = u.all[more:]
	}
}

// take returns all, which are to be published or given back.
func (u *unsaid) take() []Tiding {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.all
	u.all = nil
	return all
}

func (u *unsaid) giveBack(all []Tiding) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = append(all, u.all...)
	u.bound()
}

// sayAgain publishes what could not be published, until that fails again.
func (h *Hub) sayAgain(ctx context.Context) {
	all := h.unsaid.take()
	for i, e := range all {
		if err := h.driver.Publish(ctx, e.Topic, e.Event); err != nil {
			h.complain("publish what has happened", err)
			h.unsaid.giveBack(all[i:])
			return
		}
	}
	users := h.unsaid.takeUsers()
	h.tellAll(ctx, presenceTidings(users)) // notes them again if it fails
}
