package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// news fills an inbox: for each word like "n:orders" a notice and for each like "a:orders" an announcement in that category, a
// second apart, with the titles n1, a2 and so on. It returns their ids by title.
func (w *world) news(user, words string) map[string]string {
	w.t.Helper()
	ids := make(map[string]string)
	for i, word := range strings.Fields(words) {
		kind, category, _ := strings.Cut(word, ":")
		to := users(user)
		if kind == "a" {
			to = everybody()
		}
		title := fmt.Sprint(kind, i+1)
		ids[title] = w.publish(title, to, in(category)).ID
		w.clock.pass(time.Second)
	}
	return ids
}

// TestMarks tells stories: each line marks, and says how many have changed and what the inbox is then.
func TestMarks(t *testing.T) {
	tests := []struct {
		name, news string
		story      []string // of marks: state, then "all", "category=NAME" or titles, "until=TITLE"; how many changed; the inbox
	}{
		{"all", "n:x a:x n:y a:y", []string{
			"seen all: 4: a4 seen, n3 seen, a2 seen, n1 seen",
			"read all: 4: a4 read, n3 read, a2 read, n1 read",
			"read all: 0: a4 read, n3 read, a2 read, n1 read",
			"seen all: 0: a4 read, n3 read, a2 read, n1 read",
			"unread all: 4: a4 seen, n3 seen, a2 seen, n1 seen",
			"unread all: 0: a4 seen, n3 seen, a2 seen, n1 seen",
			"read all: 4: a4 read, n3 read, a2 read, n1 read",
			"archived all: 4: a4 archived, n3 archived, a2 archived, n1 archived",
			"unread all: 0: a4 archived, n3 archived, a2 archived, n1 archived",
		}},
		{"category", "n:x a:x n:y a:y", []string{
			"read category=x: 2: a4 unseen, n3 unseen, a2 read, n1 read",
			"seen all: 2: a4 seen, n3 seen, a2 read, n1 read",
			"unread category=x: 2: a4 seen, n3 seen, a2 seen, n1 seen",
			"archived category=y: 2: a2 seen, n1 seen, a4 archived, n3 archived",
			"read category=z: 0: a2 seen, n1 seen, a4 archived, n3 archived",
			"read all: 2: a2 read, n1 read, a4 archived, n3 archived",
		}},
		{"ids", "n:x a:x n:y a:y", []string{
			"read n1 a4: 2: a4 read, n3 unseen, a2 unseen, n1 read",
			"seen n1 a2 a4: 1: a4 read, n3 unseen, a2 seen, n1 read",
			"archived a2 n3: 2: a4 read, n1 read, n3 archived, a2 archived",
			"unread a2 n3 a4 n1: 4: a4 seen, n3 seen, a2 seen, n1 seen",
			"unread a2: 0: a4 seen, n3 seen, a2 seen, n1 seen",
		}},
		{"ids under a watermark", "a:x a:x a:x", []string{
			"archived all: 3: a3 archived, a2 archived, a1 archived",
			"unread a2: 1: a2 seen, a3 archived, a1 archived",
			"read all: 1: a2 read, a3 archived, a1 archived",
			"archived all: 1: a3 archived, a2 archived, a1 archived",
		}},
		{"ids over a watermark", "a:x a:x", []string{
			"archived a1: 1: a2 unseen, a1 archived",
			"read category=x: 1: a2 read, a1 archived",
			"unread all: 1: a2 seen, a1 archived",
		}},
		{"until", "n:x a:x n:x a:y", []string{
			"read all until=a2: 2: a4 unseen, n3 unseen, a2 read, n1 read",
			"seen category=x until=a4: 1: a4 unseen, n3 seen, a2 read, n1 read",
			"unread all until=n1: 1: a4 unseen, n3 seen, a2 read, n1 seen",
			"archived category=x until=n3: 3: a4 unseen, n3 archived, a2 archived, n1 archived",
		}},
		{"what is unknown", "n:x", []string{
			"read nothing: 0: n1 unseen",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.arrive("ann")
			ids := w.news("ann", test.news)
			for _, line := range test.story {
				words := strings.SplitN(line, ": ", 3)
				changed := w.mark("ann", markOf(t, w, ids, words[0]))
				if fmt.Sprint(changed) != words[1] {
					t.Errorf("%q has changed %d", words[0], changed)
				}
				w.wantInbox("ann", words[2])
			}
		})
	}
}

