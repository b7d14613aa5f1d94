package inbox

import (
	"context"
	"fmt"
	"slices"
	"sort"

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

// Page is a part of a list, the newest notice first. What the notices point to is shared and must not be changed.
type Page struct {
	Notices []hubbub.Notice
	Next    string // what Query.Before is for the page that follows; "" if this is the last
}

const (
	maxPage     = 1000
	defaultPage = 50
)

// List returns a page of a user's notices. A Query that makes no sense is Invalid.
func (in *Inbox) List(ctx context.Context, user string, q Query) (Page, error) {
	if err := hubbub.CheckName("user", user); err != nil {
		return Page{}, err
	}
	sel, err := q.selection()
	if err != nil {
		return Page{}, err
	}
	page, err := in.list(ctx, user, sel)
	if err != nil {
		return Page{}, fmt.Errorf("list the inbox of %q: %w", user, err)
	}
	return page, nil
}

// selection is a Query that was checked.
type selection struct {
	category string
	states   []hubbub.NoticeState
	before   place
	limit    int
}

func (q Query) selection() (selection, error) {
	sel := selection{category: q.Category, limit: q.Limit}
	switch q.State {
	case "", "all":
		sel.states = []hubbub.NoticeState{hubbub.NoticeUnseen, hubbub.NoticeSeen, hubbub.NoticeRead}
	case "unread":
		sel.states = []hubbub.NoticeState{hubbub.NoticeUnseen, hubbub.NoticeSeen}
	default:
		if rank(hubbub.NoticeState(q.State)) < 0 {
			return sel, hubbub.Errorf(hubbub.Invalid, "the state %.40q is not one of all, unread, unseen, seen, read, archived", q.State)
		}
		sel.states = []hubbub.NoticeState{hubbub.NoticeState(q.State)}
	}
	if q.Category != "" {
		if err := hubbub.CheckName("category", q.Category); err != nil {
			return sel, err
		}
	}
	if q.Limit < 0 || q.Limit > maxPage {
		return sel, hubbub.Errorf(hubbub.Invalid, "the limit %d is not between 1 and %d", q.Limit, maxPage)
	}
	if q.Limit == 0 {
		sel.limit = defaultPage
	}
	var err error
	sel.before, err = parsePlace(q.Before)
	return sel, err
}

// list merges a page of the user's notices with the announcements that belong in between. It asks both for one more than fits, to
// see whether another page follows.
func (in *Inbox) list(ctx context.Context, user string, sel selection) (Page, error) {
	s, b, err := in.look(ctx, user)
	if err != nil {
		return Page{}, err
	}
	notices, err := in.o.Store.NoticesOf(ctx, user, hubbub.NoticeQuery{Category: sel.category, States: sel.states,
		Before: sel.before.cursor(), Limit: sel.limit + 1})
	if err != nil {
		return Page{}, err
	}
	all := append(notices, b.list(newReader(s), sel)...)
	slices.SortFunc(all, func(x, y hubbub.Notice) int { return placeOf(&x).compare(placeOf(&y)) })
	if len(all) <= sel.limit {
		return Page{Notices: all}, nil
	}
	all = all[:sel.limit]
	return Page{Notices: all, Next: placeOf(&all[len(all)-1]).String()}, nil
}

// list returns the first announcements of a selection, one more than the limit.
func (b *board) list(r *reader, sel selection) []hubbub.Notice {
	var found []hubbub.Notice
	first := 0
	if !sel.before.isStart() {
		first = sort.Search(len(b.listed), func(i int) bool { return b.place(b.listed[i]).compare(sel.before) > 0 })
	}
	for _, at := range b.listed[first:] {
		a := &b.bySeq[at]
		if sel.category != "" && sel.category != a.Publication.Content.Category || !r.has(a) {
			continue
		}
		if state := r.state(a); slices.Contains(sel.states, state) {
			found = append(found, noticeOf(&a.Publication, state))
		}
		if len(found) > sel.limit {
			break
		}
	}
	return found
}

// Announcements lists all announcements that are published, the oldest first.
func (in *Inbox) Announcements(ctx context.Context) ([]hubbub.Announcement, error) {
	all, _, err := in.o.Store.Announcements(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the announcements: %w", err)
	}
	return all, nil
}
