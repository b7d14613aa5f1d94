package drivertest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func directoryTests() []test[*rig] {
	return []test[*rig]{
		{"presences of many, in the order asked", presences},
		{"the devices of a presence", presenceDevices},
		{"counts", counts},
		{"online users in pages", onlinePages},
		{"a list is counted anew when time has passed", listedInTime},
		{"many come and go, and the list stays in order", manyComeAndGo},
		{"online users by filter", onlineFilters},
	}
}

// count fails the test unless that many are online, when counts are as old as they may be.
func (r *rig) count(users, sessions int) {
	r.Helper()
	c, err := r.Count(r.Context())
	r.must(err)
	if want := (hubbub.Counts{Users: users, Sessions: sessions}); c != want {
		r.clock.Advance(time.Second)
		if c, err = r.Count(r.Context()); err != nil || c != want {
			r.Fatalf("online are %+v, %v; want %+v", c, err, want)
		}
	}
}

func (r *rig) online(f hubbub.Filter, after string, limit int) hubbub.PresencePage {
	r.Helper()
	page, err := r.Online(r.Context(), f, after, limit)
	r.must(err)
	return page
}

func presences(r *rig) {
	r.renew()
	var asked []string
	for i := range 300 {
		user := fmt.Sprint("u", i*7%300)
		asked = append(asked, user)
		if i%3 != 0 {
			r.open(fmt.Sprintf("%s phone s%d", user, i), hubbub.DeviceLimit{})
		}
		if i%3 == 1 {
			r.end(hubbub.Target{User: user}, hubbub.EndClosed)
		}
	}
	asked = append(asked, asked[1]) // twice
	end := r.clock.Now()
	r.clock.Advance(Grace + time.Second)
	all, err := r.Presences(r.Context(), asked)
	r.must(err)
	for i, p := range all {
		switch {
		case p.User != asked[i]:
			r.Fatalf("asked for %s, got %+v", asked[i], p)
		case i%3 == 0 && i < 300 && (p.Online || p.Info != nil || p.Devices != nil || !p.LastSeen.IsZero()):
			r.Fatalf("who never was here is %+v", p)
		case i%3 == 1 && (p.Online || p.Info != nil || p.Devices != nil || !p.LastSeen.Equal(end)):
			r.Fatalf("who has left is %+v", p)
		case i%3 == 2 && (!p.Online || string(p.Info) != fmt.Sprintf(`{"of":"s%d"}`, i) || !p.LastSeen.IsZero()):
			r.Fatalf("who is here is %+v", p)
		}
	}
	if none, err := r.Presences(r.Context(), nil); len(none) != 0 || err != nil {
		r.Fatalf("asked for nobody, got %+v, %v", none, err)
	}
}

func presenceDevices(r *rig) {
	r.renew()
	for _, words := range []string{"phone s1 ios", "laptop s2", "phone s3 ios b", "laptop s4", "laptop s5"} {
		r.open("ann "+words, hubbub.DeviceLimit{})
	}
	want := []hubbub.DeviceInfo{{Device: "phone", Platform: "ios", Sessions: 2}, {Device: "laptop", Platform: "web", Sessions: 3}}
	if p := r.presence("ann"); !slices.Equal(p.Devices, want) || string(p.Info) != `{"of":"s5"}` {
		r.Fatalf("ann is %+v, want %+v", p, want)
	}
	r.end(hubbub.Target{User: "ann", Device: "phone"}, hubbub.EndClosed)
	if p := r.presence("ann"); !slices.Equal(p.Devices, want[1:]) || !p.LastSeen.IsZero() {
		r.Fatalf("ann is %+v", p)
	}
}

func counts(r *rig) {
	r.renew()
	r.count(0, 0)
	for _, words := range []string{"ann phone s1", "ann laptop s2 b", "bob phone s3", "cid phone s4 b"} {
		r.open(words, hubbub.DeviceLimit{})
	}
	r.count(3, 4)
	r.renew()
	r.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndClosed)
	r.count(3, 3)
	r.end(hubbub.Target{User: "bob"}, hubbub.EndClosed)
	r.count(3, 2) // bob is in his grace period
	r.pass(Grace + time.Second)
	r.reap()
	r.count(2, 2)
	r.open("bob phone s5", hubbub.DeviceLimit{})
	r.count(3, 3)
}

// walk lists all online users by pages.
func (r *rig) walk(f hubbub.Filter, limit, total int) []string {
	r.Helper()
	names := []string{}
	for after, pages := "", 0; ; pages++ {
		page := r.online(f, after, limit)
		if len(page.Users) > limit || page.Total != total || pages > 1000 {
			r.Fatalf("page %d of at most %d has %d users of %d, want the total %d", pages, limit, len(page.Users), page.Total, total)
		}
		for _, p := range page.Users {
			names = append(names, p.User)
		}
		if page.Next == "" {
			return names
		}
		after = page.Next
	}
}

func onlinePages(r *rig) {
	r.renew()
	var want []string
	for i := range 53 {
		user := fmt.Sprintf("u%d", i*31%53) // in no order
		want = append(want, user)
		r.open(fmt.Sprintf("%s phone s%d", user, i), hubbub.DeviceLimit{})
	}
	slices.Sort(want)
	for _, limit := range []int{1, 10, 53, 100} {
		if got := r.walk(hubbub.Filter{}, limit, len(want)); !slices.Equal(got, want) {
			r.Fatalf("in pages of %d online are %v, want %v", limit, got, want)
		}
	}
	page := r.online(hubbub.Filter{}, want[50], 10)
	if len(page.Users) != 2 || page.Users[0].User != want[51] || page.Next != "" || len(page.Users[0].Devices) != 1 {
		r.Fatalf("after %s come %+v", want[50], page)
	}
	r.end(hubbub.Target{User: want[7]}, hubbub.EndClosed) // still online
	r.walk(hubbub.Filter{}, 10, 53)
	r.pass(Grace + time.Second)
	r.reap()
	if got := r.walk(hubbub.Filter{}, 10, 52); slices.Contains(got, want[7]) {
		r.Fatalf("who has left is online")
	}
}

