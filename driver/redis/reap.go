package redis

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var (
	claimScript   = newScript("claim")
	forgetScript  = newScript("forget")
	drainedScript = newScript("drained")
)

// bucketsAtOnce is how many buckets are worked on at the same time.
const bucketsAtOnce = 16

// claimTime is for how long others leave the sessions of a lost lease to who has claimed it. If that one dies, they go on then.
func claimTime(lease time.Duration) int64 { return max(lease, 10*time.Second).Milliseconds() }

// reaped collects what several goroutines have reaped.
type reaped struct {
	mu   sync.Mutex
	all  []hubbub.Transition
	errs []error
}

func (r *reaped) add(all []hubbub.Transition, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, all...)
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *reaped) addAll(done []*decision, err error) {
	var all []hubbub.Transition
	for _, c := range done {
		all = append(all, c.transitions()...)
	}
	r.add(all, err)
}

func (r *reaped) result() ([]hubbub.Transition, error) { return r.all, errors.Join(r.errs...) }

// Reap implements [hubbub.Leases]. It asks only for leases, and for buckets where something may be due: as far as this instance knows from
// its own decisions and from what it has seen there, or when a node has gone, or in turn. One Reap at a time is made by an instance. What
// it has decided is returned also if there is an error.
func (d *Driver) Reap(ctx context.Context) ([]hubbub.Transition, error) {
	r := &d.registry
	if err := r.reaping.take(ctx); err != nil {
		return nil, err
	}
	defer r.reaping.release()
	now := d.nowMs()
	ls, err := d.currentLeases(ctx, now)
	if err != nil {
		return nil, err
	}
	var res reaped
	if now < ls.mercy {
		return nil, nil // nobody is lost, and no grace is over, before nodes could restore their sessions
	}
	d.reapLeases(ctx, ls, now, &res)
	d.lookInTurn(ctx, now, &res)
	d.reapDue(ctx, now, &res)
	d.dropGhosts(ctx, &res)
	return res.result()
}

// eachBucket works on some buckets at the same time.
func (d *Driver) eachBucket(which []int, do func(int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, bucketsAtOnce)
	for _, bucket := range which {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			do(bucket)
		})
	}
	all.Wait()
}

// every has the numbers of all buckets.
func every() []int {
	all := make([]int, buckets)
	for i := range all {
		all[i] = i
	}
	return all
}

// currentLeases returns leases that were read not long ago, and after the last has run out.
func (d *Driver) currentLeases(ctx context.Context, now int64) (*leases, error) {
	ls := d.knownLeases()
	age := now - ls.read
	fresh := age >= 0 && age < d.options.Lease.Milliseconds()/4
	for id := range ls.byID {
		fresh = fresh && ls.sure(id, now)
	}
	if fresh {
		return ls, nil
	}
	return d.loadLeases(ctx)
}

// reapLeases ends the sessions of leases that have run out and that nobody else works on.
func (d *Driver) reapLeases(ctx context.Context, ls *leases, now int64, res *reaped) {
	const op = "claim the leases of lost nodes"
	args := []string{formatMs(now), formatMs(now + claimTime(d.options.Lease))}
	for id, l := range ls.byID {
		if l.lost && l.claim <= now || !l.lost && l.until <= now {
			args = append(args, id, l.node)
		}
	}
	if len(args) > 2 {
		claimed, err := d.call(ctx, op, claimScript, []string{d.leasesKey()}, args...).AsStrSlice()
		if err == nil && len(claimed) > 0 {
			_, err = d.loadLeases(ctx) // by which they are lost
		}
		if err != nil {
			res.add(nil, unavailable(err, op))
			return
		}
		for _, id := range claimed {
			res.add(d.reapLease(ctx, id, ls.byID[id].node))
		}
	}
	if d.registry.orphans.CompareAndSwap(true, false) {
		d.registry.ghosts = search{buckets: buckets}
		d.reapOrphans(ctx, every(), res)
	}
}

