package client_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/inbox"
)

// withStore is a gateway in memory that keeps what must last.
func withStore(t *testing.T, h hubbub.Options, test func(*testing.T, bubble)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hubbub.db")
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		h.Store = store
		runBubble(t, h, test)
	})
}

// inboxHandlers write what they are told.
func (j *journal) inboxHandlers() client.Handlers {
	return client.Handlers{
		Notice:  func(n client.Notice) { j.add("notice " + n.Title) },
		Counts:  func(c hubbub.InboxCounts) { j.add(fmt.Sprintf("counts %d/%d", c.Unread, c.Unseen)) },
		Marked:  func(m client.InboxMark) { j.add(fmt.Sprint("marked ", m.State, len(m.IDs), m.Category, m.All)) },
		Removed: func(id string) { j.add("removed " + id) },
		Member:  func(m client.MemberChange) { j.add(fmt.Sprintf("member %s %s %s by %s", m.Room, m.User, m.Role, m.By)) },
	}
}

// told waits until all is quiet, in the bubble's time, and expects what handlers were told.
func (j *journal) told(t *testing.T, want string) {
	t.Helper()
	time.Sleep(time.Second)
	synctest.Wait()
	j.expect(t, want)
}

func TestInbox(t *testing.T) {
	withStore(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		var j, other journal
		o, l := b.lined("ann")
		o.Handlers = j.inboxHandlers()
		ann := dial(t, o)
		o2 := b.options("ann")
		o2.Handlers = other.inboxHandlers()
		dial(t, o2)
		if box := ann.Session().Inbox; box == nil || box.Unread != 0 {
			t.Errorf("the session begins with %+v", box)
		}
		j.told(t, "counts 0/0")
		other.told(t, "counts 0/0")

		api, ctx := b.api(t), t.Context()
		first := must[client.PublishedNotice](t)(api.PublishNotice(ctx, client.NewNotice{
			To: client.NoticeFor{Users: []string{"ann", "bob"}}, Key: "k",
			NoticeContent: hubbub.NoticeContent{Category: "orders", Title: "Shipped", Link: "/orders/17", Data: []byte(`{"a":1}`),
				Actions: []hubbub.NoticeAction{{Label: "Track", Link: "/track"}}},
		}))
		if first.ID == "" || first.Recipients != 2 || first.Scheduled || first.Repeated || !first.Time.Equal(time.Now().Truncate(time.Millisecond)) {
			t.Errorf("publishing answers %+v", first)
		}
		j.told(t, "notice Shipped counts 1/1")
		page := must[client.InboxPage](t)(ann.Inbox(ctx, client.InboxQuery{State: "unseen", Category: "orders", Limit: 1}))
		if n := page.Notices[0]; len(page.Notices) != 1 || n.ID != first.ID || n.Link != "/orders/17" || string(n.Data) != `{"a":1}` ||
			n.Actions[0].Label != "Track" || n.State != hubbub.NoticeUnseen || n.Time != first.Time || n.Expires.IsZero() || n.Announcement {
			t.Errorf("the inbox has %+v", page)
		}
		done := must[client.Marked](t)(ann.MarkInbox(ctx, client.InboxMark{State: client.MarkSeen, IDs: []string{first.ID}}))
		if done.Changed != 1 || done.Counts.Unread != 1 || done.Counts.Unseen != 0 || done.Counts.Categories["orders"].Unread != 1 {
			t.Errorf("marking answers %+v", done)
		}
		other.told(t, "notice Shipped counts 1/1 marked seen1false counts 1/0")
		j.told(t, "marked seen1false counts 1/0")

		b.away(l, func() { // the API, too
			must[inbox.Published](t)(b.inbox.Publish(ctx, hubbub.Publication{To: hubbub.Recipients{Audience: &hubbub.Audiences{}},
				Content: hubbub.NoticeContent{Title: "News"}, Expires: time.Now().Add(time.Hour)}))
		})
		j.told(t, "counts 2/1")
		if c := must[hubbub.InboxCounts](t)(ann.InboxCounts(ctx)); c.Unread != 2 || c.Categories["general"].Unseen != 1 {
			t.Errorf("the counts are %+v", c)
		}
		if _, err := ann.MarkInbox(ctx, client.InboxMark{State: client.MarkRead, All: true, Until: first.Time}); err != nil {
			t.Error(err)
		}
		j.told(t, "marked read0true counts 1/1")
		if err := api.WithdrawNotice(ctx, first.ID); err != nil {
			t.Error(err)
		}
		j.told(t, "removed "+first.ID)
		if err := api.WithdrawNotice(ctx, first.ID); reasonOf(err) != hubbub.NotFound {
			t.Errorf("withdrawing twice gives %v", err)
		}
		if _, err := ann.MarkInbox(ctx, client.InboxMark{State: client.MarkRead}); reasonOf(err) != hubbub.Invalid {
			t.Errorf("marking nothing gives %v", err)
		}
	})
}

