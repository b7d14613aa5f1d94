package redis_test

import (
	"fmt"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// TestADamagedUserHarmsNoOther loses a node with users of one bucket, of one of whom Redis has something else than a user.
func TestADamagedUserHarmsNoOther(t *testing.T) {
	t.Parallel()
	prefix, clock := freshPrefix(), drivertest.NewClock()
	lost, d := openAt(t, clock, prefix), openAt(t, clock, prefix)
	for _, one := range []struct {
		*redis.Driver
		node string
	}{{lost, "lost"}, {d, "node"}} {
		if _, err := one.Renew(t.Context(), hubbub.NodeStatus{Node: one.node}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for i := 0; len(names) < 4; i++ {
		if name := fmt.Sprint("user", i); redis.BucketOf(name) == 7 {
			names = append(names, name)
		}
	}
	for _, name := range names {
		o, err := lost.Open(t.Context(), recordOf(name, "phone", "session of "+name, "lost", clock), hubbub.DeviceLimit{})
		if err != nil {
			t.Fatal(err)
		}
		for _, told := range o.Transitions {
			if _, err := lost.Confirm(t.Context(), told.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, key := raw(t, server.Addr), prefix+"{u7}u:"+names[0]
	command(t, r, "DEL", key)
	command(t, r, "SET", key, "another type")

	offline := map[string]bool{}
	noticed := false
	for range 4 {
		clock.Advance(drivertest.Lease)
		if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: "node"}); err != nil {
			t.Fatal(err)
		}
		all, err := d.Reap(t.Context())
		noticed = noticed || err != nil
		for _, told := range all {
			if told.Kind == hubbub.UserOffline {
				offline[told.User] = true
			}
		}
	}
	if len(offline) != len(names)-1 || offline[names[0]] || !noticed {
		t.Errorf("offline are %v of %q; the damage is noticed: %t", offline, names, noticed)
	}
}
