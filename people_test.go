package hubbub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

func TestABlockedUserIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		blocked := func(want bool, until time.Time) {
			t.Helper()
			if is, when, err := h.Blocked(t.Context(), "ann"); is != want || !when.Equal(until) || err != nil {
				t.Errorf("blocked %v until %v, %v", is, when, err)
			}
			if err := h.Check(t.Context(), as("ann")); (err != nil) != want {
				t.Errorf("may sign in: %v", err)
			}
		}
		block := func(until time.Time, want int) {
			t.Helper()
			if ended, err := h.Block(t.Context(), "ann", until); ended != want || err != nil {
				t.Errorf("%d sessions were ended, %v", ended, err)
			}
		}
		blocked(false, time.Time{})
		laptop, phone, bob := open(t, h, "ann/laptop"), open(t, h, "ann/phone"), open(t, h, "bob")
		soon := time.Now().Add(time.Hour)
		block(soon, 2)
		synctest.Wait()
		if laptop.closed() != hubbub.EndRevoked || phone.closed() != hubbub.EndRevoked || bob.closed() != "" {
			t.Errorf("closed: %q %q %q", laptop.closed(), phone.closed(), bob.closed())
		}
		_, err := arrive(t.Context(), h, as("ann"))
		wantReason(t, err, hubbub.Unauthorized)
		blocked(true, soon)
		block(time.Time{}, 0)
		blocked(true, time.Time{})
		block(soon, 0)
		blocked(true, soon) // the new time holds, though it is earlier
		pass(2 * time.Hour)
		blocked(false, time.Time{})
		if was, err := h.Unblock(t.Context(), "ann"); was || err != nil {
			t.Errorf("was blocked: %v, %v", was, err)
		}
		block(time.Time{}, 0)
		if was, err := h.Unblock(t.Context(), "ann"); !was || err != nil {
			t.Errorf("was blocked: %v, %v", was, err)
		}
		blocked(false, time.Time{})
		open(t, h, "ann")
		_, err = h.Block(t.Context(), "ann", time.Now())
		wantReason(t, err, hubbub.Invalid)
		_, err = h.Block(t.Context(), "", time.Time{})
		wantReason(t, err, hubbub.Invalid)
	})
}

