package drivertest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func deviceTests() []test[*rig] {
	return []test[*rig]{
		{"a new device takes the place of the first", replaceFirst},
		{"tabs of a device count once", tabs},
		{"a limit for each platform", perPlatform},
		{"a device too many is refused", refuseDevice},
		{"a session too many is refused", refuseSession},
		{"who came first is told by the device", whoCameFirst},
		{"a lower limit makes room for one", lowerLimit},
		{"logins at once leave as many as are allowed", loginsAtOnce},
		{"refused logins at once leave as many as are allowed", refusedAtOnce},
		{"sessions at once are limited", sessionsAtOnce},
		{"logins of many users at once do not mix", manyUsersAtOnce},
	}
}

func replaceFirst(r *rig) {
	r.renew()
	one := hubbub.DeviceLimit{Max: 1}
	first := r.open("ann phone s1", one)
	r.tells(first.Transitions, "+s1, online ann")
	second := r.open("ann laptop s2 b", one)
	r.tells(second.Transitions, "-s1 signed_in_elsewhere, +s2")
	if got := ids(second.Replaced); !slices.Equal(got, []string{"s1"}) || second.Generation <= first.Generation {
		r.Fatalf("replaced are %v, and generation %d follows %d", got, second.Generation, first.Generation)
	}
	r.are("ann", "s2")
	if t := r.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndClosed); len(t) != 0 {
		r.Fatalf("who was replaced ended again: %s", story(t))
	}
	two := hubbub.DeviceLimit{Max: 2}
	r.open("ann phone s3", two)
	third := r.open("ann tablet s4", two)
	r.tells(third.Transitions, "-s2 signed_in_elsewhere, +s4")
	r.are("ann", "s3", "s4")
	if got := r.renew(); got["s1"] != hubbub.EndReplaced || got["s2"] != hubbub.EndReplaced || got["s3"] != "" {
		r.Fatalf("the nodes were told that %v have ended", got)
	}
}

func tabs(r *rig) {
	r.renew()
	one := hubbub.DeviceLimit{Max: 1}
	r.open("ann phone s1", one)
	r.open("ann phone s2 b", one)
	r.tells(r.open("ann phone s3", one).Transitions, "+s3")
	r.are("ann", "s1", "s2", "s3")
	o := r.open("ann laptop s4", one)
	if got := ids(o.Replaced); !slices.Equal(got, []string{"s1", "s2", "s3"}) {
		r.Fatalf("replaced are %v, want all three tabs", got)
	}
	r.are("ann", "s4")
}

func perPlatform(r *rig) {
	r.renew()
	l := hubbub.DeviceLimit{Max: 1, PerPlatform: true}
	r.open("ann laptop s1", l)
	r.open("ann phone s2 ios", l)
	r.are("ann", "s1", "s2")
	if o := r.open("ann tablet s3 ios", l); !slices.Equal(ids(o.Replaced), []string{"s2"}) {
		r.Fatalf("replaced are %v", ids(o.Replaced))
	}
	l.Refuse = true
	_, err := r.Open(r.Context(), r.record("ann pc s4"), l)
	r.refused(err, hubbub.Conflict)
	r.are("ann", "s1", "s3")
}

func refuseDevice(r *rig) {
	r.renew()
	l := hubbub.DeviceLimit{Max: 2, Refuse: true}
	r.open("ann phone s1", l)
	r.open("ann laptop s2", l)
	_, err := r.Open(r.Context(), r.record("ann tablet s3"), l)
	r.refused(err, hubbub.Conflict)
	r.open("ann phone s4", l)
	r.are("ann", "s1", "s2", "s4")
	r.end(hubbub.Target{User: "ann", Device: "laptop"}, hubbub.EndClosed)
	r.open("ann tablet s5", l)
	r.open("bob tablet s6", l)
}

func refuseSession(r *rig) {
	r.renew()
	l := hubbub.DeviceLimit{Max: 1, Sessions: 2}
	r.open("ann phone s1", l)
	r.open("ann phone s2", l)
	_, err := r.Open(r.Context(), r.record("ann phone s3"), l)
	r.refused(err, hubbub.Conflict)
	r.are("ann", "s1", "s2")
	// Those who give way do not count.
	r.open("ann laptop s4", l)
	r.are("ann", "s4")
}

func whoCameFirst(r *rig) {
	r.renew()
	l := hubbub.DeviceLimit{Max: 2}
	r.open("ann phone s1", l)
	r.clock.Advance(time.Millisecond)
	r.open("ann laptop s2", l)
	r.open("ann phone s3", l) // a reload: the new tab is there before the old one has gone
	r.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndClosed)
	if got := devices(r.presence("ann")); !slices.Equal(got, []string{"phone", "laptop"}) {
		r.Fatalf("the devices are %v, the first to come first", got)
	}
	o := r.open("ann tablet s4", l)
	if got := ids(o.Replaced); !slices.Equal(got, []string{"s3"}) {
		r.Fatalf("replaced are %v, want the phone, which came first", got)
	}
}

