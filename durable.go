package hubbub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// checkDurable tells whether what the options want kept can be.
func (h *Hub) checkDurable() error {
	if h.o.Private.History == HistoryNone {
		return errors.New("hubbub: Options.Private.History is HistoryNone; messages between two users are always kept, for as long as Retention says")
	}
	if h.store != nil {
		return nil
	}
	if h.o.Report != nil || h.o.Private.Report || slices.ContainsFunc(h.rules, func(r RoomRule) bool { return r.Report }) {
		return errors.New("hubbub: Options.Report, and Report of a rule, need Options.Store, which has the outbox; for one process use driver/sqlite")
	}
	if h.o.Private.History == HistoryDurable {
		return errors.New("hubbub: Options.Private.History is HistoryDurable, which needs Options.Store; for one process use driver/sqlite")
	}
	for _, r := range h.rules {
		if r.History == HistoryDurable {
			return fmt.Errorf("hubbub: the rule for rooms %q has HistoryDurable, which needs Options.Store; for one process use driver/sqlite", r.Match)
		}
	}
	return nil
}

// keeper keeps streams, for a while or for good.
type keeper interface {
	Log
	Conversations
}

// keeperOf is what keeps a stream: the store if it must last, otherwise the driver.
func (h *Hub) keeperOf(stream Stream) keeper {
	kind := h.o.Private.History
	if stream.Room != "" {
		rule, err := h.rule(stream.Room)
		if err != nil {
			return h.driver
		}
		kind = rule.History
	}
	if kind == HistoryDurable {
		return h.store
	}
	return h.driver
}

func (h *Hub) logOf(stream Stream) Log { return h.keeperOf(stream) }

// keepers are all that may have streams of a user.
func (h *Hub) keepers() []keeper {
	all := []keeper{h.driver}
	if h.store == nil {
		return all
	}
	fleeting := func(r RoomRule) bool { return r.History != HistoryDurable }
	if h.o.Private.History == HistoryDurable && !slices.ContainsFunc(h.rules, fleeting) {
		return []keeper{h.store}
	}
	return append(all, h.store)
}

// conversations lists a user's streams, those with the newest message first, wherever they are kept.
func (h *Hub) conversations(ctx context.Context, user, before string, limit int) (ConversationPage, error) {
	from := h.keepers()
	if len(from) == 1 {
		return from[0].Conversations(ctx, user, before, limit)
	}
	cursors, err := splitCursor(before, len(from))
	if err != nil {
		return ConversationPage{}, err
	}
	pages := make([]ConversationPage, len(from))
	for i, k := range from {
		if cursors[i] == cursorOver {
			continue
		}
		if pages[i], err = k.Conversations(ctx, user, cursors[i], limit); err != nil {
			return ConversationPage{}, err
		}
	}
	return mergeConversations(pages, cursors, limit), nil
}

// mergeConversations merges pages that begin at cursors into one.
func mergeConversations(pages []ConversationPage, cursors []string, limit int) ConversationPage {
	var merged ConversationPage
	for len(merged.Conversations) < limit {
		newest := -1
		for i, p := range pages {
			if len(p.Conversations) > 0 && (newest < 0 || p.Conversations[0].Last.Time.After(pages[newest].Conversations[0].Last.Time)) {
				newest = i
			}
		}
		if newest < 0 {
			break
		}
		c := pages[newest].Conversations[0]
		pages[newest].Conversations = pages[newest].Conversations[1:]
		cursors[newest] = c.Cursor
		c.Cursor = joinCursor(cursors)
		merged.Conversations = append(merged.Conversations, c)
	}
	over := true
	for i, p := range pages {
		switch {
		case len(p.Conversations) > 0:
		case p.Next == "":
			cursors[i] = cursorOver
		default:
			cursors[i] = p.Next
		}
		over = over && cursors[i] == cursorOver
	}
	if !over {
		merged.Next = joinCursor(cursors)
	}
	return merged
}

// cursorOver stands for the end of a list. No driver's cursor looks like it.
const cursorOver = "\x00"

// joinCursor makes one cursor of those of several lists.
func joinCursor(cursors []string) string {
	joined := ""
	for _, c := range cursors {
		joined += fmt.Sprintf("%d:%s", len(c), c)
	}
	return joined
}

// splitCursor is the inverse of joinCursor; "" is the beginning of all lists.
func splitCursor(joined string, n int) ([]string, error) {
	cursors := make([]string, n)
	if joined == "" {
		return cursors, nil
	}
	for i := range cursors {
		var size, digits int
		for digits < len(joined) && digits < 5 && joined[digits] >= '0' && joined[digits] <= '9' {
			size = 10*size + int(joined[digits]-'0')
			digits++
		}
		if digits == 0 || len(joined) < digits+1+size || joined[digits] != ':' {
			return nil, Errorf(Invalid, "the cursor is none that an earlier page has returned as next")
		}
		cursors[i], joined = joined[digits+1:digits+1+size], joined[digits+1+size:]
	}
	if joined != "" {
		return nil, Errorf(Invalid, "the cursor is none that an earlier page has returned as next")
	}
	return cursors, nil
}

// takeOver ends the sessions that were open when their nodes died. It comes before all that is decided from now on. With a driver that is
// shared other nodes may live, and the reconciler does it.
func (h *Hub) takeOver(ctx context.Context) error {
	if h.store == nil || h.shared != nil {
		return nil
	}
	nodes, err := h.store.OpenNodes(ctx)
	if err != nil {
		return err
	}
	nodes = slices.DeleteFunc(nodes, func(node string) bool { return node == h.node })
	lost, err := h.store.Lost(ctx, nodes, time.Now())
	if err != nil || len(lost) == 0 {
		return err
	}
	h.log.Info("telling of those who were online when the node last ended, and are not any more", "changes", len(lost))
	h.handover.takeOver(lost)
	return nil
}

// arrive remembers who signs in.
func (h *Hub) arrive(ctx context.Context, id *Identity) error {
	if h.store == nil {
		return nil
	}
	return h.store.Arrive(ctx, Visitor{User: id.User, Info: id.Info, Attrs: id.Attrs, FirstSeen: time.Now()})
}

// presences asks the driver how users are, and the store when those were seen last whom the driver does not know any more.
func (h *Hub) presences(ctx context.Context, users []string) ([]Presence, error) {
	found, err := h.driver.Presences(ctx, users)
	if err != nil || h.store == nil {
		return found, err
	}
	var unknown []string
	for _, p := range found {
		if !p.Online && p.LastSeen.IsZero() {
			unknown = append(unknown, p.User)
		}
	}
	if len(unknown) == 0 {
		return found, nil
	}
	visitors, err := h.store.Visitors(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if v, ok := visitors[found[i].User]; ok && found[i].LastSeen.IsZero() && !found[i].Online {
			found[i].LastSeen = v.LastSeen
		}
	}
	return found, nil
}
