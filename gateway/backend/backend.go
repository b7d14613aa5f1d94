package backend

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// tellEvery is how often the log says at most why a backend fails.
const tellEvery = time.Minute

// Backend is a service that is called over HTTP. It may be used concurrently.
type Backend struct {
	// Immutable.
	config Config
	prefix string
	own    []ownHeader
	signer *signer // nil means that identities are not signed
	// Safe for concurrent use.
	wire    *wire
	breaker *breaker
	told    atomic.Int64 // when the log was told of a failure, in Unix nanoseconds
	turns   chan struct{}
}

// Call is a request to a backend.
type Call struct {
	Method string
	Path   string // escaped, with its query, beginning with one /; it goes behind the path of the backend's URL
	// Header is sent too, without what belongs to a single conn (Connection and what it names, Transfer-Encoding, …), what is the
	// conn's to say (Host, Content-Length, Accept-Encoding, Expect), and what begins with Hubbub-. It is not changed.
	Header  http.Header
	Body    []byte        // with the Content-Type application/json unless Header says another; must not be changed during the call
	Timeout time.Duration // 0 means the backend's, which it cannot be longer than
	// Identity is who is asking: see [UserHeader] and [IdentityHeader]. nil means that nobody is.
	Identity *hubbub.Identity
	Session  string // the session of the Identity, if it has one
}

// Reply is what a backend answered: any status but 1xx and 3xx.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte // all of it; nil if there is none
}

// New makes a Backend. It connects when it is called. Close it to close the conns that are kept.
func New(c Config) (*Backend, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("backend %q: %w", c.Name, err)
	}
	base, prefix, err := c.location()
	if err != nil {
		return nil, fmt.Errorf("backend %q: %w", c.Name, err)
	}
	w, err := newWire(&c, base)
	if err != nil {
		return nil, fmt.Errorf("backend %q: the host of the url cannot be written in ASCII", c.Name)
	}
	b := &Backend{config: c, prefix: prefix, own: ownHeaders(&c), wire: w, breaker: newBreaker(&c), turns: make(chan struct{}, c.Concurrency)}
	if c.Secret == "" {
		return b, nil
	}
	b.signer, err = newSigner(&c)
	return b, err
}

// Name returns the name by which the configuration calls it.
func (b *Backend) Name() string { return b.config.Name }

// Close closes the conns that wait for calls. Calls that are under way end as they would.
func (b *Backend) Close() { b.wire.close() }

// Do calls the backend and returns its reply, whatever its status says, in at most the timeout. Otherwise the error is a
// [hubbub.Error] that names the backend and never its URL: Invalid if the call cannot be sent as it is, Unavailable in all other cases.
// It wraps context.DeadlineExceeded if there was no reply in time. Do may be called concurrently.
func (b *Backend) Do(ctx context.Context, call Call) (Reply, error) {
	began := time.Now()
	reply, err := b.do(ctx, &call, began)
	if b.config.Observe != nil {
		b.config.Observe(b.config.Name, reply.Status, err, time.Since(began))
	}
	return reply, err
}

func (b *Backend) do(ctx context.Context, call *Call, began time.Time) (Reply, error) {
	r, err := b.prepare(call)
	if err != nil {
		return Reply{}, err
	}
	within := limit{ctx: ctx, end: began.Add(b.timeout(call))}
	if end, ok := ctx.Deadline(); ok && end.Before(within.end) {
		within.end = end
	}
	if err := b.takeTurn(within); err != nil {
		return Reply{}, err
	}
	defer func() { <-b.turns }()
	done, err := b.breaker.allow()
	if err != nil {
		return Reply{}, err
	}
	for tried := 0; ; tried++ {
		reply, again, err := b.try(within, &r, done)
		if !again || !r.safe() || tried >= b.config.Retries || !pause(within, tried) {
			return reply, err
		}
		next, refusal := b.breaker.allow()
		if refusal != nil {
			return reply, err
		}
		done = next
	}
}

func (b *Backend) timeout(call *Call) time.Duration {
	if call.Timeout > 0 {
		return min(b.config.Timeout, call.Timeout)
	}
	return b.config.Timeout
}

// takeTurn waits until fewer than Concurrency calls are under way.
func (b *Backend) takeTurn(within limit) error {
	select {
	case b.turns <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := within.context()
	defer cancel()
	select {
	case b.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &hubbub.Error{Reason: hubbub.Unavailable, Err: ctx.Err(), Message: fmt.Sprintf(
			"the backend %s is busy: %d calls are under way, and none ended in time; try again", b.config.Name, b.config.Concurrency)}
	}
}

// try sends the request once and tells the breaker by done how it went. It tells whether trying again makes sense.
func (b *Backend) try(within limit, r *request, done func(error)) (reply Reply, again bool, err error) {
	reply, failed := b.exchange(within, r)
	ended := within.err(failed)
	switch {
	case failed == nil && reply.Status < http.StatusInternalServerError:
		done(nil)
		return reply, false, nil
	case failed == nil:
		done(errFailed)
		return reply, retryable(reply.Status), nil
	case failed.answered:
		done(nil)
		return Reply{}, false, b.unavailable(failed)
	case errors.Is(ended, context.Canceled):
		done(errGaveUp)
		return Reply{}, false, b.failure(&fault{says: "was not waited for: the caller gave up", cause: ended})
	case ended != nil:
		done(errFailed)
		return Reply{}, false, b.unavailable(&fault{says: "did not answer in time", cause: ended})
	}
	done(errFailed)
	return Reply{}, true, b.unavailable(failed)
}

func retryable(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// pause waits before the next try, longer each time and never as long as another caller. It returns false if ctx ends before.
func pause(within limit, tried int) bool {
	most := 50 * time.Millisecond << min(tried, 5)
	wait := most/2 + rand.N(most/2)
	if time.Until(within.end) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-within.ctx.Done():
		return false
	}
}

// unavailable makes the error of a fault of the backend, and has the log say why, which clients are not told.
func (b *Backend) unavailable(f *fault) error {
	now := time.Now().UnixNano()
	if last := b.told.Load(); now-last >= int64(tellEvery) && b.told.CompareAndSwap(last, now) {
		b.config.Logger.Warn("a backend fails; of further failures within a minute nothing is said", "backend", b.config.Name, "why", f.why())
	}
	return b.failure(f)
}

// failure makes the error of a fault.
func (b *Backend) failure(f *fault) error {
	return &hubbub.Error{Reason: hubbub.Unavailable, Message: "the backend " + b.config.Name + " " + f.says, Err: f.cause}
}
