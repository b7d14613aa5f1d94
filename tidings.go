package hubbub

import (
	"context"
	"slices"
)

// tellAtOnce is how many tidings a [Herald] gets together.
const tellAtOnce = 512

// tellAll publishes tidings of who came or went. With a bus of several nodes those of a lost node with 15,000 sessions would take longer than the
// grace, if each waited for the one before.
func (h *Hub) tellAll(ctx context.Context, all []Tiding) {
	const what = "tell others who came or went"
	if h.herald == nil {
		for _, t := range all {
			if err := h.driver.Publish(ctx, t.Topic, t.Event); err != nil {
				h.complain(what, err)
			}
		}
		return
	}
	for some := range slices.Chunk(all, tellAtOnce) {
		if err := h.herald.PublishAll(ctx, some); err != nil {
			h.complain(what, err)
		}
	}
}
