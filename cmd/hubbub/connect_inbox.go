package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

// status is what the prompt shows: where lines go, and how many notices are unread. Its methods may be called concurrently.
type status struct {
	screen *screen

	mu     sync.Mutex
	to     string // "" before it is known
	unread int
}

func (s *status) aim(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
	s.paint()
}

func (s *status) count(unread int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unread != unread {
		s.unread = unread
		s.paint()
	}
}

// paint needs mu.
func (s *status) paint() {
	switch {
	case s.to == "":
	case s.unread > 0:
		s.screen.prompt(fmt.Sprintf("%s (%d unread)> ", s.to, s.unread))
	default:
		s.screen.prompt(s.to + "> ")
	}
}

// inboxHandlers adds what is printed of the inbox and of memberships.
func (h *chat) inboxHandlers(all *client.Handlers) {
	all.Notice = func(n client.Notice) { h.aside("inbox.notice", n, "notice: "+noticeText(n)) }
	all.Counts = func(c hubbub.InboxCounts) {
		h.aside("inbox.counts", c, "")
		h.status.count(c.Unread)
	}
	all.Marked = func(m client.InboxMark) { h.aside("inbox.marked", m, "") }
	all.Removed = func(id string) { h.aside("inbox.removed", map[string]string{"id": id}, "") }
	all.Member = func(m client.MemberChange) {
		if m.Role == "" {
			h.aside("room.member", m, fmt.Sprintf("#%s %s is a member no more", m.Room, m.User))
			return
		}
		h.aside("room.member", m, fmt.Sprintf("#%s %s is a member: %s", m.Room, m.User, m.Role))
	}
}

// noticeText is a notice in a line.
func noticeText(n client.Notice) string {
	text := n.Title
	if n.Body != "" {
		text += ": " + n.Body
	}
	if n.Link != "" {
		text += " <" + n.Link + ">"
	}
	return text
}

// listInbox shows the newest notices, which are seen then, with numbers for /read.
func (h *chat) listInbox(ctx context.Context) error {
	page, err := h.client.Inbox(ctx, client.InboxQuery{Limit: 20})
	if err != nil {
		return err
	}
	if h.listed = page.Notices; len(h.listed) == 0 {
		h.screen.note("the inbox is empty")
		return nil
	}
	var unseen []string
	for i, n := range h.listed {
		h.screen.note(fmt.Sprintf("%d %s %s [%s] %s", i+1, n.Time.Local().Format("2006-01-02 15:04"), n.State, n.Category, noticeText(n)))
		if n.State == hubbub.NoticeUnseen {
			unseen = append(unseen, n.ID)
		}
	}
	if page.Next != "" {
		h.screen.note("there are older ones")
	}
	if len(unseen) == 0 {
		return nil
	}
	_, err = h.client.MarkInbox(ctx, client.InboxMark{State: client.MarkSeen, IDs: unseen})
	return err
}

// markRead marks one of the notices that /inbox has shown, or all notices.
func (h *chat) markRead(ctx context.Context, which string) error {
	m := client.InboxMark{State: client.MarkRead, All: which == "all"}
	if !m.All {
		n, err := strconv.Atoi(which)
		if err != nil || n < 1 || n > len(h.listed) {
			return errors.New("/read takes a number that /inbox shows, or all")
		}
		m.IDs = []string{h.listed[n-1].ID}
	}
	done, err := h.client.MarkInbox(ctx, m)
	if err != nil {
		return err
	}
	h.screen.note(fmt.Sprintf("marked as read: %d, still unread: %d", done.Changed, done.Counts.Unread))
	return nil
}
