package redis_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// TestWhatIsToldAgainIsInOrder has two instances tell again what a third one has decided and not told: one takes over the first part of it,
// and the other one, which takes over the rest, tells what the user did before that, too.
func TestWhatIsToldAgainIsInOrder(t *testing.T) {
	t.Parallel()
	clock, prefix := drivertest.NewClock(), freshPrefix()
	dumb, first, second := quiet(t, clock, prefix), quiet(t, clock, prefix), quiet(t, clock, prefix)
	words := func(all []hubbub.Transition) (words []string) {
		for _, tr := range all {
			words = append(words, strings.TrimSpace(fmt.Sprint(tr.Kind, " ", tr.Session.ID)))
		}
		return words
	}
	var decided []string
	dumb.OnDecision(func(all []hubbub.Transition) { decided = append(decided, words(all)...) })
	pass := func(d time.Duration) {
		t.Helper()
		clock.Advance(d)
		if _, err := dumb.Renew(t.Context(), hubbub.NodeStatus{Node: keptNode}); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ { // each in the place of the one before
			s := recordOf("ann", fmt.Sprint("device", i), fmt.Sprint("s", i), keptNode, clock)
			if _, err := dumb.Open(t.Context(), s, hubbub.DeviceLimit{Max: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	tells := func(d *redis.Driver, want []string) {
		t.Helper()
		all, err := d.Reap(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := words(all); !slices.Equal(got, want) {
			t.Errorf("told again is %s, want %s", got, want)
		}
	}
	pass(0)
	begin(0, 4)
	half := slices.Clone(decided)
	pass(time.Second)
	begin(4, 8)
	pass(drivertest.Lease - 2*time.Second)
	pass(time.Second)
	tells(first, half)
	pass(time.Second)
	tells(second, decided)
}
