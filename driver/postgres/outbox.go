package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// The states of an item, as the schema explains them.
const (
	itemQueued  = 0
	itemReady   = 1
	itemWaiting = 2
	itemClaimed = 3
)

// rememberFor is how long it is known that a session has ended, or an item of the outbox was delivered.
const rememberFor = 24 * time.Hour

// wakeAtOnce is how many items of which the time has come one claim puts among those that are ready.
const wakeAtOnce = 1000

// line has the items of a target with the same order. Whoever locks several does so in ascending order.
type line struct{ target, order string }

func compareLines(a, b line) int {
	return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.order, b.order))
}

// sortLines returns each line once, in ascending order.
func sortLines(lines []line) []line {
	slices.SortFunc(lines, compareLines)
	return slices.Compact(lines)
}

// columns are lines as queries take them.
func columns(lines []line) (targets, orders []string) {
	targets, orders = make([]string, len(lines)), make([]string, len(lines))
	for i, l := range lines {
		targets[i], orders[i] = l.target, l.order
	}
	return targets, orders
}

// Put implements [hubbub.Outbox]. Items without Time get the present.
func (s *Store) Put(ctx context.Context, items []hubbub.OutboxItem) error {
	if len(items) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error { return putItems(ctx, q, items, s.o.Now()) })
}

// putItems puts items into the outbox, whose Seqs rise in their order. It locks their lines until the end of the transaction, so a
// transaction calls it once, with all that it puts, and locks nothing after it but what doc.go says.
func putItems(ctx context.Context, q *db.Queries, items []hubbub.OutboxItem, now time.Time) error {
	if len(items) == 0 {
		return nil
	}
	items = newItems(items)
	lines := make([]line, len(items))
	known := db.LockLinesParams{Before: now.Add(-rememberFor).UnixMilli()}
	for i := range items {
		lines[i] = line{items[i].Target, items[i].Order}
		known.Targets, known.Ids = append(known.Targets, items[i].Target), append(known.Ids, items[i].ID)
	}
	known.LineTargets, known.Lines = columns(sortLines(lines))
	empty, err := q.LockLines(ctx, known)
	if err != nil {
		return fmt.Errorf("lock lines of the outbox: %w", err)
	}
	put, err := q.PutItems(ctx, rowsOf(items, empty, now))
	if err != nil {
		return fmt.Errorf("put items into the outbox: %w", err)
	}
	if put == int64(len(items)) || len(empty) == 0 {
		return nil
	}
	// Some were known, perhaps the first ones of their lines.
	targets, orders := columns(linesOf(empty))
	return q.FirstOfLines(ctx, db.FirstOfLinesParams{Targets: targets, Lines: orders, Now: now.UnixMilli()})
}

// newItems returns each item once.
func newItems(items []hubbub.OutboxItem) []hubbub.OutboxItem {
	type key struct{ target, id string }
	seen := make(map[key]bool, len(items))
	for _, item := range items {
		seen[key{item.Target, item.ID}] = true
	}
	if len(seen) == len(items) {
		return items
	}
	clear(seen)
	return slices.DeleteFunc(slices.Clone(items), func(item hubbub.OutboxItem) bool {
		k := key{item.Target, item.ID}
		defer func() { seen[k] = true }()
		return seen[k]
	})
}

func linesOf(rows []db.OutboxLines) []line {
	lines := make([]line, len(rows))
	for i, row := range rows {
		lines[i] = line{row.Target, row.Line}
	}
	return lines
}

// rowsOf are items as they are kept. The first one of each empty line is ready, the others wait for it.
func rowsOf(items []hubbub.OutboxItem, empty []db.OutboxLines, now time.Time) (p db.PutItemsParams) {
	first := make(map[line]bool, len(empty))
	for _, l := range linesOf(empty) {
		first[l] = true
	}
	for i := range items {
		item := &items[i]
		l, state, at := line{item.Target, item.Order}, int16(itemQueued), item.Time
		if first[l] {
			state = itemReady
			delete(first, l)
		}
		if at.IsZero() {
			at = now
		}
		p.Targets, p.Ids, p.Lines = append(p.Targets, item.Target), append(p.Ids, item.ID), append(p.Lines, item.Order)
		p.Payloads, p.Times, p.States = append(p.Payloads, filled(item.Payload)), append(p.Times, at.UnixMilli()), append(p.States, state)
	}
	return p
}

// filled returns what is not NULL.
func filled(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Claim implements [hubbub.Outbox]. To claim counts as an attempt, so that of an item by which its receiver dies one sees in Attempts
// that it did. Nothing is written where there is nothing to claim. It waits for nobody, what others are changing just now is left out, and
// not for the disk either: where the server dies and forgets a claim, the items are claimed and delivered once more.
func (s *Store) Claim(ctx context.Context, target string, limit int, lease time.Duration) ([]hubbub.OutboxItem, error) {
	if limit <= 0 {
		return nil, nil
	}
	var rows []db.ClaimItemsRow
	err := s.batched(ctx, func(ctx context.Context, c *pgx.Conn) error {
		now := s.o.Now()
		var p pipeline
		p.begin()
		p.add(db.ClaimItems, notBefore(now.Add(lease)), s.claimer, target, int64(limit), now.UnixMilli(), int64(max(wakeAtOnce, limit))).
			Query(func(r pgx.Rows) (err error) {
				rows, err = pgx.CollectRows(r, pgx.RowToStructByPos[db.ClaimItemsRow])
				return err
			})
		p.add("commit")
		return p.flush(ctx, c)
	})
	if err != nil {
		return nil, fmt.Errorf("claim items for %q: %w", target, err)
	}
	slices.SortFunc(rows, func(a, b db.ClaimItemsRow) int { return cmp.Compare(a.Seq, b.Seq) })
	items := make([]hubbub.OutboxItem, len(rows))
	for i, r := range rows {
		items[i] = hubbub.OutboxItem{ID: r.ID, Target: r.Target, Order: r.Line, Payload: r.Payload, Time: timeOf(r.Time),
			Seq: uint64(r.Seq), Attempts: int(r.Attempts) - 1, Error: r.Error}
	}
	s.claims.add(rows)
	return items, nil
}

// notBefore is the first whole millisecond that is not before a time, and 0 for the zero time.
func notBefore(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t.Add(time.Millisecond - 1))
}

// plain is what can be kept of a text that somebody else has made, such as an error of a receiver.
func plain(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// Dead implements [hubbub.Outbox].
func (s *Store) Dead(ctx context.Context, target string, after uint64, limit int) ([]hubbub.OutboxItem, error) {
	if limit <= 0 {
		return nil, nil
	}
	var rows []db.Outbox
	err := s.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		rows, err = q.DeadItems(ctx, db.DeadItemsParams{Target: target, After: int64(after), Most: int64(limit)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list what was given up for %q: %w", target, err)
	}
	items := make([]hubbub.OutboxItem, len(rows))
	for i, r := range rows {
		items[i] = hubbub.OutboxItem{ID: r.ID, Target: r.Target, Order: r.Line, Payload: r.Payload, Time: timeOf(r.Time),
			Seq: uint64(r.Seq), Attempts: int(r.Attempts), Error: r.Error}
	}
	return items, nil
}
