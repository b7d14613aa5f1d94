package inbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// wantEvents fails the test unless these were heard, in this order.
func wantEvents(t *testing.T, e *ear, want ...hubbub.Event) {
	t.Helper()
	got := e.take()
	if len(got) == 0 && len(want) == 0 || reflect.DeepEqual(got, want) {
		return
	}
	t.Errorf("heard\n\t%+v, want\n\t%+v", got, want)
}

func TestNoticesReachTheirUsers(t *testing.T) {
	w := newWorld(t)
	e := w.listen("", "ann", "bob", "cay")
	content := hubbub.NoticeContent{Category: "orders", Title: "Sent", Body: "<b>on its way</b>", Link: "/orders/7",
		Actions: []hubbub.NoticeAction{{Label: "Track", Data: json.RawMessage(`{"id":7}`)}}, Data: json.RawMessage(`[7]`)}
	out, err := w.Publish(w.ctx, hubbub.Publication{Content: content, Collapse: "order 7", To: users("bob", "ann", "bob")})
	if err != nil {
		t.Fatal(err)
	}
	now := w.clock.Now()
	want := hubbub.Notice{ID: out.ID, NoticeContent: content, Collapse: "order 7", State: hubbub.NoticeUnseen, Time: now, Expires: now.Add(90 * 24 * time.Hour)}
	if out != (inbox.Published{ID: out.ID, Time: now, Recipients: 2}) {
		t.Errorf("published is %+v", out)
	}
	wantEvents(t, e, hubbub.Noticed{User: "ann", Notice: want}, hubbub.Noticed{User: "bob", Notice: want})
	for _, user := range []string{"ann", "bob"} {
		if got := w.all(user, inbox.Query{}); !reflect.DeepEqual(got, []hubbub.Notice{want}) {
			t.Errorf("%s has %+v, want %+v", user, got, want)
		}
		if got := w.counts(user); got.Unread != 1 || got.Unseen != 1 || got.Categories["orders"] != (hubbub.CategoryCounts{Unread: 1, Unseen: 1}) {
			t.Errorf("%s has the counts %+v", user, got)
		}
	}
	w.wantInbox("cay", "")
}

func TestNoticesReachMembersOfRooms(t *testing.T) {
	w := newWorld(t)
	w.join("lobby", "ann")
	w.join("lobby", "bob")
	if out := w.publish("hi", hubbub.Recipients{Room: "lobby"}, nil); out.Recipients != 2 {
		t.Errorf("published is %+v, want 2 recipients", out)
	}
	w.wantInbox("ann", "hi unseen")
	w.wantInbox("bob", "hi unseen")
	w.wantInbox("cay", "")
}

func TestNoticesReachTenThousand(t *testing.T) {
	w := newWorld(t)
	all := make([]string, 10_000)
	for i := range all {
		all[i] = fmt.Sprintf("user%05d", i)
	}
	e := w.listen(all...)
	if out := w.publish("hi", users(all...), nil); out.Recipients != len(all) {
		t.Errorf("published is %+v, want %d recipients", out, len(all))
	}
	told := make(map[string]int)
	for _, event := range e.take() {
		told[event.(hubbub.Noticed).User]++
	}
	for _, user := range all {
		if told[user] != 1 {
			t.Fatalf("%s was told %d times", user, told[user])
		}
	}
	w.wantInbox(all[0], "hi unseen")
	w.wantInbox(all[9999], "hi unseen")
}

func TestKeysMakePublishingIdempotent(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	e := w.listen("", "ann")
	for _, to := range []hubbub.Recipients{users("ann"), everybody()} {
		once := func(p *hubbub.Publication) { p.Key, p.Author = fmt.Sprint("key", to.Audience == nil), "shop" }
		first := w.publish("hi", to, once)
		w.clock.pass(time.Second)
		second := w.publish("hi", to, once)
		if first.Repeated || !second.Repeated || second.ID != first.ID || !second.Time.Equal(first.Time) || second.Recipients != first.Recipients {
			t.Errorf("published %+v, and again %+v", first, second)
		}
		if heard := e.take(); len(heard) != 1 {
			t.Errorf("heard %+v, want one event", heard)
		}
		p := hubbub.Publication{Content: hubbub.NoticeContent{Title: "ho"}, To: to}
		once(&p)
		_, err := w.Publish(w.ctx, p)
		wantError(t, err, hubbub.Conflict, "key")
		w.clock.pass(time.Second)
		p.Author = "bank"
		if _, err := w.Publish(w.ctx, p); err != nil {
			t.Errorf("another author cannot use the key: %v", err)
		}
		e.take()
		w.clock.pass(time.Second)
	}
	w.wantInbox("ann", "ho unseen, hi unseen, ho unseen, hi unseen")
}

func TestNewerNoticesTakeThePlaceOfOlderOnes(t *testing.T) {
	w := newWorld(t)
	collapse := func(p *hubbub.Publication) { p.Collapse = "order 7" }
	w.publish("packed", users("ann"), collapse)
	w.clock.pass(time.Second)
	w.publish("sent", users("ann"), collapse)
	w.wantInbox("ann", "sent unseen")
}

