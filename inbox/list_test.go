package inbox_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

func TestListsSelect(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	ids := w.news("ann", "n:x a:x n:y a:y n:x a:x n:y a:y")
	w.mark("ann", inbox.Mark{State: "seen", IDs: []string{ids["n1"], ids["a2"], ids["n3"], ids["a4"]}})
	w.mark("ann", inbox.Mark{State: "read", IDs: []string{ids["n3"], ids["a4"]}})
	w.mark("ann", inbox.Mark{State: "archived", IDs: []string{ids["n5"], ids["a8"]}})
	for want, q := range map[string]inbox.Query{
		"n7 a6 a4 n3 a2 n1": {State: "all"},
		"n7 a6 a2 n1":       {State: "unread"},
		"n7 a6":             {State: "unseen"},
		"a2 n1":             {State: "seen"},
		"a4 n3":             {State: "read"},
		"a8 n5":             {State: "archived"},
		"a6 a2 n1":          {Category: "x"},
		"n7":                {Category: "y", State: "unread"},
		"":                  {Category: "z"},
	} {
		for limit := range 10 {
			q.Limit = limit
			var titles []string
			for _, n := range w.all("ann", q) {
				titles = append(titles, n.Title)
			}
			if got := strings.Join(titles, " "); got != want {
				t.Errorf("%+v lists %q, want %q", q, got, want)
			}
		}
	}
}

// TestPagesGoOnWhereTheyEnded has all notices in the same millisecond, so that only their ids order them, and more coming while the
// list is read.
func TestPagesGoOnWhereTheyEnded(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	want := make(map[string]bool)
	for range 10 {
		want[w.publish("n", users("ann"), nil).ID] = true
		want[w.publish("a", everybody(), nil).ID] = true
	}
	w.clock.pass(1_000_000)
	q := inbox.Query{Limit: 3}
	got := make(map[string]bool)
	for {
		page, err := w.List(w.ctx, "ann", q)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Notices {
			if got[n.ID] || !want[n.ID] {
				t.Errorf("%s is listed again, or is newer than the first page", n.ID)
			}
			got[n.ID] = true
		}
		w.publish("late", users("ann"), nil)
		w.publish("late", everybody(), nil)
		if q.Before = page.Next; q.Before == "" {
			break
		}
	}
	if len(got) != len(want) {
		t.Errorf("listed %d, want %d", len(got), len(want))
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	forged := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, q := range []inbox.Query{
		{State: "new"}, {Category: "a b"}, {Limit: -1}, {Limit: 1001},
		{Before: "x"}, {Before: forged("1.")}, {Before: forged("x.y")}, {Before: forged("+1.y")}, {Before: forged("1.y") + "=="},
		{Before: forged("1." + strings.Repeat("y", 65))},
	} {
		_, err := w.List(w.ctx, "ann", q)
		wantError(t, err, hubbub.Invalid, "")
	}
}

// nothing is a store of inboxes that are empty.
type nothing struct{ inbox.Store }

func (nothing) Inbox(context.Context, string) (hubbub.InboxState, error) {
	return hubbub.InboxState{}, nil
}

func (nothing) NoticesOf(_ context.Context, _ string, q hubbub.NoticeQuery) ([]hubbub.Notice, error) {
	if len(q.Before.ID) > hubbub.MaxID || q.Before.ID == "" && !q.Before.Time.IsZero() {
		return nil, fmt.Errorf("no such place: %+v", q.Before)
	}
	return nil, nil
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("1800000000000.ABCDEFGHIJKLMNOPQRSTUVWXYZ")))
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("-1.x")))
	f.Fuzz(func(t *testing.T, cursor string) {
		_, err := inbox.New(inbox.Options{Store: nothing{}}).List(t.Context(), "ann", inbox.Query{Before: cursor})
		if err != nil {
			wantError(t, err, hubbub.Invalid, "cursor")
		}
	})
}
