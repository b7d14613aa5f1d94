package hubbub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// TestWhoLeftRightBeforeALossIsLookedFor: the registry does not know any more that the grace runs, and too little of it is over when the journal is
// compared after the doubt.
func TestWhoLeftRightBeforeALossIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		f, a, _ := nodes(t, hubbub.Options{Store: store, Grace: grace})
		pass(5 * time.Minute)
		open(t, a.Hub, "ann").Closed()
		pass(time.Second)
		f.Empty()
		left := time.Now()
		pass(grace + 2*lease + 2*settled + lease)
		store.mu.Lock()
		idle := store.idle
		store.mu.Unlock()
		if !idle.After(left) {
			t.Errorf("%v after it the store was asked who has left %v before the loss", time.Since(left), left.Sub(idle))
		}
	})
}