// TestRevocationsOutliveTheProcess has blocks and other revocations hold after a restart, and those that were taken back not.
func TestRevocationsOutliveTheProcess(t *testing.T) {
	path := storeFile(t)
	h := build(t, path, lasting())
	for _, user := range []string{"ann", "bob"} {
		if _, err := h.Block(t.Context(), user, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Unblock(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	var revoking sync.WaitGroup
	for i := range 1200 { // more than one page
		r := hubbub.Revocation{User: fmt.Sprint("user-", i), Token: "old", Until: time.Now().Add(time.Hour)}
		revoking.Go(func() {
			if _, err := h.Revoke(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	revoking.Wait()
	h.stop(t)
	h = build(t, path, lasting())
	for name, id := range map[string]hubbub.Identity{
		"who is blocked":             {User: "ann"},
		"whose token was revoked":    {User: "user-0", Token: "old"},
		"the last of many with that": {User: "user-1199", Token: "old"},
	} {
		if err := h.Check(t.Context(), id); hubbub.AsError(err) == nil || hubbub.AsError(err).Reason != hubbub.Unauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []hubbub.Identity{{User: "bob"}, {User: "user-0", Token: "new"}} {
		if err := h.Check(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id.User, err)
		}
	}
}

func TestSendUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		ann, phone, bob, cid := open(t, h, "ann/laptop"), open(t, h, "ann/phone"), open(t, h, "bob"), open(t, h, "cid")
		open(t, h, "dan").Closed() // still online, but nobody would hear it
		synctest.Wait()
		d, offline, err := h.SendUsers(t.Context(), []string{"ann", "eve", "bob", "dan", "ann"}, text("hi").Data)
		if err != nil || fmt.Sprint(offline) != "[eve dan]" || d.ID == "" {
			t.Errorf("%+v, offline %s, %v", d, offline, err)
		}
		for name, c := range map[string]client{"ann": ann, "ann's phone": phone, "bob": bob} {
			if got := told[hubbub.Direct](c); len(got) != 1 || got[0].ID != d.ID || string(got[0].Data) != `"hi"` || !strings.HasPrefix(name, got[0].To) {
				t.Errorf("%s was told %+v", name, got)
			}
		}
		if got := told[hubbub.Direct](cid); len(got) != 0 {
			t.Errorf("Cid was told %+v", got)
		}
		for name, c := range map[string]struct {
			users []string
			data  string
			want  hubbub.Reason
		}{
			"nobody":   {nil, "1", hubbub.Invalid},
			"a space":  {[]string{"a b"}, "1", hubbub.Invalid},
			"no data":  {[]string{"ann"}, "", hubbub.Invalid},
			"too many": {make([]string, 1001), "1", hubbub.TooLarge},
			"too much": {[]string{"ann"}, `"` + strings.Repeat("x", 17<<10) + `"`, hubbub.TooLarge},
		} {
			_, _, err := h.SendUsers(t.Context(), c.users, []byte(c.data))
			if e := hubbub.AsError(err); e == nil || e.Reason != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
	})
}

// watcher is somebody who watches presence, and can be held up.
type watcher struct {
	told chan string
	over chan error
}

func watch(ctx context.Context, h *hubbub.Hub, users []string, slow func()) watcher {
	w := watcher{make(chan string, 100_000), make(chan error, 1)}
	go func() {
		w.over <- h.WatchPresence(ctx, users, nil, func(p hubbub.Presence) error {
			slow()
			w.told <- fmt.Sprint(p.User, " ", p.Online, " ", len(p.Devices))
			return nil
		})
	}()
	return w
}

func (w watcher) heard() (all []string) {
	for synctest.Wait(); len(w.told) > 0; {
		all = append(all, <-w.told)
	}
	return all
}

func TestWatchPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &hooked{Driver: memory.New(memory.Options{})}
		h := start(t, hubbub.Options{Driver: d})
		ctx, stop := context.WithCancel(t.Context())
		open(t, h, "ann")
		quick := func() {}
		all, some := watch(ctx, h, nil, quick), watch(ctx, h, []string{"bob", "ann"}, quick)
		if got := fmt.Sprint(all.heard(), some.heard()); got != "[] [ann true 1 bob false 0]" {
			t.Errorf("at first was told %s", got)
		}
		bob := open(t, h, "bob/laptop")
		open(t, h, "cid")
		if got := fmt.Sprint(all.heard(), some.heard()); got != "[bob true 1 cid true 1] [bob true 1]" {
			t.Errorf("told was %s", got)
		}
		var away atomic.Bool
		away.Store(true)
		d.presences = func() error {
			if away.Load() {
				return errAway
			}
			return nil
		}
		bob.Closed()
		pass(time.Second)
		away.Store(false)
		pass(10 * time.Second)
		if got := fmt.Sprint(all.heard(), some.heard()); got != "[bob true 0 bob false 0] [bob true 0 bob false 0]" {
			t.Errorf("while the driver was away, and then: %s", got)
		}
		stop()
		if err := <-all.over; !errors.Is(err, context.Canceled) {
			t.Errorf("the watching ended with %v", err)
		}
		if err := <-some.over; !errors.Is(err, context.Canceled) {
			t.Errorf("the watching ended with %v", err)
		}
		wantReason(t, h.WatchPresence(t.Context(), []string{"a b"}, nil, nil), hubbub.Invalid)
		for _, users := range [][]string{nil, {"eve", "fay"}} {
			var eve client
			told := errors.New("told")
			err := h.WatchPresence(t.Context(), users, func() error { eve = open(t, h, "eve"); return nil }, func(p hubbub.Presence) error {
				if p.User == "eve" && p.Online {
					return told
				}
				return nil
			})
			if !errors.Is(err, told) {
				t.Errorf("who came when %v were watched was not told: %v", users, err)
			}
			eve.Closed()
			pass(10 * time.Second)
		}
		full := errors.New("full")
		if err := h.WatchPresence(t.Context(), nil, func() error { return full }, nil); !errors.Is(err, full) {
			t.Errorf("a watcher that fails at once: %v", err)
		}
		if err := h.WatchPresence(t.Context(), []string{"ann"}, nil, func(hubbub.Presence) error { return full }); !errors.Is(err, full) {
			t.Errorf("a watcher that fails: %v", err)
		}
	})
}

// TestASlowWatcherDelaysOnlyItself, is told of each user once, and is sent away when too many wait for it.
func TestASlowWatcherDelaysOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		held := make(chan struct{})
		slow := watch(t.Context(), h, nil, func() { <-held })
		quick := watch(t.Context(), h, nil, func() {})
		synctest.Wait()
		for range 5 {
			open(t, h, "ann")
			if got := len(quick.heard()); got != 1 {
				t.Errorf("the quick one was told %d times", got)
			}
		}
		held <- struct{}{}
		held <- struct{}{}
		if got := fmt.Sprint(slow.heard()); got != "[ann true 1 ann true 5]" {
			t.Errorf("the slow one was told %s", got)
		}
		open(t, h, "bob")
		synctest.Wait()
		for i := range 10_001 {
			open(t, h, fmt.Sprint("user-", i))
		}
		close(held)
		wantReason(t, <-slow.over, hubbub.Unavailable)
		if got := len(quick.heard()); got != 10_002 {
			t.Errorf("the quick one was told %d times", got)
		}
	})
}

