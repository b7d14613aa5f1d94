package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

const (
	// tries is how often a decision is made anew since others have decided about the same user meanwhile.
	tries = 30
	// usersAtOnce is how many users' decisions share their round trips.
	usersAtOnce = 64
)

var applyScript = newScript("apply")

// toWrite makes the context of a write, which does not end with its caller's: the caller would not know whether it was done.
func (d *Driver) toWrite(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d.options.Answer+pingGap)
}

// userKeys are the keys of a bucket of users.
type userKeys struct {
	prefix string
	online string // sorted set of the users who are online, in the order of their names
	grace  string // sorted set of those of them without session, by the time when their grace is over
	due    string // sorted set of what is to be done if nobody has done it until a time
	todo   string // hash of what is left to do in other slots
	leases string // hash of the leases that have or had sessions, with their nodes
	count  string // number of sessions
}

func (d *Driver) userKeys(bucket int) *userKeys { return &d.registry.users[bucket] }

func newUserKeys(prefix string, bucket int) userKeys {
	p := prefix + userTag(bucket)
	return userKeys{prefix: p, online: p + "online", grace: p + "grace", due: p + "due", todo: p + "todo", leases: p + "leases",
		count: p + "sessions"}
}

func (k *userKeys) user(name string) string  { return k.prefix + "u:" + name }
func (k *userKeys) pending(id string) string { return k.prefix + "p:" + id[:4] } // all those of a user
func (k *userKeys) of(lease string) string   { return k.prefix + "on:" + lease }

// trip sends commands together. The error is the first of the way there; what Redis says about single ones is in their results.
func (d *Driver) trip(ctx context.Context, op string, cmds ...rueidis.Completed) ([]rueidis.RedisResult, error) {
	if len(cmds) == 0 {
		return nil, nil
	}
	if hook := d.registry.hook; hook != nil {
		if err := hook(op, true); err != nil {
			return nil, unavailable(err, op)
		}
	}
	results := d.doMulti(ctx, cmds...)
	if hook := d.registry.hook; hook != nil {
		if err := hook(op, false); err != nil {
			return nil, unavailable(err, op)
		}
	}
	for _, r := range results {
		if err := r.NonRedisError(); err != nil {
			return nil, unavailable(err, op)
		}
	}
	return results, nil
}

// call runs a script.
func (d *Driver) call(ctx context.Context, op string, s *script, keys []string, args ...string) rueidis.RedisResult {
	hook := d.registry.hook
	if hook != nil {
		if err := hook(op, true); err != nil {
			return rueidis.NewErrorResult(err)
		}
	}
	result := d.exec(ctx, s, keys, args...)
	if hook != nil {
		if err := hook(op, false); err != nil {
			return rueidis.NewErrorResult(err)
		}
	}
	return result
}

// textOf is what Redis answered, "" for nothing.
func textOf(r rueidis.RedisResult) (string, error) {
	text, err := r.ToString()
	if rueidis.IsRedisNil(err) {
		return "", nil
	}
	return text, err
}

