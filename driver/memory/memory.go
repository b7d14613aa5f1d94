package memory

import (
	"hash/maphash"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Options configures a [Driver]. The zero value is what most want.
type Options struct {
	Grace time.Duration // how long a user without a session is still online; 0 means 5 s, negative none
	Lease time.Duration // how long a node that does not renew is taken for alive; 0 or less means 10 s
	// LastSeen is how long it is remembered when a user who is offline was there; 0 or less means 30 days.
	LastSeen time.Duration
	// LastSeenUsers is of how many users who are offline it is remembered, about; of more, those who left first are forgotten.
	// 0 or less means 1,000,000, which takes up to 200 MB.
	LastSeenUsers int
	// KeptPerSender is how many bytes of what one user has sent are kept, in all streams together; 0 means 64 MiB, negative any
	// number. Whoever is over it is refused with TooLarge until something has expired. Each message counts some 500 bytes more.
	KeptPerSender int
	Now           func() time.Time // nil means time.Now; must be safe for concurrent use
}

// shards is how many locks users, rooms, topics and the index of streams are spread over.
const shards = 256

// Driver implements [hubbub.Driver] and [hubbub.Poster]. All methods may be called concurrently, and none waits for anything
// but locks; contexts are not looked at. Make one with [New].
type Driver struct {
	// Immutable after New.
	options Options
	seed    maphash.Seed
	// Immutable after OnDecision.
	onDecision func([]hubbub.Transition) // nil if nobody wants to know

	// Safe for concurrent use, each with its own locks.
	streams streams
	takers  [shards]takers // by user: the streams they take part in
	topics  [shards]topics
	users   [shards]users
	pending [shards]pending // by user: the transitions that were not confirmed
	online  roster          // the users who are online as far as was told
	rooms   [shards]rooms
	nodes   nodes
	budgets budgets // of who sends
}

var (
	_ hubbub.Driver  = (*Driver)(nil)
	_ hubbub.Poster  = (*Driver)(nil)
	_ hubbub.Ordered = (*Driver)(nil)
)

// New returns an empty driver. It needs no closing.
func New(o Options) *Driver {
	switch {
	case o.Grace == 0:
		o.Grace = 5 * time.Second
	case o.Grace < 0:
		o.Grace = 0
	}
	if o.Lease <= 0 {
		o.Lease = 10 * time.Second
	}
	if o.LastSeen <= 0 {
		o.LastSeen = 30 * 24 * time.Hour
	}
	if o.LastSeenUsers <= 0 {
		o.LastSeenUsers = 1_000_000
	}
	if o.KeptPerSender == 0 {
		o.KeptPerSender = 64 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Driver{options: o, seed: maphash.MakeSeed()}
	d.budgets.most = o.KeptPerSender
	return d
}

// OnDecision implements [hubbub.Ordered]. f is called with the lock of the shard of the transitions' users held.
func (d *Driver) OnDecision(f func([]hubbub.Transition)) { d.onDecision = f }

// decided tells what was decided, before the lock of the users is given up.
func (d *Driver) decided(all []hubbub.Transition) {
	if d.onDecision != nil && len(all) > 0 {
		d.onDecision(all)
	}
}

// shard spreads keys over the shards.
func shard[K comparable](d *Driver, key K) int { return int(maphash.Comparable(d.seed, key) % shards) }