// TestWatchersAreSentAwayByTheEnd of the hub.
func TestWatchersAreSentAwayByTheEnd(t *testing.T) {
	h, err := hubbub.New(t.Context(), hubbub.Options{Driver: memory.New(memory.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t.Context(), h, nil, func() {})
	end(t, h)
	wantReason(t, <-w.over, hubbub.Unavailable)
}

// TestAnErasedUserWasNeverHere erases somebody who is online, with all that was said; what others have said and who is revoked stays.
func TestAnErasedUserWasNeverHere(t *testing.T) {
	store := openMoody(t, storeFile(t))
	h := reporting(t, store, hubbub.RoomRule{Match: "club", History: hubbub.HistoryDurable}, hubbub.RoomRule{Match: "*"})
	ann, bob := open(t, h, "ann"), open(t, h, "bob")
	for _, room := range []string{"club", "lobby"} {
		ann.join(t, room, nil)
		bob.join(t, room, nil)
		ann.say(t, room, "by Ann")
		bob.say(t, room, "by Bob")
		if _, err := h.SetMember(t.Context(), room, "ann", hubbub.RoleMember); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ann.SendUser(t.Context(), "bob", text("psst")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Revoke(t.Context(), hubbub.Revocation{User: "ann", Token: "stolen"}); err != nil {
		t.Fatal(err)
	}
	ended, err := h.Erase(t.Context(), "ann")
	if ended != 1 || err != nil {
		t.Fatalf("%d sessions were ended, %v", ended, err)
	}
	if why := ann.closed(); why != hubbub.EndLoggedOut {
		t.Errorf("Ann's session was closed: %q", why)
	}
	_, err = ann.SendUser(t.Context(), "bob", text("one more"))
	wantReason(t, err, hubbub.NotFound)
	for _, room := range []string{"club", "lobby"} {
		page, err := bob.History(t.Context(), hubbub.RoomStream(room), hubbub.HistoryQuery{})
		if err != nil || datas(page.Messages) != `["by Bob"]` {
			t.Errorf("the room %s has %s, %v", room, datas(page.Messages), err)
		}
		members, err := h.Members(t.Context(), room, "", 0)
		if err != nil || len(members.Members) != 0 {
			t.Errorf("the room %s has the members %v, %v", room, members.Members, err)
		}
	}
	if page, err := bob.Conversations(t.Context(), "", 0); err != nil || len(page.Conversations) != 2 {
		t.Errorf("Bob's conversations are %+v, %v", page.Conversations, err)
	}
	end(t, h) // which tells that Ann is offline, or leaves it to the next one
	if known, err := store.Visitors(t.Context(), []string{"ann", "bob"}); err != nil || len(known) != 1 {
		t.Errorf("the store knows %v, %v", known, err)
	}
	if lost, err := drivertest.LostTo(t.Context(), store, "another node", time.Now()); err != nil || len(lost) != 1 || lost[0].User != "bob" {
		t.Errorf("the store has to end %+v, %v", lost, err)
	}
	h = reporting(t, store)
	defer end(t, h)
	wantReason(t, h.Check(t.Context(), hubbub.Identity{User: "ann", Token: "stolen"}), hubbub.Unauthorized)
	again := open(t, h, "ann")
	if page, err := again.Conversations(t.Context(), "", 0); err != nil || len(page.Conversations) != 0 {
		t.Errorf("Ann's conversations are %+v, %v", page.Conversations, err)
	}
}