func TestInboxOfTheAPI(t *testing.T) {
	withStore(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		api, ctx := b.api(t), t.Context()
		o := b.options("ann")
		dial(t, o)
		publish := func(n client.NewNotice) client.PublishedNotice {
			t.Helper()
			return must[client.PublishedNotice](t)(api.PublishNotice(ctx, n))
		}
		later := client.NewNotice{To: client.NoticeFor{Users: []string{"ann"}}, At: time.Now().Add(time.Hour), Key: "later",
			NoticeContent: hubbub.NoticeContent{Title: "later"}}
		scheduled, again := publish(later), publish(later)
		if !scheduled.Scheduled || !scheduled.Time.Equal(later.At.Truncate(time.Millisecond)) || !again.Repeated || again.ID != scheduled.ID {
			t.Errorf("scheduling answers %+v, then %+v", scheduled, again)
		}
		for i := range 3 {
			publish(client.NewNotice{To: client.NoticeFor{Users: []string{"ann"}}, NoticeContent: hubbub.NoticeContent{Title: fmt.Sprint(i)}})
		}
		publish(client.NewNotice{To: client.NoticeFor{All: true, Attrs: map[string]string{"plan": "pro"}, Newcomers: true}, Collapse: "c",
			NoticeContent: hubbub.NoticeContent{Title: "pro"}})
		all := must[[]client.Announcement](t)(api.Announcements(ctx))
		if len(all) != 1 || all[0].Title != "pro" || all[0].Attrs["plan"] != "pro" || !all[0].Newcomers || all[0].Collapse != "c" {
			t.Errorf("the announcements are %+v", all)
		}
		page := must[client.InboxPage](t)(api.InboxOf(ctx, "ann", client.InboxQuery{Category: "general", State: "unread", Limit: 2}))
		rest := must[client.InboxPage](t)(api.InboxOf(ctx, "ann", client.InboxQuery{Before: page.Next}))
		if len(page.Notices) != 2 || len(rest.Notices) != 1 || rest.Next != "" {
			t.Errorf("the pages are %+v and %+v", page, rest)
		}
		done := must[client.Marked](t)(api.MarkOf(ctx, "ann", client.InboxMark{State: client.MarkArchived, Category: "general"}))
		if done.Changed != 3 || done.Counts.Unread != 0 {
			t.Errorf("marking answers %+v", done)
		}
		if c := must[hubbub.InboxCounts](t)(api.CountsOf(ctx, "ann")); c.Unread != 0 || len(c.Categories) != 0 {
			t.Errorf("the counts are %+v", c)
		}
		if _, err := api.PublishNotice(ctx, client.NewNotice{To: client.NoticeFor{Users: []string{"ann"}},
			NoticeContent: hubbub.NoticeContent{Title: "x", Link: "javascript:alert(1)"}}); reasonOf(err) != hubbub.Invalid {
			t.Errorf("a link that is a script gives %v", err)
		}
	})
}

func TestMembers(t *testing.T) {
	rules := []hubbub.RoomRule{{Match: "team", Join: hubbub.AccessMember}, {Match: "*", Create: true}}
	withStore(t, hubbub.Options{Rooms: rules}, func(t *testing.T, b bubble) {
		api, ctx := b.api(t), t.Context()
		var j journal
		o := b.options("ann")
		o.Handlers.Member = j.inboxHandlers().Member
		ann, bob := dial(t, o), dial(t, b.options("bob"))
		if before, err := api.SetMember(ctx, "team", "bob", hubbub.RoleOwner); before != "" || err != nil {
			t.Errorf("the first member gives %q, %v", before, err)
		}
		if err := bob.AddMember(ctx, "team", "ann", ""); err != nil {
			t.Error(err)
		}
		j.told(t, "member team ann member by bob")
		page := must[client.MemberPage](t)(ann.Members(ctx, "team", "", 1))
		if len(page.Members) != 1 || page.Members[0].User != "ann" || page.Members[0].Role != hubbub.RoleMember || page.Members[0].Since.IsZero() ||
			page.Total != 2 || page.Next == "" {
			t.Errorf("the members are %+v", page)
		}
		if page := must[client.MemberPage](t)(api.Members(ctx, "team", page.Next, 0)); len(page.Members) != 1 || page.Members[0].Role != hubbub.RoleOwner {
			t.Errorf("the second page is %+v", page)
		}
		h := j.room()
		h.Member = func(m client.MemberChange) { j.add("in the room: " + m.User + " " + string(m.Role)) }
		team := must[*client.Room](t)(ann.Join(ctx, "team", h))
		if before, err := api.SetMember(ctx, "team", "cid", hubbub.RoleAdmin); before != "" || err != nil {
			t.Errorf("another member gives %q, %v", before, err)
		}
		j.told(t, "in the room: cid admin")
		rooms := must[client.MembershipPage](t)(api.Memberships(ctx, "ann", "", 0)).Rooms
		if len(rooms) != 1 || rooms[0].Room != "team" || rooms[0].Role != hubbub.RoleMember || rooms[0].Since.IsZero() {
			t.Errorf("ann is a member of %+v", rooms)
		}

		if before, err := api.RemoveMember(ctx, "team", "ann"); before != hubbub.RoleMember || err != nil {
			t.Errorf("removing ann gives %q, %v", before, err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := j.take(); !strings.HasPrefix(got, "in the room: ann  ended: ") {
			t.Errorf("after ann was removed the handlers were told %q", got)
		}
		if _, err := team.Send(ctx, 1, client.SendOptions{}); err == nil {
			t.Error("who was removed may still send")
		}
		if err := ann.RemoveMember(ctx, "team", "bob"); reasonOf(err) != hubbub.Forbidden {
			t.Errorf("a stranger removes a member with %v", err)
		}

		// In a room that is open to all, who is removed stays in it.
		if err := ann.AddMember(ctx, "open", "ann", ""); err != nil {
			t.Error(err)
		}
		open := must[*client.Room](t)(ann.Join(ctx, "open", j.room()))
		b.send(open.Stream, 1)
		j.told(t, "member open ann owner by ann 1")
		if err := ann.RemoveMember(ctx, "open", "ann"); err != nil {
			t.Error(err)
		}
		b.send(open.Stream, 2)
		j.told(t, "member open ann  by ann 2")
	})
}
