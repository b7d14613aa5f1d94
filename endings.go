package hubbub

import (
	"context"
	"slices"
)

// endKnown ends those of the sessions of which the store knows that they have ended, while the node has not heard of it: since then the
// registry may have lost it. Of what others are about to tell the store it knows nothing yet, so it is called again later.
func (h *Hub) endKnown(ctx context.Context, sessions []*Session) error {
	if h.store == nil {
		return nil
	}
	found := map[*Session]EndReason{}
	for some := range slices.Chunk(sessions, maxPage) {
		ids := make([]string, len(some))
		for i, s := range some {
			ids[i] = s.id
		}
		ended, err := h.store.Endings(ctx, ids)
		if err != nil {
			return err
		}
		for _, s := range some {
			if why := ended[s.id]; why != "" {
				found[s] = why
			}
		}
	}
	window := comeback(len(found))
	for s, why := range found {
		s.end(why, nil, window)
	}
	return nil
}

// lookForEnds ends the sessions that have ended by what the store knows. It tells false if the store does not answer.
func (h *Hub) lookForEnds() bool {
	err := h.endKnown(h.context, h.open())
	if err != nil {
		h.complain("look which sessions have ended", err)
	}
	return err == nil
}
