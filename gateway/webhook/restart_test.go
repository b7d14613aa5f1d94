package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
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
