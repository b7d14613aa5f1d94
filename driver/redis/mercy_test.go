package redis_test

import (
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
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
