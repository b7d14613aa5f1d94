package memory

import "context"

// Erase implements [hubbub.Eraser].
func (d *Driver) Erase(ctx context.Context, user string) (more bool, err error) {
	_, _ = ctx, user
	return false, nil
}
