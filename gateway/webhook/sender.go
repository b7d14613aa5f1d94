package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Outbox is what a sender delivers from. It has to outlive the sender.
type Outbox interface {
	hubbub.Outbox
	hubbub.Backlogs
}

// Options are what a [Sender] needs.
type Options struct {
	Outbox  Outbox
	Targets []Target
	Now     func() time.Time // by which items are retried and given up; nil means time.Now
	Logger  *slog.Logger     // nil means slog.Default()
	// Observe is told how each attempt ended: "delivered", "failed" (it will be made again) or "dead" (it will not), and how long it took. It
	// is called concurrently and must not block. nil means that nobody counts.
	Observe func(target, outcome string, took time.Duration)
}

// The outcomes that Options.Observe is told.
const (
	Delivered = "delivered"
	Failed    = "failed"
	Dead      = "dead"
)

// Sender makes outbox items of facts, and delivers them. Its methods may be called concurrently.
type Sender struct {
	// Immutable after New.
	o        Options
	resolver *net.Resolver // nil means that of the system
	lanes    []*lane       // in ascending order of their names

	// Until stop ends items are claimed, until cut attempts go on, until gone the outbox is told what became of them.
	stop, cut, gone          context.Context
	endStop, endCut, endGone context.CancelFunc

	mu      sync.Mutex
	started bool
	running sync.WaitGroup
}

// New checks the targets. What is wrong with one is an [hubbub.Error] with the reason Invalid, which shows no secret. It delivers nothing
// before Start.
func New(o Options) (*Sender, error) { return newSender(o, nil) }

func newSender(o Options, resolver *net.Resolver) (*Sender, error) {
	if o.Outbox == nil {
		return nil, errors.New("webhooks need an outbox to be delivered from, such as that of the sqlite store")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration) {}
	}
	s := &Sender{o: o, resolver: resolver}
	for _, t := range o.Targets {
		c, err := check(t)
		if err != nil {
			return nil, err
		}
		if _, err := s.lane(t.Name); err == nil {
			return nil, hubbub.Errorf(hubbub.Invalid, "there are two webhook targets %q; give each its own name", t.Name)
		}
		s.lanes = append(s.lanes, newLane(s, c))
	}
	slices.SortFunc(s.lanes, func(a, b *lane) int { return strings.Compare(a.Name, b.Name) })
	s.stop, s.endStop = context.WithCancel(context.Background())
	s.cut, s.endCut = context.WithCancel(context.Background())
	s.gone, s.endGone = context.WithCancel(context.Background())
	return s, nil
}

// Report makes an item of a fact for each target that wants to know of it. It is a [hubbub.Report]: hubs and inboxes get it as their
// option of that name. It does not block.
func (s *Sender) Report(f hubbub.Fact) []hubbub.OutboxItem {
	e, ok := eventOf(f)
	if !ok {
		return nil
	}
	var items []hubbub.OutboxItem
	var payload []byte
	for _, l := range s.lanes {
		if !l.wants(e.typ, e.room) {
			continue
		}
		if payload == nil {
			var err error
			if payload, err = e.payload(); err != nil {
				s.o.Logger.Error("of this no webhook can be made", "type", e.typ, "id", e.id, "error", err)
				return nil
			}
		}
		items = append(items, hubbub.OutboxItem{ID: e.id, Target: l.Name, Order: e.order, Payload: payload})
		signal(l.fresh)
	}
	return items
}

// Start begins to deliver. It does nothing when called again, or after Close.
func (s *Sender) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.stop.Err() != nil {
		return
	}
	s.started = true
	for _, l := range s.lanes {
		s.running.Go(func() { l.run(s.stop, s.cut, s.gone) })
	}
	s.running.Go(func() { s.sweep(s.stop) })
}

// Close ends delivering. Nothing new is begun; what is under way is waited for until ctx ends. After that it is given back to the outbox,
// so that the next sender delivers it at once. An error says that the outbox did not take this within five seconds more: then it is
// delivered when the leases end.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	s.endStop()
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	defer s.endGone()
	defer s.endCut()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.endCut()
	late := time.NewTimer(settleWithin)
	defer late.Stop()
	select {
	case <-ended:
		return nil
	case <-late.C:
	}
	s.endGone()
	<-ended
	return errors.New("the outbox did not take back the webhooks that were under way; they are delivered when their leases end")
}

// settleWithin is how long the outbox may take for the last settlements.
const settleWithin = 5 * time.Second
