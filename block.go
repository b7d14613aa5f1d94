package hubbub

import (
	"context"
	"fmt"
	"time"
)

// Revoke makes credentials invalid and ends the sessions that were opened with them; it returns how many. With Options.Store it
// holds until its time also over a restart.
func (h *Hub) Revoke(ctx context.Context, r Revocation) (ended int, err error) {
	if err := CheckName("user", r.User); err != nil {
		return 0, err
	}
	if err := h.revoke(ctx, r); err != nil {
		return 0, err
	}
	return h.End(ctx, Target{User: r.User, Device: r.Device, Token: r.Token, IssuedBefore: r.Before}, EndRevoked)
}

func (h *Hub) revoke(ctx context.Context, r Revocation) error {
	if r.Device == "" && r.Token == "" && r.Before.IsZero() { // a block
		h.blocking.Lock()
		defer h.blocking.Unlock()
	}
	if h.store != nil {
		if err := h.store.KeepRevocation(ctx, r); err != nil {
			return err
		}
	}
	return h.driver.Revoke(ctx, r)
}

// Block keeps a user out until a time, or for ever if that is zero, and ends the user's sessions; it returns how many. A user who is
// blocked already is blocked until the new time, be it earlier or later. A time that is over is Invalid.
func (h *Hub) Block(ctx context.Context, user string, until time.Time) (ended int, err error) {
	if !until.IsZero() && !time.Now().Before(until) {
		return 0, Errorf(Invalid, "the block would be over already: give a time that is to come, or none for ever")
	}
	if err := CheckName("user", user); err != nil {
		return 0, err
	}
	if err := h.setBlock(ctx, user, until); err != nil {
		return 0, err
	}
	return h.End(ctx, Target{User: user}, EndRevoked)
}

// setBlock tells the store first, in one step: so a user who is blocked stays blocked, until one time or the other, if the store fails
// or the process dies. The driver is told of one block after the other, since what it knows must be what the store has.
func (h *Hub) setBlock(ctx context.Context, user string, until time.Time) error {
	h.blocking.Lock()
	defer h.blocking.Unlock()
	if h.store != nil {
		if err := h.store.KeepBlock(ctx, user, until); err != nil {
			return err
		}
	}
	blocked, before, err := h.driver.Blocked(ctx, user)
	if err != nil {
		return err
	}
	if sooner := !until.IsZero() && (before.IsZero() || until.Before(before)); blocked && sooner {
		if _, err := h.driver.Unblock(ctx, user); err != nil { // of two blocks the longer one would hold
			return err
		}
	}
	return h.driver.Revoke(ctx, Revocation{User: user, Until: until})
}

// Unblock lets a user in again, and tells whether the user was blocked. Other revocations stay.
func (h *Hub) Unblock(ctx context.Context, user string) (bool, error) {
	if err := CheckName("user", user); err != nil {
		return false, err
	}
	h.blocking.Lock()
	defer h.blocking.Unlock()
	if h.store != nil {
		if err := h.store.ForgetBlocks(ctx, user); err != nil {
			return false, err
		}
	}
	return h.driver.Unblock(ctx, user)
}

// Blocked tells whether a user is blocked, and until when; zero means for ever.
func (h *Hub) Blocked(ctx context.Context, user string) (bool, time.Time, error) {
	if err := CheckName("user", user); err != nil {
		return false, time.Time{}, err
	}
	return h.driver.Blocked(ctx, user)
}

// loadRevocations tells the driver what was revoked before the process began.
func (h *Hub) loadRevocations(ctx context.Context) error {
	if h.store == nil {
		return nil
	}
	for after := ""; ; {
		some, next, err := h.store.KeptRevocations(ctx, after, maxPage)
		if err != nil {
			return err
		}
		for _, r := range some {
			if err := h.driver.Revoke(ctx, r); err != nil {
				return fmt.Errorf("revoke credentials of %q: %w", r.User, err)
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}
