package hubbub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

func TestNewDeviceReplacesTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Devices: hubbub.DeviceLimit{Max: 1}})
		tab1, tab2 := open(t, h, "ann/laptop"), open(t, h, "ann/laptop")
		if tab1.closed() != "" || tab2.closed() != "" {
			t.Fatal("a second tab of the same device ended the first")
		}
		bob := open(t, h, "bob/phone")
		phone := open(t, h, "ann/phone")
		for name, tab := range map[string]client{"first": tab1, "second": tab2} {
			ended := told[hubbub.Ended](tab)
			if len(ended) != 1 || ended[0].Why != hubbub.EndReplaced || ended[0].By == nil || ended[0].By.Device != "phone" ||
				ended[0].By.ID != phone.ID() {
				t.Errorf("the %s tab was told %+v", name, ended)
			}
			if tab.closed() != hubbub.EndReplaced {
				t.Errorf("the %s tab is closed: %q", name, tab.closed())
			}
			tab.Closed()
		}
		synctest.Wait()
		if phone.closed() != "" || bob.closed() != "" {
			t.Error("somebody else was closed, too")
		}
		records, err := h.SessionsOf(t.Context(), "ann")
		if err != nil || len(records) != 1 || records[0].ID != phone.ID() {
			t.Errorf("Ann's sessions: %+v, %v", records, err)
		}
	})
}

// hasty is a driver with which another device has taken a session's place before the hub knows that the session is open.
type hasty struct{ hubbub.Driver }

func (d hasty) Open(ctx context.Context, r hubbub.SessionRecord, l hubbub.DeviceLimit) (hubbub.Opened, error) {
	opened, err := d.Driver.Open(ctx, r, l)
	if err != nil {
		return opened, err
	}
	by := hubbub.SessionRecord{User: r.User, Device: "phone"}
	return opened, d.Publish(ctx, hubbub.Topic{Kind: hubbub.TopicUser, Name: r.User},
		hubbub.Ended{User: r.User, Why: hubbub.EndReplaced, Sessions: []string{r.ID}, By: &by})
}

func TestSessionIsWelcomedBeforeItIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Driver: hasty{memory.New(memory.Options{})}})
		l, welcomed := &line{}, false
		s, err := h.Open(t.Context(), hubbub.Arrival{Identity: as("ann/laptop"), Conn: l, Transport: wire{}, Welcome: func(*hubbub.Session) {
			welcomed = true
			if len(l.events) > 0 || l.closed() != "" {
				t.Errorf("was told %+v and closed with %q before the welcome", l.events, l.closed())
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		ended := told[hubbub.Ended](client{s, l})
		if !welcomed || len(ended) != 1 || ended[0].By.Device != "phone" || l.closed() != hubbub.EndReplaced {
			t.Errorf("welcomed %v, told %+v, closed with %q", welcomed, ended, l.closed())
		}
		s.Closed()
	})
}

func TestDevicesCanBeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Devices: hubbub.DeviceLimit{Max: 1, PerPlatform: true, Refuse: true}})
		laptop := open(t, h, "ann/laptop")
		_, err := arrive(t.Context(), h, as("ann/tablet"))
		wantReason(t, err, hubbub.Conflict)
		phone := as("ann/phone")
		phone.Platform = "ios"
		if _, err := arrive(t.Context(), h, phone); err != nil {
			t.Errorf("another platform: %v", err)
		}
		if laptop.closed() != "" {
			t.Error("the laptop was closed")
		}
		if h.Len() != 2 {
			t.Errorf("the hub has %d sessions", h.Len())
		}
	})
}

func TestPresenceHasAGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var happened []string
		o := hubbub.Options{OnTransition: func(_ context.Context, tr hubbub.Transition) error {
			mu.Lock()
			defer mu.Unlock()
			happened = append(happened, fmt.Sprint(tr.Kind, " ", tr.User, " ", tr.Why))
			return nil
		}}
		h := start(t, o)
		bob := open(t, h, "bob")
		var first []hubbub.Presence
		if err := bob.Watch(t.Context(), []string{"ann"}, func(p []hubbub.Presence) { first = p }); err != nil {
			t.Fatal(err)
		}
		if len(first) != 1 || first[0].Online {
			t.Errorf("before: %+v", first)
		}
		ann := open(t, h, "ann/laptop")
		changed := told[hubbub.PresenceChanged](bob)
		if len(changed) != 1 || !changed[0].Presence.Online || len(changed[0].Presence.Devices) != 1 {
			t.Fatalf("Ann has come: %+v", changed)
		}

		ann.Closed() // a reload
		pass(3 * time.Second)
		ann = open(t, h, "ann/laptop")
		pass(10 * time.Second)
		for _, c := range told[hubbub.PresenceChanged](bob) {
			if !c.Presence.Online {
				t.Errorf("a reload flickers: %+v", c)
			}
		}

		gone := time.Now()
		ann.Closed()
		pass(4 * time.Second)
		if p, err := h.Presences(t.Context(), []string{"ann"}); err != nil || !p[0].Online {
			t.Errorf("within the grace: %+v, %v", p, err)
		}
		pass(3 * time.Second)
		changed = told[hubbub.PresenceChanged](bob)
		if len(changed) == 0 {
			t.Fatal("Bob was not told that Ann is gone")
		}
		if p := changed[len(changed)-1].Presence; p.Online || p.LastSeen.Sub(gone).Abs() > time.Second {
			t.Errorf("Ann has gone: %+v", p)
		}
		mu.Lock()
		defer mu.Unlock()
		want := "[session.connected bob  user.online bob  session.connected ann  user.online ann  session.disconnected ann closed " +
			"session.connected ann  session.disconnected ann closed user.offline ann ]"
		if fmt.Sprint(happened) != want {
			t.Errorf("transitions:\n%s\nwant:\n%s", happened, want)
		}
	})
}

func TestUnwatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		bob := open(t, h, "bob")
		if err := bob.Watch(t.Context(), []string{"ann", "ann", "cid"}, func([]hubbub.Presence) {}); err != nil {
			t.Fatal(err)
		}
		bob.Unwatch([]string{"ann"})
		open(t, h, "ann")
		open(t, h, "cid")
		if changed := told[hubbub.PresenceChanged](bob); len(changed) != 1 || changed[0].Presence.User != "cid" {
			t.Errorf("told %+v", changed)
		}
	})
}

func TestTransitionsAreToldUntilTheyAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ids []string
		away := true
		h := start(t, hubbub.Options{OnTransition: func(_ context.Context, tr hubbub.Transition) error {
			mu.Lock()
			defer mu.Unlock()
			if tr.Kind != hubbub.UserOnline {
				return nil
			}
			ids = append(ids, tr.ID)
			if away {
				return errors.New("no room in the outbox")
			}
			return nil
		}})
		heard := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(ids)
		}
		open(t, h, "ann")
		pass(time.Minute)
		if n := len(heard()); n < 2 {
			t.Errorf("told %d times while nobody took it", n)
		}
		mu.Lock()
		away = false
		mu.Unlock()
		pass(time.Minute)
		before := heard()
		pass(time.Minute)
		after := heard()
		if len(after) != len(before) || len(slices.Compact(after)) != 1 {
			t.Errorf("told as %s, and then as %s", before, after)
		}
	})
}

func TestExpiryAndRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "team-*", Join: hubbub.AccessToken}, {Match: "*"}}})
		id := as("ann/laptop")
		id.Expires = time.Now().Add(time.Minute)
		id.Rooms.Join = []string{"team-*"}
		ann, err := arrive(t.Context(), h, id)
		if err != nil {
			t.Fatal(err)
		}
		ann.join(t, "team-1", nil)
		ann.join(t, "lobby", nil)
		pass(50 * time.Second)

		other := as("bob")
		_, err = ann.Refresh(t.Context(), other)
		wantReason(t, err, hubbub.Forbidden)
		old := id
		old.Expires = time.Now().Add(-time.Second)
		_, err = ann.Refresh(t.Context(), old)
		wantReason(t, err, hubbub.Unauthorized)

		id.Device, id.Rooms.Join, id.Expires = "", nil, time.Now().Add(time.Minute)
		left, err := ann.Refresh(t.Context(), id)
		if err != nil || fmt.Sprint(left) != "[team-1]" {
			t.Errorf("left %v, %v", left, err)
		}
		_, err = ann.SendRoom(t.Context(), "team-1", text("x"))
		wantReason(t, err, hubbub.Forbidden)
		ann.say(t, "lobby", "still here")
		pass(59 * time.Second)
		if ann.closed() != "" {
			t.Error("closed before the new token expired")
		}
		pass(2 * time.Second)
		if ann.closed() != hubbub.EndExpired {
			t.Errorf("closed with %q", ann.closed())
		}
		_, err = arrive(t.Context(), h, old)
		wantReason(t, err, hubbub.Unauthorized)
	})
}

func TestRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		id := as("ann/laptop")
		id.Token, id.Issued = "t1", time.Now()
		laptop, err := arrive(t.Context(), h, id)
		if err != nil {
			t.Fatal(err)
		}
		other := as("ann/phone")
		other.Token, other.Issued = "t2", time.Now()
		phone, err := arrive(t.Context(), h, other)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := h.Revoke(t.Context(), hubbub.Revocation{User: "ann", Token: "t1"}); n != 1 || err != nil {
			t.Errorf("revoked %d sessions, %v", n, err)
		}
		if laptop.closed() != hubbub.EndRevoked || phone.closed() != "" {
			t.Errorf("closed: %q, %q", laptop.closed(), phone.closed())
		}
		wantReason(t, h.Check(t.Context(), id), hubbub.Unauthorized)
		_, err = arrive(t.Context(), h, id)
		wantReason(t, err, hubbub.Unauthorized)
		_, err = phone.Refresh(t.Context(), hubbub.Identity{User: "ann", Token: "t1", Issued: id.Issued})
		wantReason(t, err, hubbub.Unauthorized)

		pass(time.Second)
		if _, err := h.Revoke(t.Context(), hubbub.Revocation{User: "ann", Before: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if phone.closed() != hubbub.EndRevoked {
			t.Errorf("the phone is closed: %q", phone.closed())
		}
		wantReason(t, h.Check(t.Context(), other), hubbub.Unauthorized)
		other.Issued = time.Now().Add(time.Second)
		if err := h.Check(t.Context(), other); err != nil {
			t.Errorf("a token from afterwards: %v", err)
		}
	})
}

func TestOwnSessionsCanBeEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		laptop, phone, tablet, bob := open(t, h, "ann/laptop"), open(t, h, "ann/phone"), open(t, h, "ann/tablet"), open(t, h, "bob/phone")
		n, err := laptop.EndSessions(t.Context(), hubbub.Target{User: "bob", Device: "phone"})
		if n != 1 || err != nil || phone.closed() != hubbub.EndLoggedOut || bob.closed() != "" {
			t.Errorf("ended %d, %v; phone %q, Bob %q", n, err, phone.closed(), bob.closed())
		}
		n, err = laptop.EndSessions(t.Context(), hubbub.Target{Session: bob.ID()})
		if n != 0 || err != nil || bob.closed() != "" {
			t.Errorf("ended %d of Bob's, %v", n, err)
		}
		n, err = laptop.EndSessions(t.Context(), hubbub.Target{ExceptDevice: "laptop"})
		if n != 1 || err != nil || tablet.closed() != hubbub.EndLoggedOut || laptop.closed() != "" {
			t.Errorf("ended %d others, %v", n, err)
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		var all []client
		for i := range 50 {
			all = append(all, open(t, h, fmt.Sprint("u", i)))
		}
		window := hubbub.Retry{Min: time.Second, Max: 4 * time.Second}
		begin := time.Now()
		h.Drain(t.Context(), window)
		if took := time.Since(begin); took < time.Second || took > 2*time.Second {
			t.Errorf("the stages took %v", took)
		}
		for _, c := range all {
			if d := told[hubbub.Draining](c); len(d) != 1 || d[0].Retry != window {
				t.Fatalf("told %+v", d)
			}
			if c.closed() != hubbub.EndDraining || c.retry != window {
				t.Fatalf("closed with %q %v", c.closed(), c.retry)
			}
		}
		_, err := arrive(t.Context(), h, as("late"))
		wantReason(t, err, hubbub.Unavailable)
	})
}

func TestTwoNodesAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := memory.New(memory.Options{})
		o := hubbub.Options{Driver: d, Devices: hubbub.DeviceLimit{Max: 1}}
		east, west := start(t, o), start(t, o)
		ann, bob := open(t, east, "ann/laptop"), open(t, west, "bob")
		ann.join(t, "lobby", nil)
		bob.join(t, "lobby", nil)
		ann.say(t, "lobby", "hello")
		if _, err := bob.SendUser(t.Context(), "ann", text("psst")); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(heard(bob), heard(ann)); got != `["hello" "psst"] ["hello" "psst"]` {
			t.Errorf("Bob and Ann heard %s", got)
		}
		open(t, west, "ann/phone")
		if ann.closed() != hubbub.EndReplaced {
			t.Errorf("Ann's laptop is closed: %q", ann.closed())
		}
		if _, err := east.SendAll(t.Context(), text("all").Data); err != nil {
			t.Fatal(err)
		}
		if got := told[hubbub.Broadcast](bob); len(got) != 1 {
			t.Errorf("Bob was told %+v", got)
		}
	})
}

// away is a driver whose lease cannot be renewed while it is told so.
type away struct {
	hubbub.Driver
	gone atomic.Bool
}

func (a *away) Renew(ctx context.Context, n hubbub.NodeStatus) (hubbub.Renewal, error) {
	if a.gone.Load() {
		return hubbub.Renewal{}, errors.New("nobody answers")
	}
	return a.Driver.Renew(ctx, n)
}

func TestHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &away{Driver: memory.New(memory.Options{})}
		h := start(t, hubbub.Options{Driver: d})
		for _, gone := range []bool{true, false} {
			d.gone.Store(gone)
			pass(5 * time.Second)
			if err := h.Healthy(); (err != nil) != gone {
				t.Errorf("away %v: %v", gone, err)
			}
		}
	})
}
