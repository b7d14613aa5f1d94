package hubbub

import "context"

// Erase ends the sessions of a user, forgets everything that is kept about the user, and returns how many sessions it has ended. It
// waits until all of it is done; after an error, or if ctx ends before, call it again. Who is erased and not blocked may sign in
// again, as somebody who was never here.
func (h *Hub) Erase(ctx context.Context, user string) (ended int, err error) {
	if ended, err = h.End(ctx, Target{User: user}, EndLoggedOut); err != nil {
		return ended, err
	}
	for _, e := range []any{h.driver, h.store} {
		eraser, ok := e.(Eraser)
		for more := ok; more; {
			if more, err = eraser.Erase(ctx, user); err != nil {
				return ended, err
			}
			if err := ctx.Err(); err != nil {
				return ended, err
			}
		}
	}
	return ended, nil
}
