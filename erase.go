package hubbub

import (
	"context"
	"fmt"
)

// Erase ends the sessions of a user, forgets everything that is kept about the user, and returns how many sessions it has ended. That
// these have ended is told before, that the user is offline may be told after it. It waits until all of it is done; after an error,
// or if ctx ends before, call it again. Who is erased and not blocked may sign in again, as somebody who was never here.
func (h *Hub) Erase(ctx context.Context, user string) (ended int, err error) {
	if ended, err = h.End(ctx, Target{User: user}, EndLoggedOut); err != nil {
		return ended, err
	}
	if p, ok := h.users.get(user); ok {
		p.close() // nothing that is still on its way from them must be kept
	}
	if err := h.handover.flush(ctx); err != nil {
		return ended, fmt.Errorf("wait until it is told that the sessions of %q have ended: %w", user, err)
	}
	erasers := []Eraser{h.driver}
	if h.store != nil {
		erasers = append(erasers, h.store)
	}
	for _, e := range erasers {
		for more := true; more && err == nil; {
			if more, err = e.Erase(ctx, user); err == nil {
				err = ctx.Err()
			}
		}
		if err != nil {
			return ended, fmt.Errorf("erase %q: %w", user, err)
		}
	}
	for _, p := range h.users.all() {
		p.forget(user)
	}
	return ended, nil
}

// close has those of the user's sessions do nothing more that were ended.
func (p *person) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sessions {
		if s.ended() {
			s.Closed()
		}
	}
}

// ended tells whether the session was told to end.
func (s *Session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why != ""
}

// forget drops what is known of the pair with a user whose messages were erased.
func (p *person) forget(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pair := PairStream(p.name, user)
	if q := p.pairs[pair]; q != nil && !q.fetching {
		delete(p.pairs, pair)
	}
}
