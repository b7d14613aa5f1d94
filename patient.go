package hubbub

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// patience is how long a call of a driver that is shared may take. While its server is known to be away, it is less.
	patience     = 5 * time.Second
	lessPatience = time.Second
	// longPatience is for calls that do much at once.
	longPatience = 30 * time.Second
)

// patient is a [Shared] driver whose calls end in time, whatever its server does: otherwise those who wait would become more and more.
// OnDecision and Restored pass through it, since they do not wait.
type patient struct {
	Driver
	Shared
	poster   Poster      // nil if the driver is none
	pipeline Pipeline    // nil if the driver is none
	herald   Herald      // nil if the driver is none
	away     atomic.Bool // the server has not answered lately
	soon     shortly
}

// within calls f with a context that ends in time. If it was the patience that ended, the error says so.
func within[T any](ctx context.Context, p *patient, long time.Duration, f func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, p.long(long))
	defer cancel()
	v, err := f(bounded)
	return v, impatient(ctx, err)
}

// long is how long a call may take now that may take so long otherwise.
func (p *patient) long(usually time.Duration) time.Duration {
	if p.away.Load() {
		return min(usually, lessPatience)
	}
	return usually
}

// impatient returns the error of a call whose context was bounded, while that of the caller is ctx.
func impatient(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return &Error{Reason: Unavailable, Message: "what the nodes share does not answer; try again", Err: err}
	}
	return err
}

// none is the value of calls that return only an error.
type none = struct{}

func only(err error) (none, error) { return none{}, err }

func (p *patient) Append(ctx context.Context, d Draft) (Appended, error) {
	return within(ctx, p, patience, func(ctx context.Context) (Appended, error) { return p.Driver.Append(ctx, d) })
}

func (p *patient) Post(ctx context.Context, d Draft) (Appended, error) {
	return within(ctx, p, patience, func(ctx context.Context) (Appended, error) { return p.poster.Post(ctx, d) })
}

func (p *patient) PublishAll(ctx context.Context, all []Tiding) error {
	_, err := within(ctx, p, patience, func(ctx context.Context) (none, error) { return only(p.herald.PublishAll(ctx, all)) })
	return err
}

// BeginPost does not end with ctx: what has begun is done.
func (p *patient) BeginPost(_ context.Context, d Draft, done func(Appended, error)) {
	p.pipeline.BeginPost(p.soon.context(p.long(patience)), d, func(a Appended, err error) {
		done(a, impatient(context.Background(), err))
	})
}

func (p *patient) After(ctx context.Context, s Stream, at Position, limit int) (Page, error) {
	return within(ctx, p, patience, func(ctx context.Context) (Page, error) { return p.Driver.After(ctx, s, at, limit) })
}

func (p *patient) Before(ctx context.Context, s Stream, at Position, limit int) (Page, error) {
	return within(ctx, p, patience, func(ctx context.Context) (Page, error) { return p.Driver.Before(ctx, s, at, limit) })
}

func (p *patient) Trim(ctx context.Context, limit int) (bool, error) {
	return within(ctx, p, longPatience, func(ctx context.Context) (bool, error) { return p.Driver.Trim(ctx, limit) })
}

func (p *patient) Conversations(ctx context.Context, user, before string, limit int) (ConversationPage, error) {
	return within(ctx, p, patience, func(ctx context.Context) (ConversationPage, error) {
		return p.Driver.Conversations(ctx, user, before, limit)
	})
}

func (p *patient) MarkRead(ctx context.Context, user string, s Stream, at Position) (bool, error) {
	return within(ctx, p, patience, func(ctx context.Context) (bool, error) { return p.Driver.MarkRead(ctx, user, s, at) })
}

func (p *patient) Publish(ctx context.Context, t Topic, e Event) error {
	_, err := within(ctx, p, patience, func(ctx context.Context) (none, error) { return only(p.Driver.Publish(ctx, t, e)) })
	return err
}

func (p *patient) Subscribe(ctx context.Context, t Topic, s Subscriber) (unsubscribe func(), err error) {
	return within(ctx, p, patience, func(ctx context.Context) (func(), error) { return p.Driver.Subscribe(ctx, t, s) })
}

func (p *patient) Open(ctx context.Context, s SessionRecord, l DeviceLimit) (Opened, error) {
	return within(ctx, p, patience, func(ctx context.Context) (Opened, error) { return p.Driver.Open(ctx, s, l) })
}

func (p *patient) Update(ctx context.Context, s SessionRecord) error {
	_, err := within(ctx, p, patience, func(ctx context.Context) (none, error) { return only(p.Driver.Update(ctx, s)) })
	return err
}

func (p *patient) End(ctx context.Context, t Target, why EndReason) ([]Transition, error) {
	return within(ctx, p, patience, func(ctx context.Context) ([]Transition, error) { return p.Driver.End(ctx, t, why) })
}

func (p *patient) Revoke(ctx context.Context, r Revocation) error {
	_, err := within(ctx, p, patience, func(ctx context.Context) (none, error) { return only(p.Driver.Revoke(ctx, r)) })
	return err
}

func (p *patient) Revoked(ctx context.Context, s SessionRecord) (bool, error) {
	return within(ctx, p, patience, func(ctx context.Context) (bool, error) { return p.Driver.Revoked(ctx, s) })
}

func (p *patient) Blocked(ctx context.Context, user string) (blocked bool, until time.Time, err error) {
	until, err = within(ctx, p, patience, func(ctx context.Context) (until time.Time, err error) {
		blocked, until, err = p.Driver.Blocked(ctx, user)
		return until, err
	})
	return blocked, until, err
}

func (p *patient) Unblock(ctx context.Context, user string) (bool, error) {
	return within(ctx, p, patience, func(ctx context.Context) (bool, error) { return p.Driver.Unblock(ctx, user) })
}

func (p *patient) Renew(ctx context.Context, s NodeStatus) (Renewal, error) {
	return within(ctx, p, patience, func(ctx context.Context) (Renewal, error) { return p.Driver.Renew(ctx, s) })
}

func (p *patient) Release(ctx context.Context, node string) ([]Transition, error) {
	return within(ctx, p, longPatience, func(ctx context.Context) ([]Transition, error) { return p.Driver.Release(ctx, node) })
}

func (p *patient) Reap(ctx context.Context) ([]Transition, error) {
	return within(ctx, p, longPatience, p.Driver.Reap)
}

func (p *patient) Confirm(ctx context.Context, ids ...string) (int, error) {
	return within(ctx, p, patience, func(ctx context.Context) (int, error) { return p.Driver.Confirm(ctx, ids...) })
}

// shortly has a context that ends in time and is shared by all calls that begin about now: one for each message takes 4 % of the time of a
// message.
type shortly struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc // not called: what has begun goes on
	long   time.Duration
	made   time.Time
}

// context returns a context that ends after so long, or up to a twentieth earlier.
func (s *shortly) context(long time.Duration) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.long != long || now.Sub(s.made) > long/20 {
		s.long, s.made = long, now
		s.ctx, s.cancel = context.WithTimeout(context.Background(), long)
	}
	return s.ctx
}