// markOf reads a mark of a story.
func markOf(t *testing.T, w *world, ids map[string]string, words string) inbox.Mark {
	t.Helper()
	m := inbox.Mark{}
	for i, word := range strings.Fields(words) {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case i == 0:
			m.State = word
		case word == "all":
			m.All = true
		case name == "category":
			m.Category = value
		case name == "until":
			for _, n := range slices.Concat(w.all("ann", inbox.Query{}), w.all("ann", inbox.Query{State: "archived"})) {
				if n.Title == value {
					m.Until = n.Time
				}
			}
		default:
			m.IDs = append(m.IDs, ids[word]+strings.Repeat("unknown", len(word)/7))
		}
	}
	return m
}

func TestMarksAreOfOnesOwn(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	w.arrive("bob")
	ids := w.news("ann", "n:x a:x")
	pro := w.publish("pro", everybody("plan=pro"), nil)
	e := w.listen("", "ann", "bob")
	if n := w.mark("bob", inbox.Mark{State: "read", IDs: []string{ids["n1"], pro.ID, "unknown"}}); n != 0 {
		t.Errorf("bob has marked %d of what he does not have", n)
	}
	wantEvents(t, e)
	if n := w.mark("bob", inbox.Mark{State: "read", All: true}); n != 1 {
		t.Errorf("bob has marked %d, want the announcement", n)
	}
	w.wantInbox("ann", "a2 unseen, n1 unseen")
	w.wantInbox("bob", "a2 read")
}

func TestMarksAreTold(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	ids := w.news("ann", "n:x a:x")
	now := w.clock.Now()
	e := w.listen("", "ann")
	told := func(m hubbub.NoticeMark) {
		t.Helper()
		wantEvents(t, e, hubbub.NoticesMarked{User: "ann", Mark: m}, hubbub.InboxChanged{User: "ann"})
	}
	w.mark("ann", inbox.Mark{State: "seen", IDs: []string{ids["n1"], ids["n1"]}})
	told(hubbub.NoticeMark{State: hubbub.NoticeSeen, IDs: []string{ids["n1"]}})
	w.mark("ann", inbox.Mark{State: "read", Category: "x"})
	told(hubbub.NoticeMark{State: hubbub.NoticeRead, Category: "x", Until: now})
	w.mark("ann", inbox.Mark{State: "read", All: true})
	wantEvents(t, e)
	w.mark("ann", inbox.Mark{State: "unread", All: true, Until: now.Add(-time.Second)})
	told(hubbub.NoticeMark{State: hubbub.NoticeSeen, Back: true, Until: now.Add(-time.Second)})
}

// TestMarkingAllIncludesWhatIsFromTheFuture is about clocks that were set back, or nodes whose clocks disagree.
func TestMarkingAllIncludesWhatIsFromTheFuture(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	w.news("ann", "n:x a:x n:x")
	w.clock.pass(-time.Hour)
	if n := w.mark("ann", inbox.Mark{State: "read", All: true}); n != 3 {
		t.Errorf("%d have changed, want 3", n)
	}
	w.wantInbox("ann", "n3 read, a2 read, n1 read")
}

func TestMarkingMoreThanOneStep(t *testing.T) {
	w := newWorld(t)
	w.fill(1001, users("ann"))
	var ids []string
	for _, n := range w.all("ann", inbox.Query{Limit: 1000}) {
		ids = append(ids, n.ID)
	}
	if n := w.mark("ann", inbox.Mark{State: "seen", IDs: ids[:1000]}); n != 1000 {
		t.Errorf("%d are seen, want 1000", n)
	}
	if n := w.mark("ann", inbox.Mark{State: "read", All: true}); n != 1001 {
		t.Errorf("%d are read, want 1001", n)
	}
	if c := w.counts("ann"); c.Unread != 0 || c.Categories != nil {
		t.Errorf("the counts are %+v, want none", c)
	}
}

func TestMarksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for words, m := range map[string]inbox.Mark{
		`the state "" is not one of`:       {All: true},
		`the state "unseen" is not one of`: {State: "unseen", All: true},
		"say what to mark":                 {State: "read"},
		"only one of these":                {State: "read", All: true, Category: "x"},
		"the category":                     {State: "read", Category: "a b"},
		"until is for a category or all":   {State: "read", IDs: []string{"x"}, Until: time.Now()},
	} {
		_, _, err := w.Mark(w.ctx, "ann", m)
		wantError(t, err, hubbub.Invalid, words)
	}
	_, _, err := w.Mark(w.ctx, "ann", inbox.Mark{State: "read", IDs: make([]string, 1001)})
	wantError(t, err, hubbub.TooLarge, "1001 ids; at most 1000")
}