// listedInTime has graces end by time alone, soon after a list was counted: each list is counted as it is.
func listedInTime(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	r.clock.Advance(time.Second)
	r.open("bob phone s2", hubbub.DeviceLimit{})
	r.end(hubbub.Target{User: "bob"}, hubbub.EndClosed)
	r.open("cid phone s3", hubbub.DeviceLimit{})
	r.clock.Advance(Grace - time.Second - time.Millisecond)
	for _, want := range []struct {
		after time.Duration
		names []string
	}{{0, []string{"ann", "bob", "cid"}}, {time.Millisecond, []string{"bob", "cid"}}, {time.Second, []string{"cid"}}} {
		r.clock.Advance(want.after)
		if got := r.walk(hubbub.Filter{}, 2, len(want.names)); !slices.Equal(got, want.names) {
			r.Fatalf("online are %v, want %v", got, want.names)
		}
	}
}

func manyComeAndGo(r *rig) {
	r.renew()
	const n = 1500
	name := func(i int) string { return fmt.Sprintf("u%d", i*617%n) } // in no order
	var want []string
	each := func(do func(i int) error) {
		const hands = 8
		atOnce(hands, func(from int) {
			for i := from; i < n; i += hands {
				if err := do(i); err != nil {
					r.Errorf("%s: %v", name(i), err)
				}
			}
		})
	}
	for i := range n {
		if i%10 == 0 {
			want = append(want, name(i))
		}
	}
	each(func(i int) error {
		_, err := r.Open(r.Context(), r.record(fmt.Sprintf("%s phone s%d", name(i), i)), hubbub.DeviceLimit{})
		return err
	})
	each(func(i int) (err error) {
		if i%10 != 0 {
			_, err = r.End(r.Context(), hubbub.Target{User: name(i)}, hubbub.EndClosed)
		}
		return err
	})
	r.pass(Grace + time.Second)
	slices.Sort(want)
	for range 2 { // before and after they are told offline
		if got := r.walk(hubbub.Filter{}, 100, len(want)); !slices.Equal(got, want) {
			r.Fatalf("of %d users %d are left, want %d", n, len(got), len(want))
		}
		r.reap()
	}
	each(func(i int) error {
		_, err := r.Open(r.Context(), r.record(fmt.Sprintf("%s laptop t%d", name(i), i)), hubbub.DeviceLimit{})
		return err
	})
	if got := r.walk(hubbub.Filter{}, 100, n); len(got) != n || !slices.IsSorted(got) {
		r.Fatalf("of %d users %d are online, in order: %v", n, len(got), slices.IsSorted(got))
	}
}

func onlineFilters(r *rig) {
	r.renew()
	for _, words := range []string{
		"ann phone s1 ios", "ann laptop s2", "bob phone s3 ios", "cid laptop s4", "dan laptop s5 b",
	} {
		s := r.record(words)
		if s.ID == "s2" || s.ID == "s3" {
			s.Attrs = map[string]string{"plan": "pro", "empty": ""}
		}
		_, err := r.Open(r.Context(), s, hubbub.DeviceLimit{})
		r.must(err)
	}
	for _, in := range []string{"lobby ann s1", "lobby cid s4", "lobby dan s5", "other ann s2"} {
		w := strings.Fields(in)
		_, _, err := r.Enter(r.Context(), w[0], w[1], w[2])
		r.must(err)
	}
	for _, c := range []struct {
		f    hubbub.Filter
		want string
	}{
		{hubbub.Filter{Room: "lobby"}, "ann cid dan"},
		{hubbub.Filter{Room: "nobody"}, ""},
		{hubbub.Filter{Platform: "ios"}, "ann bob"},
		{hubbub.Filter{Platform: "web"}, "ann cid dan"},
		{hubbub.Filter{Platform: "tv"}, ""},
		{hubbub.Filter{Attr: "plan", Value: "pro"}, "ann bob"},
		{hubbub.Filter{Attr: "plan", Value: "free"}, "ann cid dan"},
		{hubbub.Filter{Attr: "empty"}, "ann bob"},
		{hubbub.Filter{Attr: "none"}, ""},
		{hubbub.Filter{Platform: "ios", Attr: "plan", Value: "pro"}, "bob"},
		{hubbub.Filter{Room: "lobby", Platform: "web"}, "cid dan"},
		{hubbub.Filter{Room: "lobby", Attr: "plan", Value: "pro"}, ""},
		{hubbub.Filter{Room: "other", Platform: "web", Attr: "plan", Value: "pro"}, "ann"},
	} {
		want := strings.Fields(c.want)
		for _, limit := range []int{1, 10} {
			if got := r.walk(c.f, limit, len(want)); !slices.Equal(got, want) {
				r.Errorf("for %+v online are %v, want %v", c.f, got, want)
			}
		}
	}
	r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed) // in grace: online, but with nothing and nowhere
	if got := r.walk(hubbub.Filter{Room: "lobby"}, 10, 2); !slices.Equal(got, []string{"cid", "dan"}) {
		r.Errorf("in the lobby are %v", got)
	}
	r.walk(hubbub.Filter{Platform: "ios"}, 10, 1)
	r.walk(hubbub.Filter{}, 10, 4)
}
