package sqlite

import (
	"context"

	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// fewRows is how many rows a write may change, about, that shares a commit with any others.
const fewRows = 16

// writeRows is write for f that changes up to some number of rows. Of those that change many only one is queued at a time, the
// others wait before the queue: so whoever writes little waits for one or two of them at most, and not for as many as fit into
// a commit.
func (s *Store) writeRows(ctx context.Context, rows int, f func(ctx context.Context, q *db.Queries) error) error {
	if rows <= fewRows {
		return s.write(ctx, f)
	}
	select {
	case s.long <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.long }()
	return s.write(ctx, f)
}
