package hubbub_test

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// door is a driver that does something before it opens a session.
type door struct {
	*memory.Driver
	before func()
}

func (d *door) Open(ctx context.Context, s hubbub.SessionRecord, l hubbub.DeviceLimit) (hubbub.Opened, error) {
	d.before()
	return d.Driver.Open(ctx, s, l)
}

// boxes starts a hub with inboxes. counts may change how they are read, and before is called when a session is about to open.
func boxes(t *testing.T, counts func(hubbub.InboxCounts, string) hubbub.InboxCounts, before func()) *house {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: storeFile(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	live := memory.New(memory.Options{})
	box := inbox.New(inbox.Options{Store: store, Bus: live})
	o := lasting()
	o.Driver, o.Store = &door{live, before}, store
	o.Counts = func(ctx context.Context, user string) (hubbub.InboxCounts, error) {
		c, err := box.Counts(ctx, user)
		if err == nil {
			c = counts(c, user)
		}
		return c, err
	}
	return &house{start(t, o), store, box}
}

func asTheyAre(c hubbub.InboxCounts, _ string) hubbub.InboxCounts { return c }

func pro(name string) hubbub.Identity {
	id := as(name)
	id.Attrs = map[string]string{"plan": "pro"}
	return id
}

// shown is the red dot that a client shows: what it was told last, or found when it came.
func shown(c client, welcome hubbub.InboxCounts) hubbub.InboxCounts {
	if all := events[hubbub.InboxCounted](c); len(all) > 0 {
		return *all[len(all)-1].Counts
	}
	return welcome
}

func same(a, b hubbub.InboxCounts) bool {
	return a.Unread == b.Unread && a.Unseen == b.Unseen && (len(a.Categories) == 0 && len(b.Categories) == 0 ||
		reflect.DeepEqual(a.Categories, b.Categories))
}

// enter opens a session and returns the counts of its welcome.
func enter(t *testing.T, h *hubbub.Hub, id hubbub.Identity) (c client, welcome hubbub.InboxCounts) {
	t.Helper()
	l := &line{}
	s, err := h.Open(t.Context(), hubbub.Arrival{Identity: id, Conn: l, Transport: wire{}, Welcome: func(s *hubbub.Session) {
		welcome, _ = s.Counts()
	}})
	if err != nil {
		t.Fatal(err)
	}
	return client{s, l}, welcome
}

func (h *house) send(t *testing.T, p hubbub.Publication) {
	t.Helper()
	p.Content.Title = "news"
	if _, err := h.box.Publish(context.Background(), p); err != nil {
		t.Error(err)
	}
}

func wantShown(t *testing.T, h *house, c client, welcome hubbub.InboxCounts, unread int) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%d unread notices are shown", unread), func() bool {
		return shown(c, welcome).Unread == unread
	})
	if now, err := h.box.Counts(t.Context(), c.Identity().User); err != nil || !same(now, shown(c, welcome)) {
		t.Errorf("the counts are %+v, %v; shown are %+v", now, err, shown(c, welcome))
	}
}

// TestAnAnnouncementWhileSomebodyComes is for those with an attribute that the hub does not know of yet.
func TestAnAnnouncementWhileSomebodyComes(t *testing.T) {
	var h *house
	h = boxes(t, asTheyAre, func() {
		h.send(t, hubbub.Publication{To: hubbub.Recipients{Audience: &hubbub.Audiences{Attrs: map[string]string{"plan": "pro"}}}})
	})
	c, welcome := enter(t, h.Hub, pro("ann"))
	wantShown(t, h, c, welcome, 1)
}

// TestCountsFollowTheAttributes has the only session of a user get others.
func TestCountsFollowTheAttributes(t *testing.T) {
	h := boxes(t, asTheyAre, func() {})
	c, welcome := enter(t, h.Hub, as("ann"))
	h.send(t, hubbub.Publication{To: hubbub.Recipients{Audience: &hubbub.Audiences{Attrs: map[string]string{"plan": "pro"}}}})
	if _, err := c.Refresh(t.Context(), pro("ann")); err != nil {
		t.Fatal(err)
	}
	wantShown(t, h, c, welcome, 1)
}

// TestCountsThatWereReadEarlierAreDropped has a notice come while the counts for the welcome are being read: they are read again for
// it, and that is done first.
func TestCountsThatWereReadEarlierAreDropped(t *testing.T) {
	var h *house
	var ofAnn sync.Mutex
	asked := 0
	again, bob := make(chan struct{}), make(chan struct{}, 10)
	h = boxes(t, func(c hubbub.InboxCounts, user string) hubbub.InboxCounts {
		if user == "bob" {
			bob <- struct{}{}
			return c
		}
		ofAnn.Lock()
		asked++
		n := asked
		ofAnn.Unlock()
		switch n {
		case 1:
			h.send(t, hubbub.Publication{To: hubbub.Recipients{Users: []string{"ann"}}})
			<-again
			h.send(t, hubbub.Publication{To: hubbub.Recipients{Users: []string{"bob"}}})
			<-bob // who is counted after ann
		case 2:
			close(again)
		}
		return c
	}, func() {})
	open(t, h.Hub, "bob")
	<-bob
	c, welcome := enter(t, h.Hub, as("ann"))
	wantShown(t, h, c, welcome, 1)
}
