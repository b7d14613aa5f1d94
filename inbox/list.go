package inbox

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// Query selects notices of a user, announcements among them.
type Query struct {
	Category string // "" means all
	// State is "all" or "" for all but what is archived, "unread" for what is unseen or seen, or one of the states.
	State  string
	Before string // the Next of the page before; "" means the newest
	Limit  int    // 1 to 1000; 0 means 50
}

// Page is a part of a list, the newest notice first.
type Page struct {
	Notices []hubbub.Notice
	Next    string // what Query.Before is for the page that follows; "" if this is the last
}

// List returns a page of a user's notices. A Query that makes no sense is Invalid.
func (in *Inbox) List(ctx context.Context, user string, q Query) (Page, error) { return Page{}, nil }

// Announcements lists all announcements that are published, the oldest first.
func (in *Inbox) Announcements(ctx context.Context) ([]hubbub.Announcement, error) { return nil, nil }
