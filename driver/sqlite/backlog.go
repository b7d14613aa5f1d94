package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// Backlogs implements [hubbub.Backlogs]. Targets are there as long as one of their items is waiting, dead, or remembered.
func (s *Store) Backlogs(ctx context.Context) (all []hubbub.Backlog, err error) {
	err = s.readMany(ctx, func(ctx context.Context, q *db.Queries) error {
		targets, err := targetsOf(ctx, q)
		if err != nil {
			return err
		}
		for _, target := range targets {
			b, err := backlog(ctx, q, target)
			if err != nil {
				return err
			}
			all = append(all, b)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count what is in the outbox: %w", err)
	}
	return all, nil
}

// targetsOf returns all targets, with a look into the index for each.
func targetsOf(ctx context.Context, q *db.Queries) (all []string, err error) {
	for target := ""; ; all = append(all, target) {
		if target, err = q.NextTarget(ctx, target); err != nil {
			return all, ignoreNone(err)
		}
	}
}

func backlog(ctx context.Context, q *db.Queries, target string) (hubbub.Backlog, error) {
	b := hubbub.Backlog{Target: target}
	waiting, err := q.CountWaiting(ctx, target)
	if err != nil {
		return b, err
	}
	dead, err := q.CountDead(ctx, target)
	if err != nil {
		return b, err
	}
	b.Waiting, b.Dead = int(waiting.Number), int(dead)
	if b.Waiting == 0 {
		return b, nil
	}
	at, err := q.ItemTime(ctx, waiting.Oldest)
	b.Oldest = timeOf(at)
	return b, err
}

// Discard implements [hubbub.Backlogs]. What it removes may be put again. Of targets that are not named items that wait for another
// attempt are ready at once from then on.
func (s *Store) Discard(ctx context.Context, before time.Time, targets []string, limit int) (more bool, err error) {
	if limit <= 0 {
		return true, nil
	}
	err = s.writeRows(ctx, limit, func(ctx context.Context, q *db.Queries) error {
		left, err := discard(ctx, q, before.UnixMilli(), targets, int64(limit))
		more = left <= 0
		if err != nil {
			return err
		}
		return q.ForgetItems(ctx, db.ForgetItemsParams{Before: s.o.Now().Add(-rememberFor).UnixMilli(), Most: int64(2 * limit)})
	})
	if err != nil {
		return false, fmt.Errorf("discard old items of the outbox: %w", err)
	}
	return more, nil
}

// discard forgets up to limit items, and returns what is left of limit.
func discard(ctx context.Context, q *db.Queries, before int64, targets []string, limit int64) (left int64, err error) {
	n, err := q.DiscardDead(ctx, db.DiscardDeadParams{Before: before, Most: limit})
	limit -= n
	if err != nil || limit <= 0 {
		return limit, err
	}
	all, err := targetsOf(ctx, q)
	for i := 0; i < len(all) && err == nil && limit > 0; i++ {
		if !slices.Contains(targets, all[i]) {
			limit, err = discardOpen(ctx, q, before, all[i], limit)
		}
	}
	return limit, err
}

// discardOpen forgets the items of a target that are open, from line to line, the oldest first.
func discardOpen(ctx context.Context, q *db.Queries, before int64, target string, limit int64) (left int64, err error) {
	n, err := q.WakeAll(ctx, db.WakeAllParams{Target: target, Most: limit})
	limit -= n
	for err == nil && limit > 0 {
		var oldest db.OldestLineRow
		oldest, err = q.OldestLine(ctx, target)
		if err != nil || oldest.Time >= before {
			return limit, ignoreNone(err)
		}
		n, err = discardLine(ctx, q, before, target, oldest.Line, limit)
		limit -= n
	}
	return limit, err
}

// discardLine forgets the first items of a line, as far as they are from before a time, and returns how many.
func discardLine(ctx context.Context, q *db.Queries, before int64, target, line string, limit int64) (int64, error) {
	items, err := q.OldestOfLine(ctx, db.OldestOfLineParams{Target: target, Line: line, Most: limit})
	if err != nil {
		return 0, err
	}
	var numbers []int64
	for _, item := range items {
		if item.Time >= before {
			break
		}
		numbers = append(numbers, item.Seq)
	}
	return int64(len(numbers)), removeFirst(ctx, q, target, line, numbers, 0)
}

// removeFirst empties the first items of a line, whose numbers are given, and makes the next one the first. Their ids are remembered from
// a time on.
func removeFirst(ctx context.Context, q *db.Queries, target, line string, numbers []int64, from int64) error {
	list, err := json.Marshal(numbers)
	if err != nil {
		return err
	}
	if err := q.DeliverItems(ctx, db.DeliverItemsParams{Now: from, Seqs: string(list)}); err != nil {
		return err
	}
	next, err := q.FirstItem(ctx, db.FirstItemParams{Target: target, Line: line})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return q.SetItemState(ctx, db.SetItemStateParams{Seq: next, State: itemReady})
}