// decideOne decides about one user. f's errors are returned, and then nothing is written.
func (d *Driver) decideOne(ctx context.Context, op, name string, f func(*decision) error) (*decision, error) {
	all, err := d.decide(ctx, op, bucketOf(name), []string{name}, f)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// decide decides about some users of one bucket, each alone, and tells [hubbub.Ordered] of it. It reads what is known of them in one round
// trip and writes in another one; what others have changed in between is read and decided again. Then it does what is left to do in
// other slots. It returns those decisions that were written, or did not change anything, also if there is an error about others, such as of a
// user of whom Redis has something that makes no sense.
func (d *Driver) decide(ctx context.Context, op string, bucket int, names []string, f func(*decision) error) (done []*decision, err error) {
	r := &d.registry
	if err := r.locks[bucket].take(ctx); err != nil {
		return nil, err
	}
	var damaged error
	for try := 0; len(names) > 0; try++ {
		if try == tries {
			err = hubbub.Errorf(hubbub.Unavailable, "cannot %s: too much happens at once; try again", op)
			break
		}
		if try > 0 && !sleep(ctx, mathrand.N(time.Millisecond<<min(try, 5))) {
			err = ctx.Err()
			break
		}
		var some []*decision
		var wrong error
		if some, wrong, err = d.read(ctx, op, bucket, names); err != nil {
			break
		}
		damaged = cmp.Or(damaged, wrong)
		if err = each(some, f); err != nil {
			break
		}
		var written []*decision
		written, names, err = d.write(ctx, op, bucket, some)
		d.told(written)
		d.registry.reminders.note(written, d.serves)
		if done = append(done, written...); err != nil {
			break
		}
	}
	r.locks[bucket].release()
	d.finish(ctx, bucket, done)
	return done, cmp.Or(err, damaged)
}

func each(some []*decision, f func(*decision) error) error {
	for _, c := range some {
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

// read reads what decisions about users need. The user comes before what nobody has confirmed, so that nothing of it is missing that was
// decided before the user's version. What Redis has of one of them may be damaged, which concerns nobody else.
func (d *Driver) read(ctx context.Context, op string, bucket int, names []string) (all []*decision, damaged, err error) {
	k := d.userKeys(bucket)
	cmds := make([]rueidis.Completed, 0, 2*len(names))
	for _, name := range names {
		id := hubbub.TransitionID("", name, "")
		cmds = append(cmds, d.b().Hgetall().Key(k.user(name)).Build(), d.b().Hgetall().Key(k.pending(id)).Build())
	}
	results, err := d.trip(ctx, op, cmds...)
	if err != nil {
		return nil, nil, err
	}
	now := d.now()
	all = make([]*decision, 0, len(names))
	for i, name := range names {
		fields, err1 := results[2*i].AsStrMap()
		pending, err2 := results[2*i+1].AsStrMap()
		if err := cmp.Or(err1, err2); err != nil {
			damaged = unavailable(err, op+": read the user "+name)
			continue
		}
		c := &decision{now: now.UnixMilli(), time: now, grace: max(0, d.options.Grace).Milliseconds(), by: d.registry.names[bucket]}
		c.u = parseUser(name, fields, c.now)
		c.u.forgetOld(c.now, d.options.LastSeen)
		c.u.was = c.u.index(c.grace)
		c.others, c.untold = ofOthers(pending, name, c.by), len(pending)
		all = append(all, c)
	}
	ls, err := d.leasesFor(ctx, now.UnixMilli(), leasesIn(all))
	if err != nil {
		return nil, nil, err
	}
	for _, c := range all {
		c.leases = ls
	}
	return all, damaged, nil
}

// forgetOld forgets who has been offline for longer than it is remembered, before Redis does.
func (u *user) forgetOld(now int64, after time.Duration) {
	if !u.online && u.seen != 0 && now-u.seen > after.Milliseconds() {
		u.forget()
	}
}

func leasesIn(all []*decision) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, c := range all {
			for _, s := range c.u.sessions {
				if !yield(s.lease) {
					return
				}
			}
		}
	}
}

// write writes decisions. It returns those that are written and the users of those that must be made anew. Whoever dies after it has
// decided, but has done nothing else: what must be told is kept until it is confirmed, what is left to do until it is done, and a grace
// until somebody has looked; the next who reaps finds all of it.
func (d *Driver) write(ctx context.Context, op string, bucket int, all []*decision) (done []*decision, again []string, err error) {
	k, keep := d.userKeys(bucket), retention{d.options.Lease, d.options.LastSeen}
	var cmds []rueidis.Completed
	var of []*decision
	var ws []*writes
	for _, c := range all {
		w := c.diff(k, rand.Text(), keep)
		if w == nil {
			done = append(done, c)
			continue
		}
		d.noteDue(bucket, c)
		cmds = append(cmds, d.b().Evalsha().Sha1(applyScript.sha).Numkeys(int64(len(w.keys))).Key(w.keys...).Arg(w.args...).Build())
		of, ws = append(of, c), append(ws, w)
	}
	ctx, cancel := d.toWrite(ctx)
	defer cancel()
	results, err := d.trip(ctx, op, cmds...)
	d.registry.writes.Add(uint64(len(cmds)))
	if err != nil {
		// It may have been written or not. If it was, its transitions are told when they are due, and with Restore and SessionsOn the
		// nodes of this instance put right what they and the registry have differently.
		d.unanswered(bucket)
		return done, nil, err
	}
	for i, c := range of {
		n, failed := results[i].AsInt64()
		if mustLoad(failed) {
			n, failed = d.call(ctx, op, applyScript, ws[i].keys, ws[i].args...).AsInt64()
		}
		switch {
		case failed != nil:
			if _, said := rueidis.IsRedisErr(failed); !said {
				d.unanswered(bucket)
			}
			err = unavailable(failed, op)
		case n == 1:
			done = append(done, c)
		default:
			again = append(again, c.u.name)
		}
	}
	return done, again, err
}

// unanswered is called when nobody knows whether something was written in a bucket. What this instance has decided there until now counts as
// decided by another one: if it is there it may not have been told, and so is told before what is decided next about the same user. The
// caller holds the lock of the bucket.
func (d *Driver) unanswered(bucket int) {
	d.registry.names[bucket] = rand.Text()
	d.doubt()
}

// mustLoad tells whether a script was not run, but may be now.
func mustLoad(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && (e.IsNoScript() || e.IsTryAgain())
}

// noteDue remembers when Reap must look at the bucket because of a decision.
func (d *Driver) noteDue(bucket int, c *decision) {
	if len(c.told)+len(c.left) > 0 {
		d.registry.note(bucket, c.now+d.options.Lease.Milliseconds())
	}
	if after := c.u.index(c.grace); after.grace != 0 {
		d.registry.note(bucket, after.grace)
	}
}

// told tells what was decided. The caller holds the lock of the bucket, so those of a user are told in the order of the decisions.
func (d *Driver) told(all []*decision) {
	f := d.registry.onDecision
	for _, c := range all {
		if len(c.told) == 0 || f == nil {
			continue
		}
		f(append(transitions(c.others), transitions(c.told)...))
	}
}

func transitions(all []keptPending) []hubbub.Transition {
	ts := make([]hubbub.Transition, len(all))
	for i, p := range all {
		ts[i] = p.Transition
	}
	return ts
}

// OnDecision implements [hubbub.Ordered].
func (d *Driver) OnDecision(f func([]hubbub.Transition)) { d.registry.onDecision = f }

// transitions returns what a decision has changed, with the rooms that were left by it.
func (c *decision) transitions() []hubbub.Transition { return transitions(c.told) }
