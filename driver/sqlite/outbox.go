package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// The states of an item, as the schema explains them.
const (
	itemQueued = iota
	itemReady
	itemWaiting
	itemClaimed
	itemDead
	itemDelivered
)

// wakeAtOnce is how many items of which the time has come one claim puts among those that are ready, so that no other writer
// waits long when a target was away.
const wakeAtOnce = 1000

// line has the items of a target with the same order.
type line struct{ target, order string }

// Put implements [hubbub.Outbox]. Items without Time get the present.
func (s *Store) Put(ctx context.Context, items []hubbub.OutboxItem) error {
	if len(items) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		return putItems(ctx, q, items, s.o.Now())
	})
}

func putItems(ctx context.Context, q *db.Queries, items []hubbub.OutboxItem, now time.Time) error {
	for i := range items {
		if err := putItem(ctx, q, &items[i], now); err != nil {
			return fmt.Errorf("put %q for %q into the outbox: %w", items[i].ID, items[i].Target, err)
		}
	}
	return nil
}

func putItem(ctx context.Context, q *db.Queries, item *hubbub.OutboxItem, now time.Time) error {
	p := db.PutItemParams{Target: item.Target, ID: item.ID, Line: item.Order, Payload: item.Payload, Time: millis(item.Time)}
	if p.Payload == nil {
		p.Payload = []byte{}
	}
	if p.Time == 0 {
		p.Time = now.UnixMilli()
	}
	n, err := q.PutItem(ctx, p)
	if n > 0 || err != nil {
		return err
	}
	// The id is known, but perhaps not any more.
	old := db.ForgetItemParams{Target: item.Target, ID: item.ID, Before: now.Add(-rememberFor).UnixMilli()}
	if n, err = q.ForgetItem(ctx, old); n == 0 || err != nil {
		return err
	}
	_, err = q.PutItem(ctx, p)
	return err
}

// Claim implements [hubbub.Outbox]. To claim counts as an attempt, so that of an item by which its receiver dies one sees in Attempts
// that it did. Nothing is written if there is nothing to claim.
func (s *Store) Claim(ctx context.Context, target string, limit int, lease time.Duration) ([]hubbub.OutboxItem, error) {
	if limit <= 0 {
		return nil, nil
	}
	var some int64
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		some, err = q.Claimable(ctx, db.ClaimableParams{Target: target, Now: s.o.Now().UnixMilli()})
		return err
	})
	if err != nil || some == 0 {
		return nil, err
	}
	var rows []db.Outbox
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		now := s.o.Now()
		if err := wake(ctx, q, target, now, int64(max(wakeAtOnce, limit))); err != nil {
			return err
		}
		rows, err = q.ClaimItems(ctx, db.ClaimItemsParams{Target: target, Most: int64(limit), Until: notBefore(now.Add(lease))})
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b db.Outbox) int { return cmp.Compare(a.Seq, b.Seq) })
	items := outboxItems(rows)
	for i := range items {
		items[i].Attempts-- // this one has yet to be made
	}
	return items, nil
}

// wake makes items ready whose time has come. Where somebody has not settled an item in time, an older one may have come back to
// its line meanwhile, which goes first then.
func wake(ctx context.Context, q *db.Queries, target string, now time.Time, most int64) error {
	lapsed, err := q.LapsedLines(ctx, db.LapsedLinesParams{Target: target, Now: now.UnixMilli(), Most: most})
	if err != nil {
		return err
	}
	for _, order := range lapsed {
		if err := advance(ctx, q, line{target, order}, now); err != nil {
			return err
		}
	}
	return q.MakeReady(ctx, db.MakeReadyParams{Target: target, Now: now.UnixMilli(), Most: most})
}

// notBefore is the first whole millisecond that is not before a time, and 0 for the zero time.
func notBefore(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t.Add(time.Millisecond - 1))
}

