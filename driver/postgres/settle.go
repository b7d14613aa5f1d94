package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// Settle implements [hubbub.Outbox]. What is not in the outbox any more, or was given up, is left alone, and so is what another store
// has claimed meanwhile: it is still at work, and nobody else may get an item of the same order until that one has settled, or its claim
// is over. A settlement takes two round trips, or one if all was delivered that this store has claimed. It does not wait for the disk: where the
// server dies and forgets it, the items are delivered once more.
func (s *Store) Settle(ctx context.Context, done []hubbub.Settlement) error {
	if len(done) == 0 {
		return nil
	}
	for _, d := range done {
		if d.Outcome > hubbub.OutcomeDead {
			return hubbub.Errorf(hubbub.Invalid, "there is no outcome %d", d.Outcome)
		}
	}
	settled, err := s.settleOwn(ctx, done)
	if err == nil && !settled {
		err = s.batched(ctx, func(ctx context.Context, c *pgx.Conn) error {
			k := settling{claimer: s.claimer, now: s.o.Now().UnixMilli()}
			if err := k.look(ctx, c, done); err != nil {
				return err
			}
			k.apply()
			k.writes.end(k.now, len(done))
			return k.writes.flush(ctx, c)
		})
	}
	if err != nil {
		return fmt.Errorf("settle items of the outbox: %w", err)
	}
	return nil
}

// end ends a transaction that settles n items.
func (p *pipeline) end(now int64, n int) {
	// Twice as many as can have come: there are never many more than a day's.
	p.add(db.ForgetItems, now-rememberFor.Milliseconds(), 2*n)
	p.add("commit")
}

// settleOwn settles items of which it is known from their claim where they are, if all were delivered, and tells false if it has not
// settled some.
func (s *Store) settleOwn(ctx context.Context, done []hubbub.Settlement) (settled bool, err error) {
	seqs, lines := s.claims.take(done)
	if len(seqs) < len(done) {
		return false, nil
	}
	targets, orders := columns(sortLines(lines))
	err = s.batched(ctx, func(ctx context.Context, c *pgx.Conn) error {
		now := s.o.Now().UnixMilli()
		var p pipeline
		p.begin()
		p.add(db.LockKnownLines, targets, orders)
		p.add(db.DeliverOwn, now, seqs, s.claimer).Exec(func(tag pgconn.CommandTag) error {
			settled = tag.RowsAffected() == int64(len(seqs))
			return nil
		})
		p.add(db.FirstOfLines, targets, orders, now)
		p.end(now, len(done))
		return p.flush(ctx, c)
	})
	return settled, err
}

// settling is what becomes of some items.
type settling struct {
	claimer, now int64
	delivered    []int64
	dead         db.GiveUpItemsParams
	retry        db.RetryItemsParams
	shorter      []line // of which items are taken away
	released     []line // whose first items waited for others
	writes       pipeline
}

// look locks the lines of items, and sorts these by what becomes of them. Nobody but who claims them when their claims are over changes them
// meanwhile; the writes see to that.
func (k *settling) look(ctx context.Context, c *pgx.Conn, done []hubbub.Settlement) error {
	type key struct{ target, id string }
	outcomes := make(map[key]hubbub.Settlement, len(done))
	var targets, ids []string
	for _, d := range done {
		if _, twice := outcomes[key{d.Target, d.ID}]; !twice {
			targets, ids = append(targets, d.Target), append(ids, d.ID)
		}
		outcomes[key{d.Target, d.ID}] = d
	}
	var lines []db.OutboxLines
	var items []db.ItemsToSettleRow
	var p pipeline
	p.begin()
	p.add(db.LockLinesOf, targets, ids).Query(func(rows pgx.Rows) (err error) {
		lines, err = pgx.CollectRows(rows, pgx.RowToStructByPos[db.OutboxLines])
		return err
	})
	p.add(db.ItemsToSettle, targets, ids).Query(func(rows pgx.Rows) (err error) {
		items, err = pgx.CollectRows(rows, pgx.RowToStructByPos[db.ItemsToSettleRow])
		return err
	})
	if err := p.flush(ctx, c); err != nil {
		return err
	}
	locked := make(map[line]bool, len(lines))
	for _, l := range linesOf(lines) {
		locked[l] = true
	}
	for i := range items {
		if locked[line{items[i].Target, items[i].Line}] {
			k.settle(&items[i], outcomes[key{items[i].Target, items[i].ID}])
		}
	}
	return nil
}