// reapLease ends the sessions of a lease that is claimed, and forgets it.
func (d *Driver) reapLease(ctx context.Context, id, node string) ([]hubbub.Transition, error) {
	all, err := d.endLease(ctx, id, hubbub.EndNodeLost)
	d.options.Logger.Warn("a node does not renew its lease any more; this one ends the sessions that it had", "lost", node, "sessions", sessionsIn(all))
	if err != nil {
		return all, err // others go on when the claim is over
	}
	d.registry.lookEverywhere() // the node may have left something that is due to its knowledge alone
	return all, d.forgetLease(ctx, id, node)
}

// sessionsIn is how many sessions have ended by transitions.
func sessionsIn(all []hubbub.Transition) (n int) {
	for _, t := range all {
		if t.Kind == hubbub.SessionDisconnected {
			n++
		}
	}
	return n
}

func (d *Driver) forgetLease(ctx context.Context, id, node string) error {
	const op = "forget a lost lease"
	return unavailable(d.call(ctx, op, forgetScript, []string{d.leasesKey(), d.statusKey()}, id, node).Error(), op)
}

// endLease ends the sessions of a lost lease in all buckets.
func (d *Driver) endLease(ctx context.Context, id string, why hubbub.EndReason) ([]hubbub.Transition, error) {
	const op = "list the sessions of a lost node"
	results, err := d.ofLease(ctx, op, id)
	if err != nil {
		return nil, err
	}
	var res reaped
	d.eachBucket(every(), func(bucket int) {
		members, err := results[bucket].AsStrSlice()
		if err != nil {
			res.add(nil, unavailable(err, op))
			return
		}
		d.endIn(ctx, bucket, id, members, why, &res)
	})
	return res.result()
}

// ofLease asks for the sessions of a lease in each bucket, "USER SESSION".
func (d *Driver) ofLease(ctx context.Context, op, id string) ([]rueidis.RedisResult, error) {
	return d.ofBuckets(ctx, op, every(), func(k *userKeys) rueidis.Completed { return d.b().Smembers().Key(k.of(id)).Build() })
}

// sessionsOf returns the sessions of a lease, "USER SESSION".
func (d *Driver) sessionsOf(ctx context.Context, op, id string) (all []string, err error) {
	results, err := d.ofLease(ctx, op, id)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		some, err := r.AsStrSlice()
		if err != nil {
			return nil, unavailable(err, op)
		}
		all = append(all, some...)
	}
	return all, nil
}

// ofBuckets asks something of some buckets, in one round trip.
func (d *Driver) ofBuckets(ctx context.Context, op string, which []int, of func(*userKeys) rueidis.Completed) ([]rueidis.RedisResult, error) {
	cmds := make([]rueidis.Completed, len(which))
	for i, bucket := range which {
		cmds[i] = of(d.userKeys(bucket))
	}
	return d.trip(ctx, op, cmds...)
}

// endIn ends the sessions of a lost lease in one bucket.
func (d *Driver) endIn(ctx context.Context, bucket int, id string, members []string, why hubbub.EndReason, res *reaped) {
	const op = "end the sessions of a lost node"
	k := d.userKeys(bucket)
	if len(members) == 0 {
		return
	}
	var wrong error
	for names := range slices.Chunk(usersOf(members), usersAtOnce) {
		done, err := d.decide(ctx, op, bucket, names, func(c *decision) error {
			if c.endThose(why, func(s *session) bool { return s.lease == id }) > 0 {
				c.settle()
			}
			return nil
		})
		res.addAll(done, err)
		wrong = cmp.Or(wrong, err)
	}
	if wrong != nil {
		return // who is left of them is tried again when the claim is over
	}
	for some := range slices.Chunk(members, 1000) {
		err := d.call(ctx, op, drainedScript, []string{k.of(id), k.leases}, append([]string{id}, some...)...).Error()
		res.add(nil, unavailable(err, op))
	}
}

// usersOf returns the users of sessions, each once.
func usersOf(members []string) []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i], _, _ = strings.Cut(m, " ")
	}
	slices.Sort(names)
	return slices.Compact(names)
}
