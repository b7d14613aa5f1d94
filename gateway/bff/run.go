package bff

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/internal/jq"
	"github.com/hubbub-dev/hubbub/internal/template"
)

// answer makes the reply of a call, in at most the budget.
func (b *BFF) answer(ctx context.Context, c *call) (json.RawMessage, error) {
	began := time.Now()
	reply, err := b.reply(ctx, c)
	status := http.StatusOK
	if err != nil {
		status = err.Reason.Status()
	}
	b.opts.Observe(Observation{Route: c.route.name, Status: status, Took: time.Since(began)})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

func (b *BFF) reply(ctx context.Context, c *call) (json.RawMessage, *hubbub.Error) {
	r := c.route
	if c.identity == nil && !r.optional {
		return nil, hubbub.Errorf(hubbub.Unauthorized, signIn)
	}
	c.slots = make([]slot, len(r.parts))
	if len(r.parts) > 1 {
		ctx, cancel := context.WithTimeout(ctx, r.budget)
		defer cancel()
		return b.combine(ctx, c)
	}
	// A part alone takes no longer than its timeout, which the budget bounds.
	out := b.run(ctx, c, r.parts[0])
	if r.proxy {
		return out.data, out.err
	}
	if out.err != nil && r.parts[0].required {
		return nil, r.parts[0].failure(&out)
	}
	return appendReply(r, []*outcome{&out}), nil
}

// combine runs the parts beside each other until all are done, a required one has failed, or the budget ends.
func (b *BFF) combine(ctx context.Context, c *call) (json.RawMessage, *hubbub.Error) {
	parts := c.route.parts
	ready := make(chan int, len(parts))
	for i := range parts {
		c.slots[i].done = make(chan struct{})
	}
	for i := range parts {
		b.running.Go(func() {
			b.fill(ctx, c, i)
			ready <- i
		})
	}
	outcomes := make([]*outcome, len(parts))
	for range parts {
		i, ok := next(ctx, ready)
		if !ok {
			break
		}
		outcomes[i] = &c.slots[i].outcome
		if parts[i].required && outcomes[i].err != nil {
			return nil, parts[i].failure(outcomes[i])
		}
	}
	for i, p := range parts {
		if outcomes[i] != nil {
			continue
		}
		late := p.late(ctx.Err())
		if p.required {
			return nil, p.failure(&late)
		}
		outcomes[i] = &late
	}
	return appendReply(c.route, outcomes), nil
}

// next waits for a part to be done, or returns false when ctx has ended and none is.
func next(ctx context.Context, ready <-chan int) (int, bool) {
	select {
	case i := <-ready:
		return i, true
	case <-ctx.Done():
	}
	select {
	case i := <-ready:
		return i, true
	default:
		return 0, false
	}
}

// fill fills the slot of a part, after those that it needs.
func (b *BFF) fill(ctx context.Context, c *call, at int) {
	p, s := c.route.parts[at], &c.slots[at]
	defer close(s.done)
	for _, need := range p.needs {
		select {
		case <-c.slots[need].done:
		case <-ctx.Done():
			s.outcome = p.late(ctx.Err())
			return
		}
	}
	for _, need := range p.needs {
		if c.slots[need].err != nil {
			s.outcome = outcome{status: http.StatusFailedDependency, err: hubbub.Errorf(hubbub.Unavailable,
				"it needs the part %s, which has failed", c.route.parts[need].name)}
			return
		}
	}
	s.outcome = b.run(ctx, c, p)
	if p.walked && s.err == nil {
		s.value, _ = template.Decode(s.data) // it is valid
	}
}

// run makes the outcome of a part whose needs are there.
func (b *BFF) run(ctx context.Context, c *call, p *part) outcome {
	began := time.Now()
	out := b.ask(ctx, c, p)
	if out.err != nil && ctx.Err() != nil {
		out = p.late(ctx.Err())
	}
	b.opts.Observe(Observation{Route: c.route.name, Part: p.name, Status: out.status, Cached: out.cached, Took: time.Since(began)})
	return out
}

// ask gets the outcome of a part from the cache, from a request that is on its way, or from the backend, in at most the
// part's timeout.
func (b *BFF) ask(ctx context.Context, c *call, p *part) outcome {
	r, wrong := c.request(p)
	if wrong != nil {
		return *wrong
	}
	if !p.safe {
		defer b.writesOf(r.Identity).Add(1)
		return b.do(ctx, c, p, r)
	}
	if c.route.proxy && p.cache.TTL == 0 {
		return b.do(ctx, c, p, r) // of one session there is seldom a second one at the same time, and a flight took a tenth of the CPU
	}
	key := b.key(c, p, &r)
	if p.cache.TTL > 0 {
		if out, ok := b.cache.get(key); ok {
			return out
		}
	}
	return b.flights.do(ctx, key, func(ctx context.Context) outcome {
		out := b.do(ctx, c, p, r)
		if p.cache.TTL > 0 && out.err == nil {
			b.cache.put(key, out, p.cache.TTL)
		}
		return out
	})
}

// writesOf counts the unsafe calls of a user, and of some others.
func (b *BFF) writesOf(id *hubbub.Identity) *atomic.Uint64 {
	user := ""
	if id != nil {
		user = id.User
	}
	return &b.writes[maphash.String(b.seed, user)%uint64(len(b.writes))]
}

// do asks the backend, in at most the part's timeout.
func (b *BFF) do(ctx context.Context, c *call, p *part, r backend.Call) outcome {
	if p.pick != nil { // otherwise the backend's clock is enough
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	reply, err := p.backend.Do(ctx, r)
	if err != nil {
		return failed(err)
	}
	out := p.judge(&reply)
	if p.pick != nil && out.err == nil {
		p.choose(ctx, &out)
	}
	if out.status == http.StatusBadGateway && out.own {
		p.telling.Do(func() {
			b.opts.Logger.Warn("a part of a combined call gets what it cannot use; it is told at most every ten seconds", "route", c.route.name,
				"part", p.name, "backend", p.of, "error", out.err)
		})
	}
	return out
}

// choose makes the data by jq. What jq says of data that do not fit is told to nobody: it quotes them, and they may be private.
func (p *part) choose(ctx context.Context, out *outcome) {
	v, err := template.Decode(out.data)
	if err == nil {
		v, err = p.pick.Run(ctx, v)
	}
	if err == nil {
		out.data, err = jq.Encode(v)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		*out = p.late(ctx.Err())
	case err != nil:
		*out = outcome{status: http.StatusBadGateway, own: true, err: hubbub.Errorf(hubbub.Unavailable,
			"the answer of the backend %s does not fit pick", p.of)}
	}
}

// late is the outcome of a part that is not done when its time is over or its caller has left.
func (p *part) late(err error) outcome {
	return outcome{status: http.StatusGatewayTimeout, err: &hubbub.Error{Reason: hubbub.Unavailable, Err: err,
		Message: fmt.Sprintf("the backend %s did not answer in time", p.of)}}
}
