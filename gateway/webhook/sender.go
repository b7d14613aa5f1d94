package webhook

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
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
	o       Options
	targets []*target // in ascending order of their names
}

// New checks the targets. What is wrong with one is an [hubbub.Error] with the reason Invalid, which shows no secret. It delivers nothing
// before Start.
func New(o Options) (*Sender, error) {
	if o.Outbox == nil {
		return nil, errors.New("webhooks need an outbox to be delivered from, such as that of the sqlite store")
	}
	s := &Sender{o: o}
	for _, t := range o.Targets {
		c, err := check(t)
		if err != nil {
			return nil, err
		}
		s.targets = append(s.targets, c)
	}
	slices.SortFunc(s.targets, func(a, b *target) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(s.targets); i++ {
		if name := s.targets[i].Name; name == s.targets[i-1].Name {
			return nil, hubbub.Errorf(hubbub.Invalid, "there are two webhook targets %q; give each its own name", name)
		}
	}
	return s, nil
}

// Report makes an item of a fact for each target that wants to know of it. It is a [hubbub.Report]; hubs and inboxes get it as their
// option of that name.
func (s *Sender) Report(f hubbub.Fact) []hubbub.OutboxItem { return nil }

// Start begins to deliver.
func (s *Sender) Start() {}

// Close ends delivering: what is under way is waited for until ctx ends, and given back to the outbox after that.
func (s *Sender) Close(ctx context.Context) error { return nil }

// Backlogs tells what is in the outbox for each configured target, in ascending order of their names.
func (s *Sender) Backlogs(ctx context.Context) ([]hubbub.Backlog, error) { return nil, nil }

// Dead lists items of a target that were given up, from the one after the Seq after on.
func (s *Sender) Dead(ctx context.Context, target string, after uint64, limit int) ([]hubbub.OutboxItem, error) {
	return nil, nil
}

// Replay has dead items of a target delivered again; nil ids means all. It tells how many of them were dead.
func (s *Sender) Replay(ctx context.Context, target string, ids []string) (n int, err error) {
	return 0, nil
}

// Test puts an event hubbub.test into the outbox for a target, whatever its filters say.
func (s *Sender) Test(ctx context.Context, target string) error { return nil }
