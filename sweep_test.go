package hubbub_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// TestPairsThatWereSilentBeforeTheBusWasAway: what was accepted meanwhile is told when the bus is back, once and in order.
func TestPairsThatWereSilentBeforeTheBusWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		d := &quiet{Driver: f.Driver()}
		o := hubbub.Options{Store: newArchive(), Private: hubbub.PrivateRule{History: hubbub.HistoryDurable, Rate: hubbub.Rate{PerSecond: -1}}}
		b := join(t, f, "b", o)
		o.Driver, o.Node = d, "a"
		a := start(t, o)
		ann := open(t, a, "ann")
		say := func(peer string, words ...string) {
			t.Helper()
			for _, word := range words {
				if _, err := ann.SendUser(t.Context(), peer, text(word)); err != nil {
					t.Fatal(err)
				}
			}
		}
		say("bob", "before bob is here")
		say("cid", "before cid is here")
		pass(time.Minute)
		bob, cid := open(t, b.Hub, "bob"), open(t, b.Hub, "cid")
		want := func(c client, want string) {
			t.Helper()
			synctest.Wait()
			if got := strings.Join(heard(c), " "); got != want {
				t.Errorf("%s has heard %s, want %s", c.Identity().User, got, want)
			}
		}
		pass(time.Minute)
		for _, round := range []string{"1", "2"} {
			d.away.Store(true)
			say("bob", "one "+round, "two "+round)
			want(bob, "")
			pass(time.Minute)
			d.away.Store(false)
			b.driver.Heal(b.Node())
			pass(time.Minute)
			want(bob, fmt.Sprintf(`"one %s" "two %s"`, round, round))
			b.driver.Heal(b.Node())
			pass(time.Minute)
			want(bob, "")
		}
		say("bob", "three")
		want(bob, `"three"`)
		want(cid, "")
		var long, told []string
		for i := range 250 { // more than one page
			long, told = append(long, fmt.Sprint(i)), append(told, fmt.Sprintf(`"%d"`, i))
		}
		d.away.Store(true)
		say("cid", long...)
		d.away.Store(false)
		b.driver.Heal(b.Node())
		say("cid", "at last")
		pass(time.Minute)
		want(cid, strings.Join(append(told, `"at last"`), " "))
	})
}
