package webhook_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func TestDeliveredOnceAndSigned(t *testing.T) {
	r := newRig(t)
	shop := receive(t, nil)
	other := webhook.NewSecret()
	target := shop.target()
	target.Secrets = []string{other, secret}
	target.Headers = map[string]string{"authorization": "Bearer token"}
	var outcomes atomic.Int32
	o := r.options(target)
	o.Observe = func(target, outcome string, took time.Duration) {
		if target == "shop" && outcome == webhook.Delivered && took > 0 {
			outcomes.Add(1)
		}
	}
	s, err := webhook.New(o)
	r.must(err)
	s.Start()
	s.Start()
	r.report(s, r.came("ann", "one"), r.came("bob", "two"))
	got := shop.waitFor(2)
	for _, h := range got {
		verifier, err := standardwebhooks.NewWebhook(other)
		r.must(err)
		r.must(verifier.VerifyIgnoringTimestamp(h.body, h.header))
		if n := len(strings.Fields(h.header.Get("webhook-signature"))); n != 2 {
			t.Errorf("%d signatures, want one of each secret", n)
		}
		if want := fmt.Sprint(r.clock.Now().Unix()); h.header.Get("webhook-timestamp") != want || h.header.Get("Authorization") != "Bearer token" {
			t.Errorf("headers: %v", h.header)
		}
	}
	slices.SortFunc(got, func(a, b *hook) int { return strings.Compare(a.id(), b.id()) })
	if got[0].id() != "one" || got[1].id() != "two" || got[0].Sequence == 0 || got[0].Sequence >= got[1].Sequence {
		t.Errorf("got %+v, %+v", got[0], got[1])
	}
	r.close(s)
	r.close(s)
	s.Start()
	if n := outcomes.Load(); n != 2 {
		t.Errorf("%d deliveries were observed", n)
	}
	r.close(s)
	again := r.start(target)
	r.report(again, r.came("cleo", "three"))
	if got := shop.waitFor(3); len(got) != 3 || got[2].id() != "three" {
		t.Error("what was delivered is delivered again")
	}
}

// TestOrderHoldsUnderFailures has a target that fails often, and looks that each user's items come in order all the same, each until
// it was taken, and with the same id.
func TestOrderHoldsUnderFailures(t *testing.T) {
	r := newRig(t)
	var n atomic.Int32
	shop := receive(t, func(w http.ResponseWriter, h *hook) {
		if n.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			h.refused.Store(true)
		}
	})
	target := shop.target()
	target.Timeout = 5 * time.Minute // no lease runs out while the clock is moved faster than it goes
	s := r.start(target)
	const users, each = 7, 12
	for i := range each {
		for u := range users {
			r.report(s, r.came(fmt.Sprint("user", u), fmt.Sprintf("%d-%02d", u, i)))
		}
	}
	taken := func() (all []*hook) {
		for _, h := range shop.hooks() {
			if !h.refused.Load() {
				all = append(all, h)
			}
		}
		return all
	}
	testkit.Eventually(t, "all to be taken", func() bool {
		r.clock.Advance(100 * time.Millisecond)
		s.Report(r.came("nobody", "who is put nowhere")) // there may be something now
		return len(taken()) == users*each
	})
	next := map[byte]int{}
	for _, h := range shop.hooks() {
		u := h.id()[0]
		if want := fmt.Sprintf("%c-%02d", u, next[u]); h.id() != want {
			t.Fatalf("%s came when %s was due", h.id(), want)
		}
		if !h.refused.Load() {
			next[u]++
		}
	}
}

