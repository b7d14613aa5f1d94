package redis

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redis/rueidis"
)

var dueScript = newScript("due")

const (
	dueAtOnce = 256 // how much of what is due in a bucket is taken over in one step
	maxRounds = 64  // how many such steps one Reap takes in a bucket
)

// turn is which bucket is looked at next though nothing is known to be due there. In this way all are looked at within some twenty minutes,
// so that nothing stays for ever that was due to nobody's knowledge.
type turn struct {
	last   int64 // when, in ms; guarded by the lock of reaping
	bucket int
}

// lookInTurn looks at a bucket where nothing is known to be due.
func (d *Driver) lookInTurn(ctx context.Context, now int64, res *reaped) {
	t := &d.registry.turn
	if since := now - t.last; since >= 0 && since < d.options.Lease.Milliseconds()/2 {
		return
	}
	t.last, t.bucket = now, (t.bucket+1)%buckets
	const op = "look for what is due"
	k := d.userKeys(t.bucket)
	results, err := d.trip(ctx, op, append(headCommands(d, k), d.b().Hkeys().Key(k.leases).Build())...)
	if err != nil {
		res.add(nil, err)
		return
	}
	ids, err := results[2].AsStrSlice()
	if err == nil {
		err = d.noteHeads(t.bucket, results)
	}
	if err != nil {
		res.add(nil, unavailable(err, op))
		return
	}
	if now >= d.knownLeases().mercy {
		d.endOrphans(ctx, t.bucket, ids, res)
	}
}

// headCommands ask what is due next in a bucket.
func headCommands(d *Driver, k *userKeys) []rueidis.Completed {
	return []rueidis.Completed{
		d.b().Zrange().Key(k.due).Min("0").Max("0").Withscores().Build(),
		d.b().Zrange().Key(k.grace).Min("0").Max("0").Withscores().Build(),
	}
}

// reapDue does what is due in the buckets where something may be due.
func (d *Driver) reapDue(ctx context.Context, now int64, res *reaped) {
	r := &d.registry
	soon := func(bucket int) bool { return r.due[bucket].Load() > now }
	which := slices.DeleteFunc(every(), soon)
	var cmds []rueidis.Completed
	for _, bucket := range which {
		r.due[bucket].Store(never)
		cmds = append(cmds, headCommands(d, d.userKeys(bucket))...)
	}
	heads, err := d.trip(ctx, "look for what is due", cmds...)
	for i, bucket := range which {
		if err == nil {
			err = d.noteHeads(bucket, heads[2*i:])
		}
		if err != nil {
			r.note(bucket, 0)
		}
	}
	if err != nil {
		res.add(nil, unavailable(err, "look for what is due"))
		return
	}
	d.eachBucket(slices.DeleteFunc(which, soon), func(bucket int) {
		if err := d.reapBucket(ctx, bucket, now, res); err != nil {
			r.note(bucket, 0)
			res.add(nil, err)
		}
	})
}

// noteHeads notes what is due next in a bucket.
func (d *Driver) noteHeads(bucket int, heads []rueidis.RedisResult) error {
	for _, head := range heads[:2] {
		scores, err := head.AsZScores()
		if err != nil {
			return err
		}
		for _, s := range scores {
			d.registry.note(bucket, int64(s.Score))
		}
	}
	return nil
}

// reapBucket does what is due in a bucket: it takes those offline whose grace is over, tells again what nobody has confirmed, and does what
// is left to do after sessions have ended.
func (d *Driver) reapBucket(ctx context.Context, bucket int, now int64, res *reaped) error {
	const op = "reap what is due"
	k := d.userKeys(bucket)
	for rounds, more := 0, true; more; rounds++ {
		if rounds == maxRounds {
			d.registry.note(bucket, now+time.Second.Milliseconds())
			return nil
		}
		d.registry.due[bucket].Store(never)
		results, err := d.trip(ctx, op,
			append(headCommands(d, k), d.b().Zrange().Key(k.grace).Min("-inf").Max(formatMs(now)).Byscore().Limit(0, dueAtOnce).Build())...)
		if err != nil {
			return err
		}
		names, err := results[2].AsStrSlice()
		if err == nil {
			err = d.noteHeads(bucket, results)
		}
		if err != nil {
			return unavailable(err, op)
		}
		more = d.registry.due[bucket].Load() <= now
		var wrong error // about one user, perhaps: the others must not wait for what is never right
		for some := range slices.Chunk(names, usersAtOnce) {
			done, err := d.decide(ctx, op, bucket, some, func(c *decision) error { c.settle(); return nil })
			res.addAll(done, nil)
			wrong = cmp.Or(wrong, err)
		}
		if !more {
			return wrong
		}
		if err := d.again(ctx, bucket, now, res); err != nil || wrong != nil {
			return cmp.Or(err, wrong)
		}
	}
	return nil
}
