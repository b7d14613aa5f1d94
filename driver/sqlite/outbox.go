package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// The states of an item, as the schema explains them.
const (
	itemQueued = 0
	itemReady  = 1
)

// wakeAtOnce is how many items of which the time has come one claim puts among those that are ready, so that no other writer
// waits long when a target was away.
const wakeAtOnce = 1000

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
	old := db.ReleaseIDParams{Target: item.Target, ID: item.ID, Before: now.Add(-rememberFor).UnixMilli()}
	if n, err = q.ReleaseID(ctx, old); n == 0 || err != nil {
		return err
	}
	_, err = q.PutItem(ctx, p)
	return err
}

// Claim implements [hubbub.Outbox]. To claim counts as an attempt, so that of an item by which its receiver dies one sees in Attempts
// that it did, as long as this process lives. Nothing is written, unless the time of something that waited has come.
func (s *Store) Claim(ctx context.Context, target string, limit int, lease time.Duration) ([]hubbub.OutboxItem, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := s.wake(ctx, target, max(wakeAtOnce, limit)); err != nil {
		return nil, err
	}
	s.claims.one.Lock()
	defer s.claims.one.Unlock()
	busy := s.claims.begin(target)
	var rows []db.Outbox
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		rows, err = q.ReadyItems(ctx, db.ReadyItemsParams{Target: target, Most: int64(limit + busy)})
		return err
	})
	return s.claims.take(target, rows, limit, s.o.Now(), lease), err
}

// wake makes items ready whose time has come.
func (s *Store) wake(ctx context.Context, target string, most int) error {
	var due int64
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		due, err = q.IsDue(ctx, db.IsDueParams{Target: target, Now: s.o.Now().UnixMilli()})
		return err
	})
	if err != nil || due == 0 {
		return err
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		return q.MakeReady(ctx, db.MakeReadyParams{Target: target, Now: s.o.Now().UnixMilli(), Most: int64(most)})
	})
}

// notBefore is the first whole millisecond that is not before a time, and 0 for the zero time.
func notBefore(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t.Add(time.Millisecond - 1))
}

func outboxItem(row *db.Outbox) hubbub.OutboxItem {
	return hubbub.OutboxItem{ID: row.ID, Target: row.Target, Order: row.Line, Payload: row.Payload, Time: timeOf(row.Time),
		Seq: uint64(row.Seq), Attempts: int(row.Attempts), Error: row.Error}
}

// Settle implements [hubbub.Outbox]. What is not in the outbox any more, or was given up, is left alone. What was delivered in time is
// settled by three statements, however much it is.
func (s *Store) Settle(ctx context.Context, done []hubbub.Settlement) error {
	if len(done) == 0 {
		return nil
	}
	for _, d := range done {
		if d.Outcome > hubbub.OutcomeDead {
			return hubbub.Errorf(hubbub.Invalid, "there is no outcome %d", d.Outcome)
		}
	}
	settle := func(ctx context.Context, q *db.Queries) error {
		now := s.o.Now()
		delivered, others := s.claims.sort(done)
		if err := deliver(ctx, q, delivered, now); err != nil {
			return fmt.Errorf("settle what was delivered: %w", err)
		}
		for _, o := range others {
			if err := settleItem(ctx, q, o, now); err != nil {
				return fmt.Errorf("settle %q for %q: %w", o.ID, o.Target, err)
			}
		}
		// Twice as many as can have come: there are never many more than a day's.
		return q.ForgetItems(ctx, db.ForgetItemsParams{Before: now.Add(-rememberFor).UnixMilli(), Most: int64(2 * len(done))})
	}
	return s.writeThen(ctx, settle, func() { s.claims.release(done) })
}

// deliver takes items out of their lines, by their numbers.
func deliver(ctx context.Context, q *db.Queries, numbers []int64, now time.Time) error {
	if len(numbers) == 0 {
		return nil
	}
	list, err := json.Marshal(numbers)
	if err != nil {
		return err
	}
	if err := q.PromoteAfter(ctx, db.PromoteAfterParams{Now: now.UnixMilli(), Seqs: string(list)}); err != nil {
		return err
	}
	return q.DeliverItems(ctx, db.DeliverItemsParams{Now: now.UnixMilli(), Seqs: string(list)})
}

// settleItem settles one item, whatever has become of it.
func settleItem(ctx context.Context, q *db.Queries, d tried, now time.Time) error {
	seq, err := q.OpenItem(ctx, db.OpenItemParams{Target: d.Target, ID: d.ID})
	if err != nil {
		return ignoreNone(err)
	}
	switch d.Outcome {
	case hubbub.OutcomeDelivered:
		return deliver(ctx, q, []int64{seq}, now)
	case hubbub.OutcomeRetry:
		return q.RetryItem(ctx, db.RetryItemParams{Seq: seq, Now: now.UnixMilli(), Due: notBefore(d.Retry), Tries: d.tries, Error: d.Error})
	}
	err = q.PromoteAfter(ctx, db.PromoteAfterParams{Now: now.UnixMilli(), Seqs: fmt.Sprintf("[%d]", seq)})
	if err != nil {
		return err
	}
	return q.GiveUpItem(ctx, db.GiveUpItemParams{Seq: seq, Tries: d.tries, Error: d.Error})
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
	items := make([]hubbub.OutboxItem, len(rows))
	for i := range rows {
		items[i] = outboxItem(&rows[i])
	}
	return items, nil
}

// Replay implements [hubbub.Outbox].
func (s *Store) Replay(ctx context.Context, target string, ids []string) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.writeRows(ctx, len(ids), func(ctx context.Context, q *db.Queries) error {
		n = 0
		for _, id := range ids {
			row, err := q.ReplayItem(ctx, db.ReplayItemParams{Target: target, ID: id, Now: s.o.Now().UnixMilli()})
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil {
				err = comeBack(ctx, q, target, row)
			}
			if err != nil {
				return fmt.Errorf("replay %q for %q: %w", id, target, err)
			}
			n++
		}
		return nil
	})
	return n, err
}

// comeBack makes an item that is open again the first of its line if it is older than the one that is.
func comeBack(ctx context.Context, q *db.Queries, target string, item db.ReplayItemRow) error {
	first, err := q.FirstItem(ctx, db.FirstItemParams{Target: target, Line: item.Line, Seq: item.Seq})
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case first < item.Seq:
		return nil
	default:
		if err := q.SetItemState(ctx, db.SetItemStateParams{Seq: first, State: itemQueued}); err != nil {
			return err
		}
	}
	return q.SetItemState(ctx, db.SetItemStateParams{Seq: item.Seq, State: itemReady})
}
