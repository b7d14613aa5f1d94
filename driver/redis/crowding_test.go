package redis_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// crowd opens a driver with a node, and returns it with the tag of a user's keys.
func crowd(t *testing.T, user string) (open func(id string) (hubbub.Opened, error), d hubbub.Driver, tag string) {
	t.Helper()
	prefix := freshPrefix()
	driver := openAt(t, nil, prefix)
	if _, err := driver.Renew(t.Context(), hubbub.NodeStatus{Node: "n1"}); err != nil {
		t.Fatal(err)
	}
	open = func(id string) (hubbub.Opened, error) {
		s := hubbub.SessionRecord{ID: id, User: user, Device: id, Node: "n1", Connected: time.Now()}
		return driver.Open(t.Context(), s, hubbub.DeviceLimit{Max: 1})
	}
	return open, driver, fmt.Sprintf("%s{u%d}", prefix, sha256.Sum256([]byte(user))[0])
}

// fill puts many fields into a hash.
func fill(key string, n int, field func(i int) (name, value string)) {
	args := []string{"HSET", key}
	for i := range n {
		name, value := field(i)
		args = append(args, name, value)
	}
	server.Do(args...)
}

// TestEndedSessionsDoNotPileUp has somebody who has signed in very often, each time in the place of the session before.
func TestEndedSessionsDoNotPileUp(t *testing.T) {
	t.Parallel()
	open, d, tag := crowd(t, "eve")
	until := time.Now().Add(time.Minute).UnixMilli()
	fill(tag+"u:eve", 3000, func(i int) (string, string) {
		return fmt.Sprintf("x:s%d", i), fmt.Sprintf("logged_out %d", until+int64(i))
	})
	server.Do("HSET", tag+"u:eve", "v", "1")
	for _, id := range []string{"first", "second"} {
		if _, err := open(id); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Do("HLEN", tag+"u:eve").(int64); n < 1024 || n > 1050 {
		t.Errorf("%d fields are kept of the user", n)
	}
	for id, want := range map[string]hubbub.EndReason{"s0": "", "s2999": hubbub.EndLoggedOut, "first": hubbub.EndReplaced} {
		s := hubbub.SessionRecord{ID: id, User: "eve", Device: id, Node: "n1", Connected: time.Now()}
		r, err := d.(hubbub.Shared).Restore(context.Background(), s, hubbub.Opened{}, hubbub.DeviceLimit{})
		if err != nil || r.Ended != want {
			t.Errorf("restored, the session %s has ended as %q, %v; want %q", id, r.Ended, err, want)
		}
	}
}

// TestUntoldTransitionsDoNotPileUp has somebody of whom very much could not be told, since the store of the nodes is away.
func TestUntoldTransitionsDoNotPileUp(t *testing.T) {
	t.Parallel()
	open, d, tag := crowd(t, "eve")
	first, err := open("first")
	if err != nil {
		t.Fatal(err)
	}
	pending := tag + "p:" + hubbub.TransitionID("", "eve", "")[:4]
	fill(pending, 5000, func(i int) (string, string) { return fmt.Sprint("other", i), "n 1 {}" })
	_, err = open("second")
	if e := hubbub.AsError(err); err == nil || e.Reason != hubbub.Unavailable || e.RetryAfter == 0 {
		t.Errorf("a further session: %v", err)
	}
	all, err := d.End(t.Context(), hubbub.Target{User: "eve"}, hubbub.EndClosed)
	if err != nil || len(all) != 1 || len(first.Transitions) != 2 {
		t.Errorf("the session ends with %+v, %v", all, err)
	}
	server.Do("DEL", pending)
	if _, err := open("second"); err != nil {
		t.Errorf("when all was told: %v", err)
	}
}