func (k *settling) settle(item *db.ItemsToSettleRow, d hubbub.Settlement) {
	mayBeHeld := item.State == itemClaimed || item.State == itemQueued
	if mayBeHeld && item.Claimer != 0 && item.Claimer != k.claimer && item.Due > k.now {
		return // another one is at work
	}
	l := line{item.Target, item.Line}
	if item.State == itemQueued && item.Claimer != 0 {
		k.released = append(k.released, l)
	}
	switch d.Outcome {
	case hubbub.OutcomeDelivered:
		k.delivered, k.shorter = append(k.delivered, item.Seq), append(k.shorter, l)
	case hubbub.OutcomeDead:
		k.dead.Seqs, k.dead.Errors = append(k.dead.Seqs, item.Seq), append(k.dead.Errors, plain(d.Error))
		k.shorter = append(k.shorter, l)
	case hubbub.OutcomeRetry:
		if item.State == itemWaiting && item.Claimer != 0 {
			return // it waits for another one of its line
		}
		k.retry.Seqs, k.retry.Errors = append(k.retry.Seqs, item.Seq), append(k.retry.Errors, plain(d.Error))
		k.retry.Dues = append(k.retry.Dues, notBefore(d.Retry))
	}
}

func (k *settling) apply() {
	if len(k.delivered) > 0 {
		k.writes.add(db.DeliverClaimed, k.now, k.delivered, k.claimer)
	}
	if len(k.dead.Seqs) > 0 {
		k.writes.add(db.GiveUpItems, k.claimer, k.now, k.dead.Seqs, k.dead.Errors)
	}
	if len(k.retry.Seqs) > 0 {
		k.writes.add(db.RetryItems, k.now, k.claimer, k.retry.Seqs, k.retry.Dues, k.retry.Errors)
	}
	if len(k.released) > 0 {
		targets, orders := columns(sortLines(k.released))
		k.writes.add(db.ReleaseLines, targets, orders)
	}
	if len(k.shorter) > 0 {
		targets, orders := columns(sortLines(k.shorter))
		k.writes.add(db.FirstOfLines, targets, orders, k.now)
	}
}

// firstOf makes the first item of each line ready, or has it wait, if it is queued, and forgets lines without items. Who calls it has locked
// the lines.
func firstOf(ctx context.Context, q *db.Queries, lines []line, now int64) error {
	if len(lines) == 0 {
		return nil
	}
	targets, orders := columns(sortLines(lines))
	return q.FirstOfLines(ctx, db.FirstOfLinesParams{Targets: targets, Lines: orders, Now: now})
}

// Replay implements [hubbub.Outbox].
func (s *Store) Replay(ctx context.Context, target string, ids []string) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		n, err = replay(ctx, q, target, ids, s.o.Now())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("replay items for %q: %w", target, err)
	}
	return n, nil
}

func replay(ctx context.Context, q *db.Queries, target string, ids []string, now time.Time) (int, error) {
	orders, err := q.LinesOfDead(ctx, db.LinesOfDeadParams{Target: target, Ids: ids})
	if err != nil || len(orders) == 0 {
		return 0, err
	}
	lines := make([]line, len(orders))
	for i, order := range orders {
		lines[i] = line{target, order}
	}
	lines = sortLines(lines)
	var lock db.LockLinesParams
	lock.LineTargets, lock.Lines = columns(lines)
	if _, err := q.LockLines(ctx, lock); err != nil {
		return 0, err
	}
	back, err := q.ReplayItems(ctx, db.ReplayItemsParams{Target: target, Ids: ids, Lines: orders, Now: now.UnixMilli()})
	if err != nil {
		return 0, err
	}
	if err := comeBack(ctx, q, target, orders); err != nil {
		return 0, err
	}
	return len(back), firstOf(ctx, q, lines, now.UnixMilli())
}

// comeBack puts the first items of lines in front of those that were first until now. While such a one is claimed, the new one waits for
// whoever has claimed it.
func comeBack(ctx context.Context, q *db.Queries, target string, orders []string) error {
	heads, err := q.HeadsOf(ctx, db.HeadsOfParams{Target: target, Lines: orders})
	if err != nil || len(heads) == 0 {
		return err
	}
	rows, err := q.FirstOf(ctx, db.FirstOfParams{Target: target, Lines: orders})
	if err != nil {
		return err
	}
	first := make(map[string]int64, len(rows))
	for _, row := range rows {
		first[row.Line] = row.Seq
	}
	var set db.SetItemsParams
	put := func(seq int64, state int16, due, claimer int64) {
		set.Seqs, set.States = append(set.Seqs, seq), append(set.States, state)
		set.Dues, set.Claimers = append(set.Dues, due), append(set.Claimers, claimer)
	}
	for _, h := range heads {
		f := first[h.Line]
		switch {
		case f == h.Seq:
		case h.State == itemClaimed:
			put(h.Seq, itemQueued, h.Due, h.Claimer)
			put(f, itemWaiting, h.Due, h.Claimer)
		case h.Claimer != 0: // it waits for another one itself
			put(h.Seq, itemQueued, 0, 0)
			put(f, itemWaiting, h.Due, h.Claimer)
		default:
			put(h.Seq, itemQueued, h.Due, 0)
			put(f, itemReady, 0, 0)
		}
	}
	if len(set.Seqs) == 0 {
		return nil
	}
	return q.SetItems(ctx, set)
}
