package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// Backlogs implements [hubbub.Backlogs]. Targets are there as long as one of their items is waiting, dead, or remembered. It reads an entry
// of an index for each item that waits.
func (s *Store) Backlogs(ctx context.Context) (all []hubbub.Backlog, err error) {
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		all = nil
		targets, err := targetsOf(ctx, q)
		for i := 0; i < len(targets) && err == nil; i++ {
			var b hubbub.Backlog
			b, err = backlog(ctx, q, targets[i])
			all = append(all, b)
		}
		return err
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
	left, err := s.discard(ctx, before.UnixMilli(), targets, int64(limit))
	if err != nil {
		return false, fmt.Errorf("discard old items of the outbox: %w", err)
	}
	return left <= 0, nil
}

// discard forgets up to limit items, and returns what is left of limit.
func (s *Store) discard(ctx context.Context, before int64, targets []string, limit int64) (left int64, err error) {
	var all []string
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		n, err := q.DiscardDead(ctx, db.DiscardDeadParams{Before: before, Most: limit})
		if left = limit - n; err != nil {
			return err
		}
		if all, err = targetsOf(ctx, q); err != nil {
			return err
		}
		return q.ForgetItems(ctx, db.ForgetItemsParams{Before: s.o.Now().Add(-rememberFor).UnixMilli(), Most: 2 * limit})
	})
	for i := 0; i < len(all) && err == nil && left > 0; i++ {
		if !slices.Contains(targets, all[i]) {
			left, err = s.discardOpen(ctx, before, all[i], left)
		}
	}
	return left, err
}

// discardOpen forgets the items of a target that are in lines, those first whose lines have waited for the longest.
func (s *Store) discardOpen(ctx context.Context, before int64, target string, limit int64) (left int64, err error) {
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		n, err := q.WakeAll(ctx, db.WakeAllParams{Target: target, Most: limit})
		left = limit - n
		return err
	})
	for more := true; more && err == nil && left > 0; {
		most := left
		err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
			lines, err := oldLines(ctx, q, target, before, most)
			if err != nil {
				return err
			}
			n, err := s.emptyLines(ctx, q, lines, before, 0, most)
			more, left = n > 0, most-n
			return err
		})
	}
	return left, err
}

// oldLines finds lines of which the first item was accepted before a time.
func oldLines(ctx context.Context, q *db.Queries, target string, before, most int64) (lines []line, err error) {
	ready, err := q.OldestReady(ctx, db.OldestReadyParams{Target: target, Most: most})
	if err != nil {
		return nil, err
	}
	claimed, err := q.Claimed(ctx, db.ClaimedParams{Target: target, Most: most})
	for _, row := range claimed {
		ready = append(ready, db.OldestReadyRow(row))
	}
	for _, row := range ready {
		if row.Time < before {
			lines = append(lines, line{target, row.Line})
		}
	}
	return sortLines(lines), err
}

// emptyLines takes items that were accepted before a time out of lines, up to most, and returns how many. Their ids are remembered from
// another time on.
func (s *Store) emptyLines(ctx context.Context, q *db.Queries, lines []line, before, from, most int64) (int64, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	targets, orders := columns(lines)
	rows, err := q.LockKnownLines(ctx, db.LockKnownLinesParams{Targets: targets, Lines: orders})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	targets, orders = columns(linesOf(rows))
	seqs, err := q.OldOfLines(ctx, db.OldOfLinesParams{Targets: targets, Lines: orders, Before: before, Most: most})
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	if err := q.DeliverItems(ctx, db.DeliverItemsParams{Now: from, Seqs: seqs}); err != nil {
		return 0, err
	}
	return int64(len(seqs)), firstOf(ctx, q, linesOf(rows), s.o.Now().UnixMilli())
}
