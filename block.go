package hubbub

import (
	"context"
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
	if isBlock(r) {
		h.blocking.Lock()
		defer h.blocking.Unlock()
	}
	if h.store != nil {
		if err := h.store.KeepRevocation(ctx, r); err != nil {
			return err
		}
		if isBlock(r) {
			_, err := h.matchBlock(ctx, r)
			return err
		}
	}
	return h.driver.Revoke(ctx, r)
}

// isBlock tells whether a revocation is a block.
func isBlock(r Revocation) bool { return r.Device == "" && r.Token == "" && r.Before.IsZero() }

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
	r := Revocation{User: user, Until: until}
	if h.store != nil {
		if err := h.store.KeepBlock(ctx, user, until); err != nil {
			return err
		}
		_, err := h.matchBlock(ctx, r)
		return err
	}
	blocked, before, err := h.driver.Blocked(ctx, user)
	if err != nil {
		return err
	}
	return h.changeBlock(ctx, r, blocked, before)
}

// changeBlock has the driver block a user, who may be blocked there until before.
func (h *Hub) changeBlock(ctx context.Context, r Revocation, blocked bool, before time.Time) error {
	if sooner := !r.Until.IsZero() && (before.IsZero() || r.Until.Before(before)); blocked && sooner {
		if _, err := h.driver.Unblock(ctx, r.User); err != nil { // of two blocks the longer one would hold
			return err
		}
	}
	return h.driver.Revoke(ctx, r)
}

const (
	// maxMatches is how often a block may be changed by other nodes while one is told to the driver.
	maxMatches = 100
	// blockGrain is how exactly the store keeps the end of a block, and a little more.
	blockGrain = 2 * time.Millisecond
)

// matchBlock has the driver know the block that the store has of a user, or that it has none, and tells which. Other nodes may change it at
// the same time, and tell the two in another order. So it looks again after each change: whoever has changed the driver last has seen
// that the store has the same. So what was begun is finished also if ctx ends. mine is the block that the caller has put there, of which the
// store keeps a rounded time.
func (h *Hub) matchBlock(ctx context.Context, mine Revocation) (blocked bool, err error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), longPatience)
	defer stop()
	for range maxMatches {
		kept, until, err := h.store.KeptBlock(ctx, mine.User)
		if err != nil {
			return false, err
		}
		if !until.IsZero() && until.Sub(mine.Until).Abs() < blockGrain {
			until = mine.Until
		}
		known, before, err := h.driver.Blocked(ctx, mine.User)
		switch {
		case err != nil:
			return false, err
		case kept == known && (!kept || until.Equal(before)):
			return kept, nil
		case !kept:
			_, err = h.driver.Unblock(ctx, mine.User)
		case !until.IsZero() && time.Until(until) < time.Second:
			return false, nil // it is over, or will be before all agree about the time
		default:
			err = h.changeBlock(ctx, Revocation{User: mine.User, Until: until}, known, before)
		}
		if err != nil {
			return false, err
		}
	}
	return false, Errorf(Unavailable, "the block of %q is changed again and again; try again", mine.User)
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
	was, err := h.driver.Unblock(ctx, user)
	if err != nil || h.store == nil {
		return was, err
	}
	return was, h.matchBlocked(ctx, user)
}

// Blocked tells whether a user is blocked, and until when; zero means for ever.
func (h *Hub) Blocked(ctx context.Context, user string) (bool, time.Time, error) {
	if err := CheckName("user", user); err != nil {
		return false, time.Time{}, err
	}
	return h.driver.Blocked(ctx, user)
}

// matchBlocked is matchBlock for who has not blocked the user: if another node has, sessions may have been opened in between.
func (h *Hub) matchBlocked(ctx context.Context, user string) error {
	blocked, err := h.matchBlock(ctx, Revocation{User: user})
	if err != nil || !blocked {
		return err
	}
	_, err = h.End(ctx, Target{User: user}, EndRevoked)
	return err
}

// lifted takes back a block that a shared driver has and the store has not: the driver's server has lost that it was taken back. It tells
// whether to ask the driver again about who was refused: also when there is no block and the driver is in doubt, since a server may have refused
// of which another one had taken the place. If it fails who is refused is told no more than before.
func (h *Hub) lifted(ctx context.Context, user string) bool {
	if h.shared == nil || h.store == nil {
		return false
	}
	known, _, err := h.driver.Blocked(ctx, user)
	if err != nil || !known {
		return err == nil && h.shared.Doubtful(h.node)
	}
	blocked, err := h.matchBlock(ctx, Revocation{User: user})
	if err != nil {
		h.complain("look whether a user is still blocked", err)
	}
	return err == nil && !blocked
}
