package hubbub_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/fleet"
)

// voiceless is a driver whose instance cannot publish while it is silent. It can do all else.
type voiceless struct {
	*fleet.Driver
	silent atomic.Bool
}

func (m *voiceless) Publish(ctx context.Context, t hubbub.Topic, e hubbub.Event) error {
	if m.silent.Load() {
		return hubbub.Errorf(hubbub.Unavailable, "the bus is away")
	}
	return m.Driver.Publish(ctx, t, e)
}

// TestWhoWatchesIsToldLaterWhenTheBusWasAway: only the node that has decided that somebody has left cannot publish it.
func TestWhoWatchesIsToldLaterWhenTheBusWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		d := &voiceless{Driver: f.Driver()}
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
		d.silent.Store(true)
		phone.Closed()
		pass(grace + lease)
		d.silent.Store(false)
		pass(lease)
		if online.Load() {
			t.Error("ann has left, and the bus is back, and who watches her is not told")
		}
		stop()
		<-ended
	})
}
