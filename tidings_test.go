package hubbub_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub"
)

// TestWhoWatchesIsToldLaterWhenTheBusWasAway: only the node that has decided that somebody has left cannot publish it.
func TestWhoWatchesIsToldLaterWhenTheBusWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		d := &quiet{Driver: f.Driver()}
		a := start(t, hubbub.Options{Driver: d, Node: "a", Grace: grace})
		b := join(t, f, "b", hubbub.Options{Grace: grace})
		phone := open(t, a, "ann")
		var online atomic.Bool
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- b.WatchPresence(ctx, []string{"ann"}, nil, func(p hubbub.Presence) error {
				online.Store(p.Online)
				return nil
			})
		}()
		pass(lease)
		if !online.Load() {
			t.Error("ann is not told to be online")
		}
		d.away.Store(true)
		phone.Closed()
		pass(grace + lease)
		d.away.Store(false)
		pass(lease)
		if online.Load() {
			t.Error("ann has left, and the bus is back, and who watches her is not told")
		}
		stop()
		<-ended
	})
}
