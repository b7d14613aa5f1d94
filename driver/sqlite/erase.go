package sqlite

import "context"

// Erase implements [hubbub.Eraser].
func (s *Store) Erase(ctx context.Context, user string) (more bool, err error) {
	_, _ = ctx, user
	return false, nil
}