// TestAnHourOf500 has one of two targets answer 500 for an hour: the other gets everything at once, and the first everything when it is well.
func TestAnHourOf500(t *testing.T) {
	r := newRig(t)
	var ill atomic.Bool
	ill.Store(true)
	shop := receive(t, func(w http.ResponseWriter, h *hook) {
		if ill.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	well := receive(t, nil)
	other := well.target()
	other.Name = "other"
	target := shop.target()
	target.Timeout = 5 * time.Minute // no lease runs out while the clock is moved faster than it goes
	s := r.start(target, other)
	const minutes, perMinute = 60, 5
	for i := range minutes {
		for j := range perMinute {
			r.report(s, r.came(fmt.Sprint("user", j), fmt.Sprintf("%03d", i*perMinute+j)))
		}
		well.waitFor((i + 1) * perMinute)
		r.clock.Advance(time.Minute)
	}
	// Each user's first was tried about ten times, and as a whole the target once a rest at most.
	if n := len(shop.hooks()); n < 10 || n > 5*30 {
		t.Errorf("a target that is down got %d requests in an hour", n)
	}
	if !strings.Contains(r.logs.String(), "a webhook target is down") {
		t.Errorf("the log does not say that the target is down: %s", r.logs.String())
	}
	before := len(shop.hooks())
	ill.Store(false)
	all := minutes * perMinute
	testkit.Eventually(t, "the target to get everything", func() bool {
		r.clock.Advance(time.Second)
		s.Report(r.came("nobody", "who is put nowhere"))
		return len(shop.hooks()) >= before+all
	})
	last := map[string]string{}
	for _, h := range shop.hooks()[before:] {
		user := string(h.Data)[:len(`{"user":"userN"`)]
		if last[user] >= h.id() {
			t.Errorf("%s came after %s", h.id(), last[user])
		}
		last[user] = h.id()
	}
	if n := len(shop.hooks()) - before; n != all {
		t.Errorf("%d were delivered, want each of %d once", n, all)
	}
}

func TestGivenUpAndReplayed(t *testing.T) {
	r := newRig(t)
	var status atomic.Int32
	status.Store(410)
	shop := receive(t, func(w http.ResponseWriter, h *hook) { w.WriteHeader(int(status.Load())) })
	target := shop.target()
	target.RetryFor = time.Hour
	s := r.start(target)
	r.report(s, r.came("ann", "one"), r.came("ann", "two"))
	shop.waitFor(1)
	dead := func() []hubbub.OutboxItem {
		all, err := s.Dead(t.Context(), "shop", 0, 10)
		r.must(err)
		return all
	}
	testkit.Eventually(t, "both to be given up", func() bool {
		r.clock.Advance(5 * time.Minute)
		s.Report(r.came("nobody", "who is put nowhere"))
		return len(dead()) == 2
	})
	if d := dead()[0]; d.ID != "one" || d.Error != "the target answered 410 Gone" || d.Attempts < 2 {
		t.Errorf("given up: %+v", d)
	}
	backlogs, err := s.Backlogs(t.Context())
	r.must(err)
	if len(backlogs) != 1 || backlogs[0].Target != "shop" || backlogs[0].Dead != 2 || backlogs[0].Waiting != 0 {
		t.Errorf("backlogs: %+v", backlogs)
	}
	status.Store(204)
	if n, err := s.Replay(t.Context(), "shop", []string{"two", "three"}); n != 1 || err != nil {
		t.Errorf("replayed %d, %v", n, err)
	}
	before := len(shop.hooks())
	if n, err := s.Replay(t.Context(), "shop", nil); n != 1 || err != nil {
		t.Errorf("replayed %d, %v", n, err)
	}
	testkit.Eventually(t, "both to be delivered", func() bool {
		backlogs, err := s.Backlogs(t.Context())
		r.must(err)
		return backlogs[0] == hubbub.Backlog{Target: "shop"}
	})
	if n := len(shop.hooks()); n < before+1 || n > before+2 {
		t.Errorf("%d requests more", n-before)
	}
}

func TestRetryAfterOfTheTarget(t *testing.T) {
	r := newRig(t)
	var n atomic.Int32
	shop := receive(t, func(w http.ResponseWriter, h *hook) {
		if n.Add(1) == 1 {
			w.Header().Set("Retry-After", "1800")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	well := receive(t, nil)
	other := well.target()
	other.Name = "other"
	s := r.start(shop.target(), other)
	r.report(s, r.came("ann", "one"))
	shop.waitFor(1)
	testkit.Eventually(t, "the failure to be settled", func() bool { return strings.Contains(r.logs.String(), "429 Too Many Requests") })
	for i := range 29 {
		r.clock.Advance(time.Minute)
		r.report(s, r.came("bob", fmt.Sprint(i)))
		well.waitFor(i + 2)
	}
	if n := len(shop.hooks()); n != 1 {
		t.Errorf("the target got %d requests before the time that it named", n)
	}
	r.clock.Advance(2 * time.Minute)
	shop.waitFor(1 + 1 + 29)
}

func TestTestEvents(t *testing.T) {
	r := newRig(t)
	shop := receive(t, nil)
	target := shop.target()
	target.Events = []string{"message.sent"}
	s := r.start(target)
	r.must(s.Test(t.Context(), "shop"))
	if h := shop.waitFor(1)[0]; h.Type != "hubbub.test" || string(h.Data) != `{"target":"shop"}` {
		t.Errorf("got %s", h.body)
	}
	_, dead := s.Dead(t.Context(), "nobody", 0, 1)
	_, replay := s.Replay(t.Context(), "nobody", nil)
	for _, err := range []error{s.Test(t.Context(), "nobody"), dead, replay} {
		if err == nil || hubbub.AsError(err).Reason != hubbub.NotFound {
			t.Errorf("of a target that there is not: %v", err)
		}
	}
}
