package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Backlogs implements [hubbub.Backlogs].
func (s *Store) Backlogs(ctx context.Context) (all []hubbub.Backlog, err error) {
	return nil, ctx.Err()
}

// Discard implements [hubbub.Backlogs].
func (s *Store) Discard(ctx context.Context, before time.Time, targets []string, limit int) (more bool, err error) {
	_, _, _, _ = ctx, before, slices.Clone(targets), limit
	return false, nil
}