func TestAnnouncementsReachTheirAudience(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann", "plan=pro", "lang=de")
	w.arrive("bob", "plan=free")
	w.arrive("cay")
	e := w.listen("", "ann")
	out := w.publish("all", everybody(), nil)
	now := w.clock.Now()
	notice := hubbub.Notice{ID: out.ID, NoticeContent: hubbub.NoticeContent{Category: "general", Title: "all"}, State: hubbub.NoticeUnseen, Time: now,
		Expires: now.Add(90 * 24 * time.Hour), Announcement: true}
	wantEvents(t, e, hubbub.Announced{Notice: notice, Revision: 1})
	if got := w.all("ann", inbox.Query{}); !reflect.DeepEqual(got, []hubbub.Notice{notice}) {
		t.Errorf("ann has %+v, want %+v", got, notice)
	}
	w.clock.pass(time.Second)
	w.publish("pro", everybody("plan=pro"), nil)
	w.clock.pass(time.Second)
	w.publish("german pro", everybody("plan=pro", "lang=de"), nil)
	w.clock.pass(time.Second)
	w.publish("english", everybody("lang=en"), nil)
	w.wantInbox("ann", "german pro unseen, pro unseen, all unseen")
	w.wantInbox("bob", "all unseen")
	w.wantInbox("cay", "all unseen")

	w.arrive("bob", "plan=pro")
	w.wantInbox("bob", "pro unseen, all unseen")
	if all, err := w.Announcements(w.ctx); err != nil || len(all) != 4 || all[0].Publication.ID != out.ID {
		t.Errorf("the announcements are %+v (%v)", all, err)
	}
}

func TestNewcomersGetWhatIsPublishedLater(t *testing.T) {
	w := newWorld(t)
	w.publish("before", everybody(), nil)
	w.clock.pass(time.Second)
	w.publish("for new ones", everybody(), func(p *hubbub.Publication) { p.To.Audience.Newcomers = true })
	w.arrive("ann")
	w.wantInbox("ann", "for new ones unseen")
	w.clock.pass(time.Second)
	w.publish("after", everybody(), nil)
	w.wantInbox("ann", "after unseen, for new ones unseen")
	w.arrive("ann")
	w.wantInbox("ann", "after unseen, for new ones unseen")
}

func TestNewerAnnouncementsTakeThePlaceOfOlderOnes(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	collapse := func(p *hubbub.Publication) { p.Collapse = "outage" }
	old := w.publish("down", everybody(), collapse)
	w.mark("ann", inbox.Mark{State: "read", All: true})
	w.clock.pass(time.Second)
	e := w.listen("")
	w.publish("up", everybody(), collapse)
	heard := e.take()
	if len(heard) != 3 || heard[0] != hubbub.Event(hubbub.NoticeRemoved{ID: old.ID}) || heard[2] != hubbub.Event(hubbub.InboxChanged{}) {
		t.Fatalf("heard %+v, want that %s is removed, the announcement, and that counts have changed", heard, old.ID)
	}
	if told := heard[1].(hubbub.Announced); told.Revision != w.counts("ann").Revision {
		t.Errorf("told the revision %d, counted %d", told.Revision, w.counts("ann").Revision)
	}
	w.wantInbox("ann", "up unseen")
}

func TestWithdrawing(t *testing.T) {
	w := newWorld(t)
	w.arrive("ann")
	w.arrive("bob")
	e := w.listen("", "ann", "bob")
	notice := w.publish("notice", users("ann", "bob"), nil)
	announcement := w.publish("announcement", everybody(), nil)
	scheduled := w.publish("later", users("ann"), func(p *hubbub.Publication) { p.Time = w.clock.Now().Add(time.Minute) })
	e.take()
	for _, id := range []string{notice.ID, announcement.ID, scheduled.ID} {
		if err := w.Withdraw(w.ctx, id); err != nil {
			t.Fatal(err)
		}
		err := w.Withdraw(w.ctx, id)
		wantError(t, err, hubbub.NotFound, id)
	}
	wantEvents(t, e,
		hubbub.NoticeRemoved{User: "ann", ID: notice.ID}, hubbub.InboxChanged{User: "ann"},
		hubbub.NoticeRemoved{User: "bob", ID: notice.ID}, hubbub.InboxChanged{User: "bob"},
		hubbub.NoticeRemoved{ID: announcement.ID}, hubbub.InboxChanged{})
	w.wantInbox("ann", "")
	w.wantInbox("bob", "")
	if all, err := w.Announcements(w.ctx); err != nil || len(all) != 0 {
		t.Errorf("there still are %+v (%v)", all, err)
	}
}

func TestBadUsersHaveNoInbox(t *testing.T) {
	w := newWorld(t)
	_, err := w.Counts(w.ctx, "a b")
	wantError(t, err, hubbub.Invalid, "the user")
	_, err = w.List(w.ctx, "", inbox.Query{})
	wantError(t, err, hubbub.Invalid, "the user")
	_, _, err = w.Mark(w.ctx, "a b", inbox.Mark{State: "read", All: true})
	wantError(t, err, hubbub.Invalid, "the user")
}

func TestErrorsOfTheStoreAreReturned(t *testing.T) {
	w := newWorld(t)
	gone := w.Inbox
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := gone.Publish(w.ctx, hubbub.Publication{Content: hubbub.NoticeContent{Title: "hi"}, To: users("ann")})
	for _, err := range []error{err, gone.Withdraw(w.ctx, "x")} {
		var e *hubbub.Error
		if !errors.As(err, &e) || e.Reason != hubbub.Unavailable {
			t.Errorf("the error is %v, want one that is Unavailable", err)
		}
	}
}
