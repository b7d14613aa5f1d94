package memory

import (
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// sweepRevocations is how often those that are over are looked for.
const sweepRevocations = time.Minute

// revocations are those of the users of one shard.
type revocations struct {
	byUser map[string][]hubbub.Revocation
	swept  time.Time
}

// add remembers a revocation. Those of the user that say nothing beyond another one are left out, so that who signs out
// everywhere again and again takes no more memory each time.
func (rs *revocations) add(r hubbub.Revocation) {
	all := rs.byUser[r.User]
	if slices.ContainsFunc(all, func(other hubbub.Revocation) bool { return implies(other, r) }) {
		return
	}
	if rs.byUser == nil {
		rs.byUser = make(map[string][]hubbub.Revocation)
	}
	all = slices.DeleteFunc(all, func(other hubbub.Revocation) bool { return implies(r, other) })
	rs.byUser[r.User] = append(all, r)
}

// implies tells whether all that b revokes, as long as it does, is revoked by a. Blocks only imply blocks: they can be taken back, and
// what else was revoked holds then.
func implies(a, b hubbub.Revocation) bool {
	return isBlock(a) == isBlock(b) && (a.Device == "" || a.Device == b.Device) && (a.Token == "" || a.Token == b.Token) &&
		(a.Before.IsZero() || !b.Before.IsZero() && !a.Before.Before(b.Before)) &&
		(a.Until.IsZero() || !b.Until.IsZero() && !a.Until.Before(b.Until))
}

// revoked tells whether what a session's record says was revoked.
func (rs *revocations) revoked(s *hubbub.SessionRecord, now time.Time) bool {
	return slices.ContainsFunc(rs.byUser[s.User], func(r hubbub.Revocation) bool {
		return !over(r, now) && (r.Device == "" || r.Device == s.Device) && (r.Token == "" || r.Token == s.Token) &&
			(r.Before.IsZero() || s.Issued.Before(r.Before))
	})
}

// block returns the block of a user that holds, if there is one. There is one at most that is not implied by another.
func (rs *revocations) block(user string, now time.Time) (hubbub.Revocation, bool) {
	all := rs.byUser[user]
	at := slices.IndexFunc(all, func(r hubbub.Revocation) bool { return isBlock(r) && !over(r, now) })
	if at < 0 {
		return hubbub.Revocation{}, false
	}
	return all[at], true
}

// unblock forgets the blocks of a user.
func (rs *revocations) unblock(user string) {
	rs.byUser[user] = slices.DeleteFunc(rs.byUser[user], isBlock)
	if len(rs.byUser[user]) == 0 {
		delete(rs.byUser, user)
	}
}

func isBlock(r hubbub.Revocation) bool { return r.Device == "" && r.Token == "" && r.Before.IsZero() }

func over(r hubbub.Revocation, now time.Time) bool { return !r.Until.IsZero() && !now.Before(r.Until) }

// sweep forgets those that are over.
func (rs *revocations) sweep(now time.Time) {
	if now.Sub(rs.swept) < sweepRevocations {
		return
	}
	rs.swept = now
	for user, all := range rs.byUser {
		rest := slices.DeleteFunc(all, func(r hubbub.Revocation) bool { return over(r, now) })
		if rs.byUser[user] = rest; len(rest) == 0 {
			delete(rs.byUser, user)
		}
	}
}
