package inbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/inbox"
)

// world is an inbox over a real store and a real bus, with a clock of its own.
type world struct {
	*inbox.Inbox
	t     rapid.TB
	outer testing.TB
	ctx   context.Context
	path  string
	store *sqlite.Store
	bus   *memory.Driver
	clock *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newWorld makes a world whose clock stands still.
func newWorld(t testing.TB) *world {
	c := &clock{now: time.UnixMilli(1_800_000_000_000)}
	w := openWorld(t, c.Now, nil)
	w.clock = c
	return w
}

// openWorld makes a world with any clock. wrap may put something between inbox and store.
func openWorld(t testing.TB, now func() time.Time, wrap func(inbox.Store) inbox.Store) *world {
	t.Helper()
	w := &world{t: t, outer: t, ctx: t.Context(), path: filepath.Join(t.TempDir(), "hubbub.db"), bus: memory.New(memory.Options{})}
	var err error
	if w.store, err = sqlite.Open(w.ctx, sqlite.Options{Path: w.path, Now: now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	var s inbox.Store = w.store
	if wrap != nil {
		s = wrap(s)
	}
	w.Inbox = inbox.New(inbox.Options{Store: s, Bus: w.bus, Now: now})
	return w
}

// exec changes the file behind the store's back.
func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.ctx, query, args...); err != nil {
		w.t.Fatal(err)
	}
}

// arrive has a user sign in, with attributes such as plan=pro.
func (w *world) arrive(user string, attrs ...string) {
	w.t.Helper()
	all := make(map[string]string)
	for _, a := range attrs {
		name, value, _ := strings.Cut(a, "=")
		all[name] = value
	}
	if err := w.store.Arrive(w.ctx, hubbub.Visitor{User: user, Attrs: all}); err != nil {
		w.t.Fatal(err)
	}
}

// join makes a user a member of a room.
func (w *world) join(room, user string) {
	w.t.Helper()
	w.exec(`INSERT INTO members (room, user, role, since) VALUES (?, ?, 'member', 1)`, room, user)
}

// publish publishes a notice with a title, after change.
func (w *world) publish(title string, to hubbub.Recipients, change func(*hubbub.Publication)) inbox.Published {
	w.t.Helper()
	p := hubbub.Publication{Content: hubbub.NoticeContent{Title: title}, To: to}
	if change != nil {
		change(&p)
	}
	out, err := w.Publish(w.ctx, p)
	if err != nil {
		w.t.Fatalf("publish %q: %v", title, err)
	}
	return out
}

func users(names ...string) hubbub.Recipients { return hubbub.Recipients{Users: names} }

// everybody is all who have certain attributes, such as plan=pro.
func everybody(attrs ...string) hubbub.Recipients {
	to := &hubbub.Audiences{}
	for _, a := range attrs {
		if to.Attrs == nil {
			to.Attrs = make(map[string]string)
		}
		name, value, _ := strings.Cut(a, "=")
		to.Attrs[name] = value
	}
	return hubbub.Recipients{Audience: to}
}

func in(category string) func(*hubbub.Publication) {
	return func(p *hubbub.Publication) { p.Content.Category = category }
}

// mark marks and returns how many have changed.
func (w *world) mark(user string, m inbox.Mark) int {
	w.t.Helper()
	n, counts, err := w.Mark(w.ctx, user, m)
	if err != nil {
		w.t.Fatalf("mark %+v: %v", m, err)
	}
	if now := w.counts(user); fmt.Sprint(now) != fmt.Sprint(counts) {
		w.t.Errorf("marking %+v returned the counts %+v; they are %+v", m, counts, now)
	}
	return n
}

func (w *world) counts(user string) hubbub.InboxCounts {
	w.t.Helper()
	c, err := w.Counts(w.ctx, user)
	if err != nil {
		w.t.Fatalf("count: %v", err)
	}
	return c
}

// all pages through a list, some at a time, and returns it.
func (w *world) all(user string, q inbox.Query) (found []hubbub.Notice) {
	w.t.Helper()
	for {
		page, err := w.List(w.ctx, user, q)
		if err != nil {
			w.t.Fatalf("list %+v: %v", q, err)
		}
		found = append(found, page.Notices...)
		if page.Next == "" {
			return found
		}
		if len(page.Notices) == 0 {
			w.t.Fatalf("a page of %+v is empty and not the last", q)
		}
		q.Before = page.Next
	}
}

// show returns what is in an inbox, the newest first, as "title state" separated by commas.
func (w *world) show(user string) string {
	w.t.Helper()
	var lines []string
	for _, n := range slices.Concat(w.all(user, inbox.Query{}), w.all(user, inbox.Query{State: "archived"})) {
		lines = append(lines, n.Title+" "+string(n.State))
	}
	return strings.Join(lines, ", ")
}

// wantInbox fails the test unless show returns what it should, and the counts are those of it.
func (w *world) wantInbox(user, want string) {
	w.t.Helper()
	if got := w.show(user); got != want {
		w.t.Errorf("the inbox of %s is\n\t%s, want\n\t%s", user, got, want)
	}
	w.wantRecount(user)
}

// wantRecount fails the test unless the counts are what counting the list gives.
func (w *world) wantRecount(user string) {
	w.t.Helper()
	want := hubbub.InboxCounts{Categories: make(map[string]hubbub.CategoryCounts)}
	for _, n := range w.all(user, inbox.Query{State: "unread"}) {
		its := want.Categories[n.Category]
		want.Unread++
		its.Unread++
		if n.State == hubbub.NoticeUnseen {
			want.Unseen++
			its.Unseen++
		}
		want.Categories[n.Category] = its
	}
	got := w.counts(user)
	if got.Unread != want.Unread || got.Unseen != want.Unseen || fmt.Sprint(got.Categories) != fmt.Sprint(want.Categories) {
		w.t.Errorf("the counts of %s are %+v, and the list has %+v", user, got, want)
	}
}

// ear hears what is published on some topics.
type ear struct {
	mu    sync.Mutex
	heard []hubbub.Event
}

func (e *ear) Receive(event hubbub.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, event)
}

func (e *ear) Missed() {}

// take returns what was heard since it was called last.
func (e *ear) take() []hubbub.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard := e.heard
	e.heard = nil
	return heard
}

// listen hears what is told to users, or to everybody for "".
func (w *world) listen(names ...string) *ear {
	w.t.Helper()
	e := &ear{}
	for _, name := range names {
		topic := hubbub.Topic{Kind: hubbub.TopicUser, Name: name}
		if name == "" {
			topic = hubbub.Topic{Kind: hubbub.TopicAll}
		}
		off, err := w.bus.Subscribe(w.ctx, topic, e)
		if err != nil {
			w.t.Fatal(err)
		}
		w.outer.Cleanup(off)
	}
	return e
}
