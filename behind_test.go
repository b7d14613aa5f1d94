package hubbub_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestMoreThanMayWait has so many come and go while the store hangs that not all of it may wait to be handed over. Nothing of it is lost,
// and what a user does after it, when there is room again, does not overtake what was left out.
func TestMoreThanMayWait(t *testing.T) {
	const users, mayWait = 100, 1 << 16
	const lease = 3 * time.Second // after which the registry tells again what was left out
	var mu sync.Mutex
	got := map[string][]string{}
	n := 0
	driver := newSpy(-1)
	driver.Driver = memory.New(memory.Options{Grace: -1, Lease: lease})
	store := openMoody(t, storeFile(t))
	h, err := hubbub.New(t.Context(), hubbub.Options{Driver: driver, Store: store, Lease: lease, Grace: -1,
		Report: func(f hubbub.Fact) []hubbub.OutboxItem {
			mu.Lock()
			defer mu.Unlock()
			item := report(f)[0]
			got[item.Order] = append(got[item.Order], string(item.Payload))
			n++
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	visit := func(i int) {
		r := hubbub.SessionRecord{ID: fmt.Sprint("s", i), User: fmt.Sprint("user-", i%users), Device: "d", Platform: "web", Node: h.Node(), Connected: time.Now()}
		if _, err := driver.Open(t.Context(), r, hubbub.DeviceLimit{}); err != nil {
			t.Fatal(err)
		}
		if _, err := driver.End(t.Context(), hubbub.Target{User: r.User}, hubbub.EndClosed); err != nil {
			t.Fatal(err)
		}
	}
	quick := func(func() error) error { return nil } // the store need not write all of it
	hanging, hang := make(chan struct{}), make(chan struct{})
	store.set(func(func() error) error {
		close(hanging)
		<-hang
		store.set(quick)
		return nil
	})
	visit(0)
	<-hanging
	const visits = mayWait/4 + 500
	for i := 1; i < visits; i++ {
		visit(i)
	}
	close(hang)
	done := func() int { mu.Lock(); defer mu.Unlock(); return n }
	testkit.Eventually(t, "room for more", func() bool { return done() > 4*users })
	for i := range users {
		visit(visits + i)
	}
	testkit.Eventually(t, "all to be handed over", func() bool { return done() >= 4*(visits+users) })
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
	for user, want := range driver.decided {
		if !slices.Equal(got[user], want) {
			at := 0
			for at < min(len(got[user]), len(want)) && got[user][at] == want[at] {
				at++
			}
			t.Fatalf("of %s were told %d transitions, and decided %d; the first that differs has the place %d", user, len(got[user]), len(want), at)
		}
	}
}
