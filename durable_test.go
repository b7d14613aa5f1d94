package hubbub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// house is a hub over a store in a file, with inboxes.
type house struct {
	*hubbub.Hub
	store *sqlite.Store
	box   *inbox.Inbox
}

// lasting are options under which everything lasts.
func lasting() hubbub.Options {
	return hubbub.Options{
		Rooms:   []hubbub.RoomRule{{Match: "*", History: hubbub.HistoryDurable, Rate: hubbub.Rate{PerSecond: -1}}},
		Private: hubbub.PrivateRule{History: hubbub.HistoryDurable, Rate: hubbub.Rate{PerSecond: -1}},
	}
}

// build opens the store of a file and starts a hub over it.
func build(t *testing.T, path string, o hubbub.Options) *house {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	live := memory.New(memory.Options{})
	box := inbox.New(inbox.Options{Store: store, Bus: live})
	o.Driver, o.Store, o.Counts = live, store, box.Counts
	h, err := hubbub.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(context.Background()) })
	return &house{h, store, box}
}

// stop ends a house as a shutdown does.
func (h *house) stop(t *testing.T) {
	t.Helper()
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := h.store.Close(); err != nil {
		t.Error(err)
	}
}

func storeFile(t *testing.T) string { return filepath.Join(t.TempDir(), "hubbub.db") }

// events returns what a client was told so far of one type.
func events[E hubbub.Event](c client) []E {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []E
	for _, e := range c.events {
		if typed, ok := e.(E); ok {
			found = append(found, typed)
		}
	}
	return found
}

// TestARoomOutlivesTheProcess has a room go on where it was, and a client recover what it missed.
func TestARoomOutlivesTheProcess(t *testing.T) {
	path := storeFile(t)
	h := build(t, path, lasting())
	ann := open(t, h.Hub, "ann")
	ann.join(t, "lobby", nil)
	last := ann.say(t, "lobby", "one").Position
	ann.say(t, "lobby", "two")
	h.stop(t)

	h = build(t, path, lasting())
	bob := open(t, h.Hub, "bob")
	got := bob.join(t, "lobby", &last)
	if !got.Recovered || datas(got.Messages) != `["two"]` {
		t.Errorf("since the first message there is %v, recovered %v", datas(got.Messages), got.Recovered)
	}
	if next := bob.say(t, "lobby", "three").Position; next.Epoch != last.Epoch || next.Offset <= last.Offset+1 {
		t.Errorf("the room goes on at %v after %v", next, last)
	}
}

// TestAMessageWaitsForWhoIsOffline has a private message there at the next sign-in, counted as unread, also after a restart.
func TestAMessageWaitsForWhoIsOffline(t *testing.T) {
	path := storeFile(t)
	h := build(t, path, lasting())
	ann := open(t, h.Hub, "ann")
	if _, err := ann.SendUser(t.Context(), "bob", text("are you there?")); err != nil {
		t.Fatal(err)
	}
	h.stop(t)

	h = build(t, path, lasting())
	bob := open(t, h.Hub, "bob")
	page, err := bob.Conversations(t.Context(), "", 0)
	if err != nil || len(page.Conversations) != 1 {
		t.Fatalf("Bob's conversations are %v, %v", page, err)
	}
	c := page.Conversations[0]
	if c.Unread != 1 || string(c.Last.Data) != `"are you there?"` {
		t.Errorf("the conversation is %+v", c)
	}
	if err := bob.MarkRead(t.Context(), c.Stream, c.Last.Position); err != nil {
		t.Fatal(err)
	}
	if page, err = bob.Conversations(t.Context(), "", 0); err != nil || page.Conversations[0].Unread != 0 {
		t.Errorf("after reading: %+v, %v", page, err)
	}
}

