package webhook

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

const (
	// keepDead is how long after its acceptance an item is kept that was given up, or whose target is not configured any more.
	keepDead = 30 * 24 * time.Hour
	// sweepEvery is how often what is older is removed.
	sweepEvery = time.Hour
	// stepSize is how many items one call of the outbox removes or replays, so that other writers do not wait long.
	stepSize = 500
)

// Backlogs tells what is in the outbox for each configured target, in ascending order of their names.
func (s *Sender) Backlogs(ctx context.Context) ([]hubbub.Backlog, error) {
	all, err := s.o.Outbox.Backlogs(ctx)
	if err != nil {
		return nil, err
	}
	mine := make([]hubbub.Backlog, len(s.lanes))
	for i, l := range s.lanes {
		mine[i].Target = l.Name
		if at := slices.IndexFunc(all, func(b hubbub.Backlog) bool { return b.Target == l.Name }); at >= 0 {
			mine[i] = all[at]
		}
	}
	return mine, nil
}

// Dead lists up to limit items of a target that were given up, from the one after the Seq after on. A target that is not configured is
// NotFound.
func (s *Sender) Dead(ctx context.Context, target string, after uint64, limit int) ([]hubbub.OutboxItem, error) {
	if _, err := s.lane(target); err != nil {
		return nil, err
	}
	return s.o.Outbox.Dead(ctx, target, after, limit)
}

// Replay has dead items of a target delivered again; nil ids means all. It tells how many of them were dead, also with an error. A
// target that is not configured is NotFound.
func (s *Sender) Replay(ctx context.Context, target string, ids []string) (n int, err error) {
	l, err := s.lane(target)
	if err != nil {
		return 0, err
	}
	defer l.rouse()
	if ids == nil {
		return s.replayAll(ctx, target)
	}
	for some := range slices.Chunk(ids, stepSize) {
		of, err := s.o.Outbox.Replay(ctx, target, some)
		if n += of; err != nil {
			return n, err
		}
	}
	return n, nil
}

// replayAll goes forward only, so that what dies meanwhile is not replayed again.
func (s *Sender) replayAll(ctx context.Context, target string) (n int, err error) {
	for after := uint64(0); ; {
		dead, err := s.o.Outbox.Dead(ctx, target, after, stepSize)
		if err != nil || len(dead) == 0 {
			return n, err
		}
		ids := make([]string, len(dead))
		for i := range dead {
			ids[i], after = dead[i].ID, dead[i].Seq
		}
		of, err := s.o.Outbox.Replay(ctx, target, ids)
		if n += of; err != nil {
			return n, err
		}
	}
}

// Test puts an event hubbub.test into the outbox for a target, whatever its filters say. A target that is not configured is NotFound.
func (s *Sender) Test(ctx context.Context, target string) error {
	l, err := s.lane(target)
	if err != nil {
		return err
	}
	id := rand.Text()
	e := event{typ: typeTest, id: id, time: s.o.Now(), data: func() any { return testData{target} }}
	payload, err := e.payload()
	if err != nil {
		return fmt.Errorf("make a test event: %w", err)
	}
	// Its order is its own, so it waits for nothing.
	if err := s.o.Outbox.Put(ctx, []hubbub.OutboxItem{{ID: id, Target: target, Order: "test " + id, Payload: payload}}); err != nil {
		return err
	}
	l.rouse()
	return nil
}

type testData struct {
	Target string `json:"target"`
}

// rouse has the lane look into the outbox at once, also if its target is down.
func (l *lane) rouse() {
	l.health.wake()
	signal(l.again)
}

func (s *Sender) lane(target string) (*lane, error) {
	for _, l := range s.lanes {
		if l.Name == target {
			return l, nil
		}
	}
	return nil, hubbub.Errorf(hubbub.NotFound, "there is no webhook target %q", target)
}

// sweep removes what nobody wants any more, until stop ends.
func (s *Sender) sweep(stop context.Context) {
	names := make([]string, len(s.lanes))
	for i, l := range s.lanes {
		names[i] = l.Name
	}
	s.tellStrangers(stop, names)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.discard(stop, names); err != nil && stop.Err() == nil {
			s.o.Logger.Error("old webhooks cannot be removed from the outbox; it is tried again in an hour", "error", err)
		}
		select {
		case <-stop.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Sender) discard(ctx context.Context, names []string) error {
	before := s.o.Now().Add(-keepDead)
	for {
		if more, err := s.o.Outbox.Discard(ctx, before, names, stepSize); err != nil || !more {
			return err
		}
	}
}

// tellStrangers logs which targets have something in the outbox and are not configured.
func (s *Sender) tellStrangers(ctx context.Context, names []string) {
	all, err := s.o.Outbox.Backlogs(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.o.Logger.Error("what waits in the outbox cannot be told", "error", err)
		}
		return
	}
	for _, b := range all {
		if n := b.Waiting + b.Dead; n > 0 && !slices.Contains(names, b.Target) {
			s.o.Logger.Warn("the outbox has webhooks for a target that is not configured; they are removed 30 days after they were accepted",
				"target", b.Target, "items", n)
		}
	}
}