func outboxItems(rows []db.Outbox) []hubbub.OutboxItem {
	items := make([]hubbub.OutboxItem, len(rows))
	for i, row := range rows {
		items[i] = hubbub.OutboxItem{ID: row.ID, Target: row.Target, Order: row.Line, Payload: row.Payload, Time: timeOf(row.Time),
			Seq: uint64(row.Seq), Attempts: int(row.Attempts), Error: row.Error}
	}
	return items
}

// Settle implements [hubbub.Outbox]. What is not in the outbox any more, or was given up, is left alone.
func (s *Store) Settle(ctx context.Context, done []hubbub.Settlement) error {
	if len(done) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		now := s.o.Now()
		lines := make(map[line]bool, len(done))
		for _, d := range done {
			order, err := settleItem(ctx, q, d, now)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return fmt.Errorf("settle %q for %q: %w", d.ID, d.Target, err)
			}
			lines[line{d.Target, order}] = true
		}
		if err := advanceAll(ctx, q, lines, now); err != nil {
			return err
		}
		// Twice as many as can have come: there are never many more than a day's.
		return q.ForgetItems(ctx, db.ForgetItemsParams{Before: now.Add(-rememberFor).UnixMilli(), Most: int64(2 * len(done))})
	})
}

func settleItem(ctx context.Context, q *db.Queries, d hubbub.Settlement, now time.Time) (order string, err error) {
	p := db.SettleItemParams{Target: d.Target, ID: d.ID, Error: d.Error}
	switch d.Outcome {
	case hubbub.OutcomeDelivered:
		p.State, p.Due = itemDelivered, now.UnixMilli()
	case hubbub.OutcomeRetry:
		// It goes to the end of its line for a moment, which advance then finds its first.
		p.State, p.Due = itemQueued, notBefore(d.Retry)
	case hubbub.OutcomeDead:
		p.State = itemDead
	default:
		return "", hubbub.Errorf(hubbub.Invalid, "there is no outcome %d", d.Outcome)
	}
	return q.SettleItem(ctx, p)
}

func advanceAll(ctx context.Context, q *db.Queries, lines map[line]bool, now time.Time) error {
	for l := range lines {
		if err := advance(ctx, q, l, now); err != nil {
			return fmt.Errorf("advance the order %q of %q: %w", l.order, l.target, err)
		}
	}
	return nil
}

// advance sees to it that the oldest item of a line is the one that is not queued. But who has claimed another one, which was
// the oldest then, is waited for.
func advance(ctx context.Context, q *db.Queries, l line, now time.Time) error {
	queued, err := q.QueuedItem(ctx, db.QueuedItemParams{Target: l.target, Line: l.order})
	if err != nil {
		return ignoreNone(err)
	}
	first, err := q.FirstItem(ctx, db.FirstItemParams{Target: l.target, Line: l.order})
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case first.Seq < queued.Seq || first.State == itemClaimed && first.Due > now.UnixMilli():
		return nil
	default:
		if err := q.SetItemState(ctx, db.SetItemStateParams{Seq: first.Seq, State: itemQueued}); err != nil {
			return err
		}
	}
	state := int64(itemReady)
	if queued.Due > now.UnixMilli() {
		state = itemWaiting
	}
	return q.SetItemState(ctx, db.SetItemStateParams{Seq: queued.Seq, State: state})
}

// Dead implements [hubbub.Outbox].
func (s *Store) Dead(ctx context.Context, target string, after uint64, limit int) ([]hubbub.OutboxItem, error) {
	if limit <= 0 {
		return nil, nil
	}
	var rows []db.Outbox
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		rows, err = q.DeadItems(ctx, db.DeadItemsParams{Target: target, After: int64(after), Most: int64(limit)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return outboxItems(rows), nil
}

// Replay implements [hubbub.Outbox].
func (s *Store) Replay(ctx context.Context, target string, ids []string) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		n = 0
		lines := map[line]bool{}
		for _, id := range ids {
			order, err := q.ReplayItem(ctx, db.ReplayItemParams{Target: target, ID: id})
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return fmt.Errorf("replay %q for %q: %w", id, target, err)
			}
			n++
			lines[line{target, order}] = true
		}
		return advanceAll(ctx, q, lines, s.o.Now())
	})
	return n, err
}
