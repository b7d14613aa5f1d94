package redis

import (
	"context"
	"slices"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// reapOrphans ends sessions of leases that nobody knows: the registry of leases was lost, or a node stood still while it added a session.
func (d *Driver) reapOrphans(ctx context.Context, which []int, res *reaped) {
	const op = "list the leases that have sessions"
	results, err := d.ofBuckets(ctx, op, which, func(k *userKeys) rueidis.Completed { return d.b().Hkeys().Key(k.leases).Build() })
	if err != nil {
		d.registry.orphans.Store(true)
		res.add(nil, err)
		return
	}
	for i, bucket := range which {
		ids, err := results[i].AsStrSlice()
		if err != nil {
			res.add(nil, unavailable(err, op))
			continue
		}
		d.endOrphans(ctx, bucket, ids, res)
	}
}

func (d *Driver) endOrphans(ctx context.Context, bucket int, ids []string, res *reaped) {
	const op = "list the sessions of a lost node"
	known := func(ls *leases) func(string) bool {
		return func(id string) bool { _, ok := ls.byID[id]; return ok }
	}
	if ids = slices.DeleteFunc(ids, known(d.knownLeases())); len(ids) == 0 {
		return
	}
	ls, err := d.loadLeases(ctx)
	if err != nil || d.nowMs() < ls.mercy {
		res.add(nil, err)
		return
	}
	k := d.userKeys(bucket)
	for _, id := range slices.DeleteFunc(ids, known(ls)) {
		results, err := d.trip(ctx, op, d.b().Smembers().Key(k.of(id)).Build())
		if err != nil {
			res.add(nil, err)
			return
		}
		members, err := results[0].AsStrSlice()
		if err != nil {
			res.add(nil, unavailable(err, op))
			return
		}
		d.endIn(ctx, bucket, id, members, hubbub.EndNodeLost, res)
	}
}
