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

// TestAPrivateMessageThatCouldNotBePublished is accepted while what would bring it to the other node is away, but nobody's connection is lost.
func TestAPrivateMessageThatCouldNotBePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := nodes(t, hubbub.Options{})
		ann, here, bob := open(t, a.Hub, "ann"), open(t, a.Hub, "bob/phone"), open(t, b.Hub, "bob")
		a.driver.Hush(true)
		if _, err := ann.SendUser(t.Context(), "bob", text("hello")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := heard(here); len(got) != 1 {
			t.Errorf("on the same node bob heard %s", got)
		}
		a.driver.Hush(false)
		pass(lease)
		for who, c := range map[string]client{"ann": ann, "bob": bob} {
			if got := strings.Join(heard(c), " "); got != `"hello"` {
				t.Errorf("%s heard %s", who, got)
			}
		}
	})
}

// TestAPrivateMessageThatIsToldLate is published when one after it was already, to somebody who has come since.
func TestAPrivateMessageThatIsToldLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := nodes(t, hubbub.Options{})
		ann, other := open(t, a.Hub, "ann"), open(t, b.Hub, "ann/other")
		a.driver.Hush(true)
		for _, from := range []client{ann, other} {
			if _, err := from.SendUser(t.Context(), "bob", text("hello")); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * time.Second)
		bob := open(t, b.Hub, "bob")
		a.driver.Hush(false)
		pass(lease)
		if got := strings.Join(heard(bob), " "); got != `"hello" "hello"` && got != "" {
			t.Errorf("bob heard %s", got)
		}
	})
}
