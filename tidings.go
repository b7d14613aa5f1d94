package hubbub

import (
	"context"
	"slices"
)

// tellAtOnce is how many tidings a [Herald] gets together.
const tellAtOnce = 512

// presenceTidings are for those who watch one of the users, and for those who watch everybody.
func presenceTidings(users map[string]struct{}) (all []Tiding) {
	for user := range users {
		for _, watched := range []string{user, ""} {
			all = append(all, Tiding{Topic{TopicPresence, watched}, PresenceChanged{Presence{User: user}}})
		}
	}
	return all
}

// tellAll publishes tidings of who came or went. With a bus of several nodes those of a lost node with 15,000 sessions would take longer than the
// grace, if each waited for the one before. When the bus is away who watches users is told later, and then looks how they are; those in rooms are
// not, since who has left may be back by then.
func (h *Hub) tellAll(ctx context.Context, all []Tiding) {
	const what = "tell others who came or went"
	if h.herald == nil {
		for _, t := range all {
			if err := h.driver.Publish(ctx, t.Topic, t.Event); err != nil {
				h.complain(what, err)
				h.unsaid.changed([]Tiding{t})
			}
		}
		return
	}
	for some := range slices.Chunk(all, tellAtOnce) {
		if err := h.herald.PublishAll(ctx, some); err != nil {
			h.complain(what, err)
			h.unsaid.changed(some)
		}
	}
}