// TestManyWhoSendAtOnceAreHeardInOrder has many messages in one commit, and all who listen hear them in the order of their
// positions.
func TestManyWhoSendAtOnceAreHeardInOrder(t *testing.T) {
	const senders, messages = 32, 20
	h := build(t, storeFile(t), lasting())
	listener := open(t, h.Hub, "listener")
	listener.join(t, "lobby", nil)
	var sending sync.WaitGroup
	for i := range senders {
		s := open(t, h.Hub, fmt.Sprint("sender-", i))
		s.join(t, "lobby", nil)
		sending.Go(func() {
			for range messages {
				if _, err := s.SendRoom(t.Context(), "lobby", text("hi")); err != nil {
					t.Error(err)
				}
				if _, err := s.SendUser(t.Context(), "listener", text("psst")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	testkit.Eventually(t, "all messages", func() bool { return len(events[hubbub.Posted](listener)) == 2*senders*messages })
	last := map[hubbub.Stream]uint64{}
	for _, e := range events[hubbub.Posted](listener) {
		if at := e.Message.Position.Offset; at != last[e.Message.Stream]+1 {
			t.Fatalf("offset %d follows %d in %v", at, last[e.Message.Stream], e.Message.Stream)
		}
		last[e.Message.Stream]++
	}
}

// TestSessionsOfADeadProcessEndOnce kills a hub by taking its store away: the next one ends its sessions, with the reason and once.
func TestSessionsOfADeadProcessEndOnce(t *testing.T) {
	path := storeFile(t)
	h := build(t, path, lasting())
	open(t, h.Hub, "ann/phone")
	open(t, h.Hub, "ann/laptop")
	open(t, h.Hub, "bob/phone")
	testkit.Eventually(t, "the beginnings in the store", func() bool {
		lost, err := drivertest.LostTo(t.Context(), h.store, "another node", time.Now())
		return err == nil && len(lost) == 5
	})
	h.store.Close()

	var mu sync.Mutex
	var ends []string
	o, refuse := lasting(), true
	o.OnTransition = func(_ context.Context, tr hubbub.Transition) error {
		mu.Lock()
		defer mu.Unlock()
		if refuse && tr.Kind == hubbub.SessionDisconnected && tr.User == "bob" {
			refuse = false
			return errors.New("not now")
		}
		ends = append(ends, fmt.Sprintf("%s %s %s %s", tr.Kind, tr.User, tr.Session.Device, tr.Why))
		return nil
	}
	h = build(t, path, o)
	want := []string{
		"session.disconnected ann laptop node_lost", "session.disconnected ann phone node_lost", "session.disconnected bob phone node_lost",
		"user.offline ann  ", "user.offline bob  ",
	}
	testkit.Eventually(t, "the ends", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(ends) >= len(want)
	})
	slices.Sort(ends)
	if !slices.Equal(ends, want) {
		t.Errorf("told was %q, want %q", ends, want)
	}
	testkit.Eventually(t, "when Ann was seen last", func() bool {
		seen, err := h.Presences(t.Context(), []string{"ann"})
		return err == nil && !seen[0].Online && !seen[0].LastSeen.IsZero()
	})
	h.stop(t)
	ends = nil
	build(t, path, o).stop(t)
	if len(ends) != 0 {
		t.Errorf("told again was %q", ends)
	}
}

// TestConversationsOfBothKinds pages through streams that are kept in memory and in the store.
func TestConversationsOfBothKinds(t *testing.T) {
	o := lasting()
	o.Rooms = append([]hubbub.RoomRule{{Match: "fleeting-*", Rate: hubbub.Rate{PerSecond: -1}}}, o.Rooms...)
	h := build(t, storeFile(t), o)
	ann := open(t, h.Hub, "ann")
	var want []string
	for i := range 7 {
		room := fmt.Sprintf("room-%d", i)
		if i%3 == 1 {
			room = fmt.Sprintf("fleeting-%d", i)
		}
		ann.join(t, room, nil)
		m := ann.say(t, room, "hi")
		testkit.Eventually(t, "a later millisecond", func() bool { return time.Now().UnixMilli() > m.Time.UnixMilli() })
		want = append(want, room)
	}
	slices.Reverse(want)
	for limit := 1; limit <= 8; limit++ {
		var got []string
		for next := ""; ; {
			page, err := ann.Conversations(t.Context(), next, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Conversations {
				got = append(got, c.Stream.Room)
			}
			if next = page.Next; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v, want %v", limit, got, want)
		}
	}
	for _, bad := range []string{"x", "1:", "99999:a", "0:0:0:", "-1:a", "3:ab"} {
		_, err := ann.Conversations(t.Context(), bad, 1)
		wantReason(t, err, hubbub.Invalid)
	}
}

// TestDurableNeedsAStore refuses what could not be kept.
func TestDurableNeedsAStore(t *testing.T) {
	for name, change := range map[string]func(*hubbub.Options){
		"a room":           func(o *hubbub.Options) { o.Rooms = []hubbub.RoomRule{{Match: "*", History: hubbub.HistoryDurable}} },
		"private messages": func(o *hubbub.Options) { o.Private.History = hubbub.HistoryDurable },
		"none of privacy":  func(o *hubbub.Options) { o.Private.History = hubbub.HistoryNone },
	} {
		o := hubbub.Options{Driver: memory.New(memory.Options{})}
		change(&o)
		if _, err := hubbub.New(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestCountsFollow has all devices of a user show the same, whoever publishes or reads.
func TestCountsFollow(t *testing.T) {
	h := build(t, storeFile(t), lasting())
	phone, laptop, bob := open(t, h.Hub, "ann/phone"), open(t, h.Hub, "ann/laptop"), open(t, h.Hub, "bob")
	counts := func(c client) string {
		all := events[hubbub.InboxCounted](c)
		if len(all) == 0 {
			return ""
		}
		b, err := json.Marshal(all[len(all)-1].Counts)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	shows := func(want string, clients ...client) {
		t.Helper()
		for _, c := range clients {
			testkit.Eventually(t, want, func() bool { return counts(c) == want })
		}
	}
	content := func(title string) hubbub.NoticeContent { return hubbub.NoticeContent{Category: "orders", Title: title} }
	first, err := h.box.Publish(t.Context(), hubbub.Publication{Content: content("shipped"), To: hubbub.Recipients{Users: []string{"ann"}}})
	if err != nil {
		t.Fatal(err)
	}
	one := `{"unread":1,"unseen":1,"categories":{"orders":{"unread":1,"unseen":1}}}`
	shows(one, phone, laptop)
	if _, err := h.box.Publish(t.Context(), hubbub.Publication{Content: content("all"), To: hubbub.Recipients{Audience: &hubbub.Audiences{}}}); err != nil {
		t.Fatal(err)
	}
	shows(`{"unread":2,"unseen":2,"categories":{"orders":{"unread":2,"unseen":2}}}`, phone, laptop)
	shows(one, bob)
	if _, _, err := h.box.Mark(t.Context(), "ann", inbox.Mark{State: "read", IDs: []string{first.ID}}); err != nil {
		t.Fatal(err)
	}
	shows(one, phone, laptop)
	if got := len(events[hubbub.Noticed](phone)); got != 2 {
		t.Errorf("the phone was told %d notices", got)
	}
	if late, ok := open(t, h.Hub, "ann/tv").Counts(); !ok || late.Unread != 1 {
		t.Errorf("a device that comes later begins with %+v", late)
	}
	if late, ok := open(t, h.Hub, "cid").Counts(); !ok || late.Unread != 0 {
		t.Errorf("a user who comes later begins with %+v", late)
	}
}

// TestAnnouncementsForAttributes tells only those whose last sign-in had the attribute, and counts so.
func TestAnnouncementsForAttributes(t *testing.T) {
	h := build(t, storeFile(t), lasting())
	with := func(user, plan string) client {
		c, err := arrive(t.Context(), h.Hub, hubbub.Identity{User: user, Attrs: map[string]string{"plan": plan}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	pro, free, was := with("ann", "pro"), with("bob", "free"), with("cid", "pro")
	with("cid", "free") // signs in again: this is what counts
	to := hubbub.Recipients{Audience: &hubbub.Audiences{Attrs: map[string]string{"plan": "pro"}}}
	if _, err := h.box.Publish(t.Context(), hubbub.Publication{Content: hubbub.NoticeContent{Title: "for pros"}, To: to}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "Ann's dot", func() bool { return len(events[hubbub.InboxCounted](pro)) == 1 })
	for _, c := range []client{free, was} {
		if told := events[hubbub.Noticed](c); len(told) != 0 {
			t.Errorf("%s was told %v", c.Identity().User, told)
		}
		if counts, err := h.box.Counts(t.Context(), c.Identity().User); err != nil || counts.Unread != 0 {
			t.Errorf("%s has %+v, %v", c.Identity().User, counts, err)
		}
	}
}
