package redis_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// TestNobodyIsOfflineBeforeSessionsAreRestored has a server lose what was written last: that a user in the grace period is back.
func TestNobodyIsOfflineBeforeSessionsAreRestored(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	d := quiet(t, clock, freshPrefix())
	const node = "n1"
	renew := func() {
		t.Helper()
		if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: node}); err != nil {
			t.Fatal(err)
		}
	}
	offline := func() (n int) {
		t.Helper()
		renew()
		told, err := d.Reap(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range told {
			if tr.Kind == hubbub.UserOffline {
				n++
			}
		}
		return n
	}
	renew()
	came := map[string]string{}
	for _, user := range []string{"ann", "bob"} {
		opened, err := d.Open(t.Context(), hubbub.SessionRecord{ID: "s1 " + user, User: user, Node: node, Connected: clock.Now()}, hubbub.DeviceLimit{})
		if err != nil {
			t.Fatal(err)
		}
		came[user] = opened.Came
		if _, err := d.End(t.Context(), hubbub.Target{User: user}, hubbub.EndClosed); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(drivertest.Grace + time.Second)
	d.Doubt()
	if n := offline(); n > 0 {
		t.Errorf("%d users are offline at once", n)
	}
	ann := hubbub.SessionRecord{ID: "s2", User: "ann", Node: node, Connected: clock.Now()}
	if _, err := d.Restore(t.Context(), ann, hubbub.Opened{Came: came["ann"]}, hubbub.DeviceLimit{}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(drivertest.Lease)
	if n := offline(); n != 1 {
		t.Errorf("%d users are offline, and only bob is", n)
	}
}

// TestALostNodeIsLogged has a node die with sessions, and wants to read of it in the log of the one that clears up after it.
func TestALostNodeIsLogged(t *testing.T) {
	t.Parallel()
	clock, prefix := drivertest.NewClock(), freshPrefix()
	var log bytes.Buffer
	dead := quiet(t, clock, prefix)
	alive := openWith(t, redis.Options{Addrs: []string{server.Addr}, Prefix: prefix, Grace: drivertest.Grace, Lease: drivertest.Lease,
		Answer: patience, Now: clock.Now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	renew := func(d *redis.Driver, node string) {
		t.Helper()
		if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: node}); err != nil {
			t.Fatal(err)
		}
	}
	renew(dead, lostNode)
	for _, user := range []string{"ann", "bob", "cid"} {
		if _, err := dead.Open(t.Context(), recordOf(user, "phone", user+"1", lostNode, clock), hubbub.DeviceLimit{}); err != nil {
			t.Fatal(err)
		}
	}
	for range 8 {
		clock.Advance(drivertest.Lease / 2)
		renew(alive, keptNode)
		if _, err := alive.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=WARN") || !strings.Contains(got, "lost="+lostNode+" sessions=3") {
		t.Errorf("the log is\n%s", got)
	}
}
