package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// mute is an outbox that is told nothing, as if the process died between a delivery and its settlement.
type mute struct{ webhook.Outbox }

func (mute) Settle(ctx context.Context, _ []hubbub.Settlement) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestDeliveredAgainAfterACrash(t *testing.T) {
	r := newRig(t)
	shop := receive(t, nil)
	o := r.options(shop.target())
	o.Outbox = mute{r.store}
	dying, err := webhook.New(o)
	r.must(err)
	dying.Start()
	r.report(dying, r.came("ann", "one"), r.came("ann", "two"), r.came("bob", "three"))
	shop.waitFor(2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dying.Close(ctx); err == nil {
		t.Error("nothing could be settled, and Close says nothing")
	}
	r.start(shop.target())
	r.clock.Advance(16 * time.Second) // the lease, which is a bit longer than the timeout
	got := map[string]int{}
	for _, h := range shop.waitFor(5) {
		got[h.id()]++
	}
	if want := map[string]int{"one": 2, "two": 1, "three": 2}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

// TestClosedInTheMiddle closes while a request hangs: the next sender makes it again without waiting for the lease.
func TestClosedInTheMiddle(t *testing.T) {
	r := newRig(t)
	hang := make(chan struct{})
	shop := receive(t, func(w http.ResponseWriter, h *hook) { <-hang })
	s := r.start(shop.target())
	r.report(s, r.came("ann", "one"))
	shop.waitFor(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.must(s.Close(ctx))
	close(hang)
	r.start(shop.target())
	if h := shop.waitFor(2)[1]; h.id() != "one" {
		t.Errorf("got %s", h.body)
	}
}

func TestStrangersAreToldAndSwept(t *testing.T) {
	r := newRig(t)
	shop := receive(t, nil)
	gone := shop.target()
	gone.Name = "gone"
	old, err := webhook.New(r.options(gone))
	r.must(err)
	r.report(old, r.came("ann", "one"))
	r.start(shop.target())
	testkit.Eventually(t, "the log to name the target", func() bool { return strings.Contains(r.logs.String(), "gone") })
	left := func() int {
		all, err := r.store.Backlogs(t.Context())
		r.must(err)
		n := 0
		for _, b := range all {
			n += b.Waiting
		}
		return n
	}
	if left() != 1 {
		t.Error("it is gone already")
	}
	r.clock.Advance(31 * 24 * time.Hour)
	r.start(shop.target())
	testkit.Eventually(t, "what is old to be removed", func() bool { return left() == 0 })
}

// full is an outbox that can be read, but not written while it is full.
type full struct {
	webhook.Outbox
	full    atomic.Bool
	claimed atomic.Int32 // items
}

func (f *full) Claim(ctx context.Context, target string, limit int, lease time.Duration) ([]hubbub.OutboxItem, error) {
	items, err := f.Outbox.Claim(ctx, target, limit, lease)
	f.claimed.Add(int32(len(items)))
	return items, err
}

func (f *full) Settle(ctx context.Context, done []hubbub.Settlement) error {
	if f.full.Load() {
		return hubbub.Errorf(hubbub.Unavailable, "the disk is full")
	}
	return f.Outbox.Settle(ctx, done)
}

// TestDeliveredOnceWhileTheOutboxIsFull has leases end of what was delivered, and of what is under way.
func TestDeliveredOnceWhileTheOutboxIsFull(t *testing.T) {
	r := newRig(t)
	hang := make(chan struct{})
	shop := receive(t, func(w http.ResponseWriter, h *hook) {
		if h.id() == "slow" {
			<-hang
		}
	})
	outbox := &full{Outbox: r.store}
	outbox.full.Store(true)
	o := r.options(shop.target())
	o.Outbox = outbox
	s, err := webhook.New(o)
	r.must(err)
	s.Start()
	r.report(s, r.came("ann", "one"), r.came("ann", "two"), r.came("bob", "slow"))
	shop.waitFor(2)
	for again := range int32(3) {
		r.clock.Advance(16 * time.Second)
		testkit.Eventually(t, "the items to be claimed again", func() bool { return outbox.claimed.Load() >= 2*(again+2) })
	}
	outbox.full.Store(false)
	close(hang)
	testkit.Eventually(t, "all to be settled", func() bool {
		all, err := s.Backlogs(t.Context())
		r.must(err)
		return all[0].Waiting == 0
	})
	r.close(s)
	got := map[string]int{}
	for _, h := range shop.hooks() {
		got[h.id()]++
	}
	if want := map[string]int{"one": 1, "two": 1, "slow": 1}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}
