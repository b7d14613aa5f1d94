package redis

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// keptRevocation is how a revocation is kept. Times are in Unix ns, 0 for none.
type keptRevocation struct {
	Device string `json:"d,omitempty"`
	Token  string `json:"t,omitempty"`
	Before int64  `json:"b,omitempty"`
	Until  int64  `json:"u,omitempty"`
}

func parseRevocations(user, kept string) (all []hubbub.Revocation) {
	var ks []keptRevocation
	if json.Unmarshal([]byte(kept), &ks) != nil {
		return nil
	}
	for _, k := range ks {
		all = append(all, hubbub.Revocation{User: user, Device: k.Device, Token: k.Token, Before: fromNanos(k.Before), Until: fromNanos(k.Until)})
	}
	return all
}

func encodeRevocations(all []hubbub.Revocation) string {
	ks := make([]keptRevocation, len(all))
	for i, r := range all {
		ks[i] = keptRevocation{Device: r.Device, Token: r.Token, Before: nanos(r.Before), Until: nanos(r.Until)}
	}
	return plainJSON(ks)
}

// implies tells whether all that b revokes, as long as it does, is revoked by a. Blocks only imply blocks: they can be taken back, and
// what else was revoked holds then.
func implies(a, b hubbub.Revocation) bool {
	return isBlock(a) == isBlock(b) && (a.Device == "" || a.Device == b.Device) && (a.Token == "" || a.Token == b.Token) &&
		(a.Before.IsZero() || !b.Before.IsZero() && !a.Before.Before(b.Before)) &&
		(a.Until.IsZero() || !b.Until.IsZero() && !a.Until.Before(b.Until))
}

func isBlock(r hubbub.Revocation) bool { return r.Device == "" && r.Token == "" && r.Before.IsZero() }

func over(r hubbub.Revocation, now time.Time) bool { return !r.Until.IsZero() && !now.Before(r.Until) }

// revoke adds a revocation. Those that say nothing beyond another one are left out, so that who signs out everywhere again and again takes
// no more memory each time, and so are those that are over.
func (u *user) revoke(r hubbub.Revocation, now time.Time) {
	u.revoked = slices.DeleteFunc(u.revoked, func(other hubbub.Revocation) bool { return over(other, now) })
	if over(r, now) || slices.ContainsFunc(u.revoked, func(other hubbub.Revocation) bool { return implies(other, r) }) {
		return
	}
	u.revoked = append(slices.DeleteFunc(u.revoked, func(other hubbub.Revocation) bool { return implies(r, other) }), r)
}

// isRevoked tells whether what a session's record says was revoked.
func (u *user) isRevoked(s *hubbub.SessionRecord, now time.Time) bool {
	return slices.ContainsFunc(u.revoked, func(r hubbub.Revocation) bool {
		return !over(r, now) && (r.Device == "" || r.Device == s.Device) && (r.Token == "" || r.Token == s.Token) &&
			(r.Before.IsZero() || s.Issued.Before(r.Before))
	})
}

// block returns the block that holds, if there is one. There is one at most that is not implied by another.
func (u *user) block(now time.Time) (hubbub.Revocation, bool) {
	at := slices.IndexFunc(u.revoked, func(r hubbub.Revocation) bool { return isBlock(r) && !over(r, now) })
	if at < 0 {
		return hubbub.Revocation{}, false
	}
	return u.revoked[at], true
}

// Revoke implements [hubbub.Revocations].
func (d *Driver) Revoke(ctx context.Context, r hubbub.Revocation) error {
	_, err := d.decideOne(ctx, "revoke credentials", r.User, func(c *decision) error {
		c.u.revoke(r, c.time)
		return nil
	})
	return err
}

// Revoked implements [hubbub.Revocations].
func (d *Driver) Revoked(ctx context.Context, r hubbub.SessionRecord) (bool, error) {
	u, err := d.revocationsOf(ctx, r.User)
	if err != nil {
		return false, err
	}
	return u.isRevoked(&r, d.now()), nil
}

// Blocked implements [hubbub.Revocations].
func (d *Driver) Blocked(ctx context.Context, name string) (blocked bool, until time.Time, err error) {
	u, err := d.revocationsOf(ctx, name)
	if err != nil {
		return false, time.Time{}, err
	}
	r, blocked := u.block(d.now())
	return blocked, r.Until, nil
}

// revocationsOf reads nothing else about a user.
func (d *Driver) revocationsOf(ctx context.Context, name string) (*user, error) {
	k := d.userKeys(bucketOf(name))
	results, err := d.trip(ctx, "read revocations", d.b().Hget().Key(k.user(name)).Field(fieldRevoked).Build())
	if err != nil {
		return nil, err
	}
	kept, err := textOf(results[0])
	if err != nil {
		return nil, unavailable(err, "read revocations")
	}
	return &user{name: name, revoked: parseRevocations(name, kept)}, nil
}

// Unblock implements [hubbub.Revocations].
func (d *Driver) Unblock(ctx context.Context, name string) (blocked bool, err error) {
	_, err = d.decideOne(ctx, "unblock a user", name, func(c *decision) error {
		if _, blocked = c.u.block(c.time); blocked {
			c.u.revoked = slices.DeleteFunc(c.u.revoked, isBlock)
		}
		return nil
	})
	return blocked && err == nil, err
}
