package redis

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// fence is an end of a user's sessions that also holds for those that were opened before it, and that the registry does not know since it has
// lost them: they end when their node restores them.
type fence struct {
	Session      string           `json:"n,omitempty"`
	Device       string           `json:"d,omitempty"`
	Except       string           `json:"x,omitempty"`
	ExceptDevice string           `json:"e,omitempty"`
	Token        string           `json:"t,omitempty"`
	IssuedBefore int64            `json:"b,omitempty"` // in Unix ns
	Why          hubbub.EndReason `json:"w,omitempty"`
	Generation   int64            `json:"g,omitempty"` // of the last session that it holds for
	Until        int64            `json:"u,omitempty"` // when it is forgotten, in ms
}

// mostFences is how many fences of a user are kept, the newest of them: all are read with each decision.
const mostFences = 64

func newFence(t *hubbub.Target, why hubbub.EndReason, generation, now int64) fence {
	return fence{Session: t.Session, Device: t.Device, Except: t.Except, ExceptDevice: t.ExceptDevice, Token: t.Token,
		IssuedBefore: nanos(t.IssuedBefore), Why: why, Generation: generation, Until: now + keptEnded.Milliseconds()}
}

// target is what the fence ends.
func (f *fence) target() hubbub.Target {
	return hubbub.Target{Session: f.Session, Device: f.Device, Except: f.Except, ExceptDevice: f.ExceptDevice, Token: f.Token,
		IssuedBefore: fromNanos(f.IssuedBefore)}
}

func (f *fence) stops(s *session) bool {
	t := f.target()
	return s.generation <= f.Generation && selects(&t, s)
}

// covers tells whether the fence ends all that another one does.
func (f fence) covers(other fence) bool {
	same := other
	same.Generation, same.Until, same.Why = f.Generation, f.Until, f.Why
	return same == f && f.Generation >= other.Generation
}

func parseFences(kept string, now int64) (all []fence) {
	if json.Unmarshal([]byte(kept), &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(f fence) bool { return f.Until <= now })
}

// add adds a fence to those of the user, if it says something new.
func (u *user) fence(f fence) {
	if slices.ContainsFunc(u.fences, func(other fence) bool { return other.covers(f) }) {
		return
	}
	u.fences = append(slices.DeleteFunc(u.fences, f.covers), f)
	u.fences = u.fences[max(0, len(u.fences)-mostFences):]
}

// stopped returns why a session has ended before it was restored, "" if it has not.
func (u *user) stopped(s *session) hubbub.EndReason {
	for i := range u.fences {
		if u.fences[i].stops(s) {
			return u.fences[i].Why
		}
	}
	return ""
}

// isRemembered tells whether ends for this reason hold for sessions that are restored later.
func isRemembered(why hubbub.EndReason) bool {
	return why == hubbub.EndReplaced || why == hubbub.EndLoggedOut || why == hubbub.EndRevoked
}

// endTarget ends the sessions that a target selects, also those that are restored later.
func (c *decision) endTarget(t *hubbub.Target, why hubbub.EndReason) {
	if c.endThose(why, func(s *session) bool { return selects(t, s) }) > 0 {
		c.settle()
	}
	if _, done := c.u.ended[t.Session]; done || !isRemembered(why) {
		return
	}
	f := newFence(t, why, c.u.tick(c.now), c.now)
	c.u.fence(f)
	c.fences = append(c.fences, f)
}

// remind puts up a fence again, and ends the sessions that it should have ended.
func (c *decision) remind(f fence) {
	if _, done := c.u.ended[f.Session]; done || f.Until <= c.now {
		return
	}
	if c.endThose(f.Why, f.stops) > 0 {
		c.settle()
	}
	c.u.fence(f)
}

// mostReminders is how many ends an instance remembers, the newest of them.
const mostReminders = 1 << 14

// reminders are what an instance has ended, in case that the registry loses it.
type reminders struct {
	mu  sync.Mutex
	all []reminder // in the order of their Until
}

type reminder struct {
	user string
	fence
}

// note remembers what decisions have ended, but not sessions of nodes that are served by this instance.
func (r *reminders) note(done []*decision, own func(node string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range done {
		for _, f := range c.fences {
			r.all = append(r.all, reminder{c.u.name, f})
		}
		for _, t := range c.told {
			if s := &t.Transition.Session; isRemembered(t.Why) && s.ID != "" && !own(s.Node) {
				r.all = append(r.all, reminder{c.u.name, newFence(&hubbub.Target{Session: s.ID}, t.Why, never, c.now)})
			}
		}
	}
	r.all = r.all[max(0, len(r.all)-mostReminders):]
}

// byBucket returns what is remembered and not over, by the bucket of the user and then by the user.
func (r *reminders) byBucket(now int64) map[int]map[string][]fence {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(m reminder) bool { return m.Until <= now })
	all := map[int]map[string][]fence{}
	for _, m := range r.all {
		b := bucketOf(m.user)
		if all[b] == nil {
			all[b] = map[string][]fence{}
		}
		all[b][m.user] = append(all[b][m.user], m.fence)
	}
	return all
}

// Remind implements [hubbub.Shared].
func (d *Driver) Remind(ctx context.Context) (all []hubbub.Transition, err error) {
	for bucket, users := range d.registry.reminders.byBucket(d.nowMs()) {
		for names := range slices.Chunk(slices.Sorted(maps.Keys(users)), usersAtOnce) {
			done, err := d.decide(ctx, "tell again what was ended", bucket, names, func(c *decision) error {
				for _, f := range users[c.u.name] {
					c.remind(f)
				}
				return nil
			})
			for _, c := range done {
				all = append(all, c.transitions()...)
			}
			if err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// serves tells whether a node renews its lease by this instance.
func (d *Driver) serves(node string) bool {
	r := &d.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nodes[node] != nil
}
