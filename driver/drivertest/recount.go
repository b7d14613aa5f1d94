package drivertest

import (
	"maps"
	"slices"
	"testing"

	"github.com/hubbub-dev/hubbub"
)

// Recount fails the test unless the counts of a user's inbox are those of the notices that are listed, and each notice is
// listed once. Nobody may change the inbox meanwhile. It returns all notices, the newest first.
func Recount(t testing.TB, store hubbub.Inboxes, user string) []hubbub.Notice {
	t.Helper()
	return recount(t, store, user)
}

func recount(t tb, store hubbub.Inboxes, user string) []hubbub.Notice {
	t.Helper()
	box, err := store.Inbox(t.Context(), user)
	if err != nil {
		t.Fatalf("%v", err)
	}
	all := listAll(t, store, user, hubbub.NoticeQuery{States: everyState(), Limit: 500})
	want := hubbub.InboxCounts{Revision: box.Counts.Revision}
	ids := map[string]bool{}
	for _, n := range all {
		if ids[n.ID] {
			t.Fatalf("the notice %s of %s is listed twice", n.ID, user)
		}
		ids[n.ID] = true
		count(&want, n)
	}
	got := box.Counts
	if got.Unread != want.Unread || got.Unseen != want.Unseen || !maps.Equal(got.Categories, want.Categories) {
		t.Fatalf("the counts of %s are %+v, but of %d notices a recount gives %+v", user, got, len(all), want)
	}
	if got.Categories != nil && len(got.Categories) == 0 {
		t.Fatalf("%s has an empty map of categories, want none", user)
	}
	return all
}

// count adds a notice to counts.
func count(c *hubbub.InboxCounts, n hubbub.Notice) {
	if n.State != hubbub.NoticeUnseen && n.State != hubbub.NoticeSeen {
		return
	}
	if c.Categories == nil {
		c.Categories = map[string]hubbub.CategoryCounts{}
	}
	category := c.Categories[n.Category]
	c.Unread++
	category.Unread++
	if n.State == hubbub.NoticeUnseen {
		c.Unseen++
		category.Unseen++
	}
	c.Categories[n.Category] = category
}

func everyState() []hubbub.NoticeState {
	return []hubbub.NoticeState{hubbub.NoticeUnseen, hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived}
}

// listAll lists by pages of q.Limit what a query selects. It fails the test if a page is too long, or out of order.
func listAll(t tb, store hubbub.Inboxes, user string, q hubbub.NoticeQuery) []hubbub.Notice {
	t.Helper()
	var all []hubbub.Notice
	for {
		page, err := store.NoticesOf(t.Context(), user, q)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if len(page) > q.Limit {
			t.Fatalf("a page of %d notices has %d", q.Limit, len(page))
		}
		all = append(all, page...)
		if !slices.IsSortedFunc(all, newestFirst) {
			t.Fatalf("the notices of %s are not the newest first: %s", user, idsOf(all))
		}
		if len(page) < q.Limit {
			return all
		}
		last := page[len(page)-1]
		q.Before = hubbub.NoticeCursor{Time: last.Time, ID: last.ID}
	}
}
