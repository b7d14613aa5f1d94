package hubbub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

func errRevoked() error {
	return Errorf(Unauthorized, "these credentials were revoked; sign in again")
}

// admissible asks the store whether what a session's record says was revoked, if the driver may have lost it: Unauthorized, or Unavailable
// if the store does not answer soon. Without doubt it asks nobody.
//
// It is asked after the driver has decided. A decision that was made where something was lost either still finds the doubt here, or the
// node has restored its sessions since: then what was revoked was loaded after the decision, and the session was ended with it.
func (h *Hub) admissible(ctx context.Context, r SessionRecord) error {
	if h.shared == nil || h.store == nil || !h.shared.Doubtful(h.node) {
		return nil
	}
	asked, stop := context.WithTimeout(ctx, storeTime)
	defer stop()
	revoked, err := h.store.KeptAgainst(asked, r)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &Error{Reason: Unavailable, RetryAfter: storeTime, Err: err,
			Message: "it is not known at the moment whether these credentials were revoked; try again"}
	case revoked:
		return errRevoked()
	}
	return nil
}

// loadRevocations tells the driver what was revoked, which does not know it when the process has begun, or has lost it. Blocks that other nodes
// change meanwhile are looked at again.
func (h *Hub) loadRevocations(ctx context.Context) error {
	if h.store == nil {
		return nil
	}
	blocks := map[string]time.Time{}
	err := h.eachPage(ctx, func(some []Revocation) error {
		for _, r := range some {
			if isBlock(r) {
				blocks[r.User] = r.Until
			}
			if err := h.driver.Revoke(ctx, r); err != nil {
				return fmt.Errorf("revoke credentials of %q: %w", r.User, err)
			}
		}
		return h.expel(ctx, some)
	})
	if err != nil || len(blocks) == 0 || h.shared == nil {
		return err
	}
	err = h.eachPage(ctx, func(some []Revocation) error {
		for _, r := range some {
			if until, ok := blocks[r.User]; ok && isBlock(r) && until.Equal(r.Until) {
				delete(blocks, r.User)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for user := range blocks {
		if err := h.matchBlocked(ctx, user); err != nil {
			return fmt.Errorf("match the block of %q: %w", user, err)
		}
	}
	return nil
}

// eachPage does something with all that the store has.
func (h *Hub) eachPage(ctx context.Context, do func([]Revocation) error) error {
	for after := ""; ; {
		some, next, err := h.store.KeptRevocations(ctx, after, maxPage)
		if err != nil {
			return err
		}
		if err := do(some); err != nil || next == "" {
			return err
		}
		after = next
	}
}

// expel ends the sessions of all nodes that are against what was revoked, of which the driver knows now: they were opened where it had been
// lost. Their nodes need not be in doubt any more, since a node may have been told of a revocation by a server of which another one had taken
// the place already.
func (h *Hub) expel(ctx context.Context, some []Revocation) error {
	if h.shared == nil || len(some) == 0 {
		return nil
	}
	of := map[string][]Revocation{}
	for _, r := range some {
		of[r.User] = append(of[r.User], r)
	}
	present, err := h.driver.Presences(ctx, slices.Collect(maps.Keys(of)))
	if err != nil {
		return fmt.Errorf("look who is online with what was revoked: %w", err)
	}
	for _, p := range present {
		if len(p.Devices) == 0 {
			continue
		}
		if err := h.expelUser(ctx, p.User, of[p.User]); err != nil {
			return fmt.Errorf("end sessions of %q with what was revoked: %w", p.User, err)
		}
	}
	return nil
}

// expelUser does it with a user who is online. A block may have been taken back since it was listed.
func (h *Hub) expelUser(ctx context.Context, user string, revoked []Revocation) error {
	if slices.ContainsFunc(revoked, isBlock) {
		return h.matchBlocked(ctx, user)
	}
	open, err := h.driver.SessionsOf(ctx, user)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, s := range open {
		against := func(r Revocation) bool { return r.against(&s, now) }
		if s.Node == h.node || !slices.ContainsFunc(revoked, against) { // those of this node are restored, with their newest tokens
			continue
		}
		if _, err := h.End(ctx, Target{User: user, Session: s.ID}, EndRevoked); err != nil {
			return err
		}
	}
	return nil
}

// against tells whether a revocation of the session's user holds for the session.
func (r *Revocation) against(s *SessionRecord, now time.Time) bool {
	return (r.Until.IsZero() || now.Before(r.Until)) && (r.Device == "" || r.Device == s.Device) && (r.Token == "" || r.Token == s.Token) &&
		(r.Before.IsZero() || s.Issued.Before(r.Before))
}
