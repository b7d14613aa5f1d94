package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/hubbub-dev/hubbub"
)

// Notice is an item of an inbox. All of its content is data; nothing of it is markup.
type Notice struct {
	ID string `json:"id"`
	hubbub.NoticeContent
	State        hubbub.NoticeState `json:"state"`
	Time         Time               `json:"time"`               // when it was published
	Expires      Time               `json:"expires,omitzero"`   // when it is gone; zero means never
	Collapse     string             `json:"collapse,omitempty"` // it has taken the place of older ones with the same
	Announcement bool               `json:"announcement,omitempty"`
}

// InboxQuery selects notices. The zero value: the newest 50 that are not archived.
type InboxQuery struct {
	Category string `json:"category,omitempty"` // "" means all
	State    string `json:"state,omitempty"`    // "unread", "unseen", "seen", "read" or "archived"; "" means all but archived
	Before   string `json:"before,omitempty"`   // Next of the page before; "" for the first
	Limit    int    `json:"limit,omitempty"`    // 1 to 1000, for an API 1 to 200; 0 means 50
}

func (q InboxQuery) query() string {
	v := url.Values{}
	for name, value := range map[string]string{"category": q.Category, "state": q.State, "before": q.Before} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return asQuery(v)
}

// InboxPage is a part of an inbox, the newest notice first.
type InboxPage struct {
	Notices []Notice `json:"notices"`
	Next    string   `json:"next,omitempty"` // for the next page; "" if this is the last
}

// MarkState is what notices are marked as.
type MarkState string

// What notices are marked as. States otherwise go forward only: unseen, seen, read, archived.
const (
	MarkSeen     MarkState = "seen"
	MarkRead     MarkState = "read"
	MarkUnread   MarkState = "unread" // what is read is seen again; what is archived, too, if it is named by IDs
	MarkArchived MarkState = "archived"
)

// InboxMark says which notices are marked as what. Exactly one of IDs, Category and All is set.
type InboxMark struct {
	State    MarkState `json:"state"`
	IDs      []string  `json:"ids,omitempty"` // at most 1000
	Category string    `json:"category,omitempty"`
	All      bool      `json:"all,omitempty"`
	// Until, with Category or All, leaves out what was published later, such as notices that nobody has looked at yet. Zero
	// means that nothing is left out.
	Until Time `json:"until,omitzero"`
}

// Marked says what a mark has done.
type Marked struct {
	Changed int                `json:"changed"` // notices that have another state now
	Counts  hubbub.InboxCounts `json:"counts"`  // as they are now
}

// Inbox lists notices, the newest first.
func (c *Client) Inbox(ctx context.Context, q InboxQuery) (InboxPage, error) {
	var page InboxPage
	err := c.Call(ctx, "inbox.list", q, &page)
	return page, err
}

// InboxCounts tells what was not dealt with in the inbox. [Handlers].Counts is told of it without asking.
func (c *Client) InboxCounts(ctx context.Context) (hubbub.InboxCounts, error) {
	var counts hubbub.InboxCounts
	err := c.Call(ctx, "inbox.counts", nil, &counts)
	return counts, err
}

// MarkInbox marks notices. Every session of the user is told of it, also this one.
func (c *Client) MarkInbox(ctx context.Context, m InboxMark) (Marked, error) {
	var reply Marked
	err := c.Call(ctx, "inbox.mark", m, &reply)
	return reply, err
}

// noticeRef names a notice.
type noticeRef struct {
	ID string `json:"id"`
}

// removed is the handler Removed for what the notification has.
func (h *Handlers) removed() func(noticeRef) {
	if h.Removed == nil {
		return nil
	}
	return func(n noticeRef) { h.Removed(n.ID) }
}