func lowerLimit(r *rig) {
	r.renew()
	for i := range 5 {
		r.open(fmt.Sprintf("ann d%d s%d", i, i), hubbub.DeviceLimit{})
	}
	r.open("ann d3 s5", hubbub.DeviceLimit{Max: 2}) // is there already: nobody gives way
	r.are("ann", "s0", "s1", "s2", "s3", "s4", "s5")
	o := r.open("ann d6 s6", hubbub.DeviceLimit{Max: 2})
	if got := ids(o.Replaced); !slices.Equal(got, []string{"s0", "s1", "s2", "s3", "s5"}) {
		r.Fatalf("replaced are %v", got)
	}
	r.are("ann", "s4", "s6")
}

// loginResult is what logins at once have led to.
type loginResult struct {
	mu        sync.Mutex
	accepted  map[string]bool
	refused   int
	replaced  map[string]int
	generated map[uint64]bool
	told      map[string]int // transitions in short
}

// login opens n sessions at once, which words describes.
func (r *rig) login(n int, l hubbub.DeviceLimit, words func(i int) string) *loginResult {
	r.Helper()
	res := &loginResult{
		accepted: map[string]bool{}, replaced: map[string]int{}, generated: map[uint64]bool{}, told: map[string]int{},
	}
	atOnce(n, func(i int) {
		s := r.record(words(i))
		o, err := r.Open(r.Context(), s, l)
		res.mu.Lock()
		defer res.mu.Unlock()
		if err != nil {
			res.refused++
			if hubbub.AsError(err).Reason != hubbub.Conflict {
				r.Errorf("%v", err)
			}
			return
		}
		res.accepted[s.ID] = true
		res.generated[o.Generation] = true
		for _, old := range o.Replaced {
			res.replaced[old.ID]++
		}
		for _, t := range o.Transitions {
			res.told[story([]hubbub.Transition{t})]++
		}
	})
	return res
}

// alternate is "user device id" of a session of ann's with a device and node of its own.
func alternate(i int) string { return fmt.Sprintf("ann d%d s%d %c", i, i, 'a'+rune(i%2)) }

// crowd is how many do the same at once. In a driver that several nodes share each of them waits for the round trips of those before.
func (r *rig) crowd() int {
	if _, ok := r.Driver.(hubbub.Shared); ok {
		return 60
	}
	return 300
}

func loginsAtOnce(r *rig) {
	n := r.crowd()
	for _, most := range []int{1, 3} {
		r.renew()
		res := r.login(n, hubbub.DeviceLimit{Max: most}, alternate)
		left := r.sessions("ann")
		if len(left) != most || len(res.accepted) != n || len(res.generated) != n {
			r.Fatalf("of %d logins, %d accepted in %d generations, %d are left; want %d", n, len(res.accepted), len(res.generated),
				len(left), most)
		}
		for id := range res.accepted {
			stays := slices.Contains(left, id)
			if stays && res.replaced[id] != 0 || !stays && res.replaced[id] != 1 {
				r.Errorf("%s is left: %v, and was replaced %d times", id, stays, res.replaced[id])
			}
			if res.told["+"+id] != 1 || res.told["-"+id+" signed_in_elsewhere"] != res.replaced[id] {
				r.Errorf("of %s was told %v", id, res.told)
			}
		}
		if len(r.presence("ann").Devices) != most {
			r.Errorf("ann is online with %+v", r.presence("ann").Devices)
		}
		r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	}
}

func refusedAtOnce(r *rig) {
	r.renew()
	n := r.crowd()
	res := r.login(n, hubbub.DeviceLimit{Max: 3, Refuse: true}, alternate)
	left := r.sessions("ann")
	if len(left) != 3 || len(res.accepted) != 3 || res.refused != n-3 || len(res.replaced) != 0 {
		r.Fatalf("%d accepted, %d refused, replaced %v, left %v; want 3", len(res.accepted), res.refused, res.replaced, left)
	}
	for _, id := range left {
		if !res.accepted[id] {
			r.Errorf("%s is left, and was not accepted", id)
		}
	}
}

func sessionsAtOnce(r *rig) {
	r.renew()
	res := r.login(100, hubbub.DeviceLimit{Sessions: 7}, func(i int) string { return fmt.Sprintf("ann phone s%d", i) })
	if len(res.accepted) != 7 || len(r.sessions("ann")) != 7 {
		r.Fatalf("%d accepted, %d left; want 7", len(res.accepted), len(r.sessions("ann")))
	}
	if res.told["online ann"] != 1 {
		r.Fatalf("ann came online %d times", res.told["online ann"])
	}
}

func manyUsersAtOnce(r *rig) {
	r.renew()
	const users, each = 40, 5
	res := r.login(users*each, hubbub.DeviceLimit{Max: 1}, func(i int) string {
		return fmt.Sprintf("user%d d%d s%d", i%users, i/users, i)
	})
	for u := range users {
		user := fmt.Sprint("user", u)
		if n := len(r.sessions(user)); n != 1 || res.told["online "+user] != 1 {
			r.Errorf("%s has %d sessions and came online %d times", user, n, res.told["online "+user])
		}
	}
	if len(res.replaced) != users*(each-1) {
		r.Errorf("%d sessions were replaced, want %d", len(res.replaced), users*(each-1))
	}
	r.clock.Advance(time.Second) // counts may be as old
	if c, err := r.Count(r.Context()); err != nil || c != (hubbub.Counts{Users: users, Sessions: users}) {
		r.Errorf("the counts are %+v, %v", c, err)
	}
}
