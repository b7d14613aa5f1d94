package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// Notice is an item in a user's inbox.
type Notice struct {
	ID string `json:"id"`
	hubbub.NoticeContent
	State        hubbub.NoticeState `json:"state" enum:"unseen,seen,read,archived"`
	Time         int64              `json:"time" doc:"When it was published, in Unix milliseconds."`
	Expires      int64              `json:"expires,omitempty" doc:"When it is gone, in Unix milliseconds; missing means never."`
	Collapse     string             `json:"collapse,omitempty" doc:"It has taken the place of older ones with the same."`
	Announcement bool               `json:"announcement,omitempty" doc:"It is for everybody, or for an audience."`
}

// NoticePage is a part of an inbox.
type NoticePage struct {
	Notices []Notice `json:"notices" nullable:"false" doc:"The newest first."`
	Next    string   `json:"next,omitempty" doc:"Pass it as before for the next page; missing on the last."`
}

// MarkRequest is the body of POST /users/{user}/inbox/marks. Exactly one of ids, category and all is set.
type MarkRequest struct {
	State    string   `json:"state" enum:"seen,read,unread,archived" doc:"States go forward only, from unseen over seen and read to archived; but unread takes what is read back to seen, and what is archived if ids name it." example:"read"`
	IDs      []string `json:"ids,omitempty" nullable:"false" doc:"These notices, at most 1000; those that the user does not have are passed over."`
	Category string   `json:"category,omitempty" doc:"All of this category." example:"orders"`
	All      bool     `json:"all,omitempty" doc:"All."`
	Until    int64    `json:"until,omitempty" minimum:"1" maximum:"253402300799999" doc:"With category or all: only what was published until then, in Unix milliseconds."`
}

// Marked says what a mark has done.
type Marked struct {
	Changed int                `json:"changed" doc:"How many notices have another state now."`
	Counts  hubbub.InboxCounts `json:"counts" doc:"What the user has not dealt with now."`
}

type inboxInput struct {
	ForUser
	Category string `query:"category" doc:"Only of this category." example:"orders"`
	State    string `query:"state" enum:"all,unread,unseen,seen,read,archived" default:"all" doc:"Only in this state. all is all but archived; unread is unseen and seen."`
	Before   string `query:"before" doc:"The next of the page before; missing for the first page."`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

type markInput struct {
	ForUser
	Body MarkRequest
}

// boxes registers the calls about the inbox of a user.
func (a *API) boxes() {
	handleInbox(a, Read, huma.Operation{
		OperationID: "get-inbox", Method: http.MethodGet, Path: "/users/{user}/inbox",
		Summary: "List a user's notices", Description: "Announcements among them.",
	}, listInbox)
	handleInbox(a, Read, huma.Operation{
		OperationID: "get-inbox-counts", Method: http.MethodGet, Path: "/users/{user}/inbox/counts",
		Summary: "Count what a user has not dealt with", Description: "unread is what was not read, seen or not; unseen is a part of it. " +
			"Archived notices do not count.",
	}, func(ctx context.Context, box *inbox.Inbox, in *ForUser) (hubbub.InboxCounts, error) {
		counts, err := box.Counts(ctx, in.User)
		return told(counts), err
	})
	handleOnce(a, Publish, huma.Operation{
		OperationID: "mark-inbox", Method: http.MethodPost, Path: "/users/{user}/inbox/marks", Tags: []string{"inbox"},
		Summary: "Mark a user's notices", Description: "As if the user had done it: all open devices follow.",
	}, withInbox(a, markInbox))
}

func listInbox(ctx context.Context, box *inbox.Inbox, in *inboxInput) (NoticePage, error) {
	found, err := box.List(ctx, in.User, inbox.Query{Category: in.Category, State: in.State, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return NoticePage{}, err
	}
	page := NoticePage{Notices: make([]Notice, 0, len(found.Notices)), Next: found.Next}
	for _, n := range found.Notices {
		page.Notices = append(page.Notices, Notice{ID: n.ID, NoticeContent: n.NoticeContent, State: n.State, Time: millis(n.Time),
			Expires: millis(n.Expires), Collapse: n.Collapse, Announcement: n.Announcement})
	}
	return page, nil
}

func markInbox(ctx context.Context, box *inbox.Inbox, in *markInput) (Marked, error) {
	b := in.Body
	changed, counts, err := box.Mark(ctx, in.User, inbox.Mark{State: b.State, IDs: b.IDs, Category: b.Category, All: b.All,
		Until: instant(b.Until)})
	return Marked{Changed: changed, Counts: told(counts)}, err
}

// told is counts with an object of categories also if there are none.
func told(c hubbub.InboxCounts) hubbub.InboxCounts {
	if c.Categories == nil {
		c.Categories = map[string]hubbub.CategoryCounts{}
	}
	return c
}
