package drivertest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// RunNotices tests what a store does with notices and inboxes. store returns a new store that knows nothing of the others and
// lives by the clock. It is called for each test, and cleans up after itself with t.Cleanup.
func RunNotices(t *testing.T, store func(t *testing.T, clock *Clock) Inboxes) {
	rig := func(tb *testing.T, clock *Clock) *desk { return &desk{base: base{tb, clock}, store: store(tb, clock)} }
	run(t, rig, publishingTests(), deliveryTests(), collapseTests(), removalTests(), listTests(), markTests(),
		announcementTests(), announcementMarkTests(), crowdTests())
	t.Run("model of inboxes", func(t *testing.T) { modelInboxes(t, store) })
}

// Inboxes is the part of a store that keeps notices, and what they depend on.
type Inboxes interface {
	hubbub.Notices
	hubbub.Inboxes
	hubbub.Members
	hubbub.Journal
}

// desk is a store under test, from which notices are published.
type desk struct {
	base
	store Inboxes
	made  int      // publications, for their ids
	ended []string // announcements, by the last withdraw or expire
}

// about makes a publication for users, which is due now.
func (d *desk) about(category string, users ...string) hubbub.Publication {
	d.made++
	return hubbub.Publication{
		ID: fmt.Sprintf("p%05d", d.made), Content: hubbub.NoticeContent{Category: category, Title: fmt.Sprint("notice ", d.made)},
		To: hubbub.Recipients{Users: users}, Author: "shop", Time: d.clock.Now(),
	}
}

// toAll makes an announcement, which is due now.
func (d *desk) toAll(category string) hubbub.Publication {
	p := d.about(category)
	p.To.Audience = &hubbub.Audiences{}
	return p
}

func (d *desk) publish(p hubbub.Publication) hubbub.Step {
	d.Helper()
	step, err := d.store.Publish(d.Context(), p)
	d.must(err)
	return step
}

// send publishes a notice a millisecond after the last one, and returns its id.
func (d *desk) send(category string, users ...string) string {
	d.Helper()
	d.clock.Advance(time.Millisecond)
	return d.publish(d.about(category, users...)).Publication.ID
}

func (d *desk) due() []string {
	d.Helper()
	ids, err := d.store.Due(d.Context(), 1000)
	d.must(err)
	return ids
}

func (d *desk) deliver(id string) hubbub.Step {
	d.Helper()
	step, err := d.store.Deliver(d.Context(), id)
	d.must(err)
	return step
}

// deliverAll delivers all that is due, and returns the steps.
func (d *desk) deliverAll() (steps []hubbub.Step) {
	d.Helper()
	for ids := d.due(); len(ids) > 0; ids = d.due() {
		for _, id := range ids {
			steps = append(steps, d.deliver(id))
		}
		if len(steps) > 10_000 {
			d.Fatalf("the delivery of %v has no end", ids)
		}
	}
	return steps
}

// expire removes all that is past its time, in steps, and returns who has lost notices, and the last revision.
func (d *desk) expire(limit int) (users []string, revision uint64) {
	d.Helper()
	d.ended = nil
	for range 10_000 {
		gone, err := d.store.Expire(d.Context(), limit)
		d.must(err)
		d.end(gone)
		users, revision = append(users, gone.Users...), max(revision, gone.Revision)
		if !gone.More {
			slices.Sort(users)
			return slices.Compact(users), revision
		}
	}
	d.Fatalf("expiring has no end")
	return nil, 0
}

// end takes down which announcements were removed.
func (d *desk) end(gone hubbub.Removed) {
	d.Helper()
	if d.ended = append(d.ended, gone.Announcements...); (gone.Revision != 0) != (len(gone.Announcements) > 0) {
		d.Fatalf("the announcements %v are removed with the revision %d", gone.Announcements, gone.Revision)
	}
}

// withdraw withdraws in steps and returns who has lost notices, and the revision.
func (d *desk) withdraw(id string) (users []string, revision uint64) {
	d.Helper()
	d.ended = nil
	for range 1000 {
		gone, err := d.store.Withdraw(d.Context(), id)
		d.must(err)
		d.end(gone)
		if len(gone.Users) > hubbub.DeliveryStep {
			d.Fatalf("a step withdraws from %d inboxes", len(gone.Users))
		}
		users, revision = append(users, gone.Users...), max(revision, gone.Revision)
		if !gone.More {
			slices.Sort(users)
			return users, revision
		}
	}
	d.Fatalf("withdrawing has no end")
	return nil, 0
}

// list lists all notices of a user but the archived ones.
func (d *desk) list(user string) []hubbub.Notice {
	d.Helper()
	return listAll(d, d.store, user, hubbub.NoticeQuery{Limit: 100})
}

// has fails the test unless a user's list has these notices, as "id state", the newest first, and the counts are right.
func (d *desk) has(user string, want ...string) {
	d.Helper()
	var got []string
	for _, n := range recount(d, d.store, user) {
		got = append(got, n.ID+" "+string(n.State))
	}
	if !slices.Equal(got, want) {
		d.Fatalf("%s has %q, want %q", user, got, want)
	}
}

func (d *desk) inbox(user string) hubbub.InboxState {
	d.Helper()
	box, err := d.store.Inbox(d.Context(), user)
	d.must(err)
	return box
}

func newestFirst(a, b hubbub.Notice) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
}

func idsOf(notices []hubbub.Notice) []string {
	ids := make([]string, len(notices))
	for i, n := range notices {
		ids[i] = n.ID
	}
	return ids
}

// sameNotice fails the test unless a notice says what was published.
func (d *desk) sameNotice(n hubbub.Notice, p hubbub.Publication, state hubbub.NoticeState) {
	d.Helper()
	if n.ID != p.ID || !n.Time.Equal(p.Time) || !n.Expires.Equal(p.Expires) || n.Expires.IsZero() != p.Expires.IsZero() ||
		n.Collapse != p.Collapse || n.State != state || n.Announcement || !reflect.DeepEqual(n.NoticeContent, p.Content) {
		d.Fatalf("the notice is %+v, but %+v was published, and %s", n, p, state)
	}
}

// samePublication compares all but the recipients, Key and Author.
func (d *desk) samePublication(got, want hubbub.Publication) {
	d.Helper()
	if got.ID != want.ID || !got.Time.Equal(want.Time) || !got.Expires.Equal(want.Expires) || got.Collapse != want.Collapse ||
		!reflect.DeepEqual(got.Content, want.Content) || !reflect.DeepEqual(got.To.Audience, want.To.Audience) || got.To.Room != want.To.Room {
		d.Fatalf("the publication is %+v, want %+v", got, want)
	}
}

// fullContent uses all that a notice may say.
func fullContent() hubbub.NoticeContent {
	return hubbub.NoticeContent{
		Category: "orders", Title: "Grüße <b>&\u2028</b> 🎉", Body: "two\nlines", Link: "/orders/1?x=y&z",
		Actions: []hubbub.NoticeAction{{Label: "Open", Link: "https://example.org/"}, {Label: "Do", Data: json.RawMessage(`{"a":[1,null]}`)}},
		Data:    json.RawMessage(`{"n":1.50,"s":"\u0000"}`),
	}
}
