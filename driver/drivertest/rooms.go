package drivertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

func roomTests() []test[*rig] {
	return []test[*rig]{
		{"entering and leaving rooms", enterAndLeave},
		{"a session that ends leaves its rooms", endLeaves},
		{"rooms in pages", roomPages},
		{"who is in a crowded room in pages", crowdedRoom},
		{"entering and leaving at once", enterAtOnce},
		{"ending and entering at once leaves nobody behind", endAndEnter},
	}
}

// enter fails the test unless entering a room tells this.
func (r *rig) enter(room, user, session string, first bool, count int) {
	r.Helper()
	f, n, err := r.Enter(r.Context(), room, user, session)
	if err != nil || f != first || n != count {
		r.Fatalf("%s of %s enters %s: first %v, %d users, %v; want %v, %d", session, user, room, f, n, err, first, count)
	}
}

// leave fails the test unless leaving a room tells this.
func (r *rig) leave(room, user, session string, last bool, count int) {
	r.Helper()
	l, n, err := r.Leave(r.Context(), room, user, session)
	if err != nil || l != last || n != count {
		r.Fatalf("%s of %s leaves %s: last %v, %d users, %v; want %v, %d", session, user, room, l, n, err, last, count)
	}
}

func enterAndLeave(r *rig) {
	r.renew()
	for _, words := range []string{"ann phone s1", "ann laptop s2 b", "bob phone s3"} {
		r.open(words, hubbub.DeviceLimit{})
	}
	r.enter("lobby", "ann", "s1", true, 1)
	r.enter("lobby", "ann", "s1", false, 1) // is there already
	r.leave("lobby", "ann", "s1", true, 0)
	r.enter("lobby", "ann", "s1", true, 1)
	r.enter("lobby", "bob", "s3", true, 2)
	r.enter("lobby", "ann", "s2", false, 2)
	r.enter("other", "ann", "s2", true, 1)
	r.leave("lobby", "ann", "s1", false, 2)
	r.leave("lobby", "ann", "s1", false, 2) // has left already
	r.leave("nowhere", "ann", "s1", false, 0)
	r.leave("lobby", "ann", "s2", true, 1)
	r.leave("lobby", "bob", "s3", true, 0)
	_, _, err := r.Enter(r.Context(), "lobby", "ann", "s9")
	r.refused(err, hubbub.NotFound)
	_, _, err = r.Enter(r.Context(), "lobby", "bob", "s1") // somebody else's
	r.refused(err, hubbub.NotFound)
	r.end(hubbub.Target{User: "bob"}, hubbub.EndClosed)
	_, _, err = r.Enter(r.Context(), "lobby", "bob", "s3")
	r.refused(err, hubbub.NotFound)
	r.leave("lobby", "bob", "s3", false, 0)
}

func endLeaves(r *rig) {
	r.renew()
	for _, words := range []string{"ann phone s1", "ann laptop s2 b", "bob phone s3"} {
		r.open(words, hubbub.DeviceLimit{})
	}
	r.enter("lobby", "ann", "s1", true, 1)
	r.enter("lobby", "ann", "s2", false, 1)
	r.enter("lobby", "bob", "s3", true, 2)
	r.enter("own", "ann", "s1", true, 1)
	told := r.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndClosed)
	if left := told[0].Left; len(left) != 1 || left[0].Room != "own" || left[0].User != "ann" || left[0].Count != 0 ||
		string(left[0].Info) != `{"of":"s1"}` {
		r.Fatalf("ann has left %+v by her first session", told[0].Left)
	}
	o := r.open("ann tablet s4", hubbub.DeviceLimit{Max: 1})
	if left := o.Transitions[0].Left; len(left) != 1 || left[0].Room != "lobby" || left[0].Count != 1 {
		r.Fatalf("ann has left %+v when she was replaced", left)
	}
	r.enter("lobby", "ann", "s4", true, 2)
	r.lose(0)
	for _, t := range r.reap() {
		if t.Kind == hubbub.SessionDisconnected && t.Why == hubbub.EndNodeLost && len(t.Left) != 1 {
			r.Fatalf("with the node was left %+v", t)
		}
	}
	if page, err := r.Occupied(r.Context(), "", 10); err != nil || len(page.Rooms) != 0 {
		r.Fatalf("somebody is in %+v, %v", page, err)
	}
}

func roomPages(r *rig) {
	r.renew()
	const n = 23
	for u := range 3 {
		user, id := fmt.Sprint("u", u), fmt.Sprint("s", u)
		r.open(user+" phone "+id, hubbub.DeviceLimit{})
		for i := range n {
			if i%(u+1) == 0 {
				_, _, err := r.Enter(r.Context(), fmt.Sprintf("room%02d", i*7%n), user, id)
				r.must(err)
			}
		}
	}
	var want []hubbub.RoomCount
	for i := range n {
		room := hubbub.RoomCount{Room: fmt.Sprintf("room%02d", i*7%n), Users: 1}
		for u := 1; u < 3; u++ {
			if i%(u+1) == 0 {
				room.Users++
			}
		}
		want = append(want, room)
	}
	slices.SortFunc(want, func(a, b hubbub.RoomCount) int {
		if a.Room < b.Room {
			return -1
		}
		return 1
	})
	for _, limit := range []int{1, 5, n, 100} {
		var got []hubbub.RoomCount
		for after, pages := "", 0; pages == 0 || after != ""; pages++ {
			page, err := r.Occupied(r.Context(), after, limit)
			r.must(err)
			if got = append(got, page.Rooms...); len(page.Rooms) > limit || pages > n {
				r.Fatalf("page %d of at most %d rooms has %d", pages, limit, len(page.Rooms))
			}
			after = page.Next
		}
		if !slices.Equal(got, want) {
			r.Fatalf("in pages of %d the rooms are %v, want %v", limit, got, want)
		}
	}
}

// crowdedRoom lists a room with more people than are read at once, some with several sessions, while some leave and a node is lost.
func crowdedRoom(r *rig) {
	r.renew()
	const n = 1300
	nameOf := func(i int) string { // in no order, and many begin with the whole name of others
		return "u" + strings.Repeat("!", i%3) + fmt.Sprint(i*617%n/3)
	}
	enter := func(session, user, words string) error {
		_, err := r.Open(r.Context(), r.record(user+" phone "+session+" "+words), hubbub.DeviceLimit{})
		if err == nil {
			_, _, err = r.Enter(r.Context(), "hall", user, session)
		}
		return err
	}
	const hands = 8
	atOnce(hands, func(from int) {
		for i := from; i < n; i += hands {
			node := "a"
			if i%4 == 0 {
				node = "b"
			}
			err := enter(fmt.Sprint("s", i), nameOf(i), node)
			if err == nil && i%5 == 0 {
				err = enter(fmt.Sprint("t", i), nameOf(i), "b")
			}
			if err != nil {
				r.Errorf("%s: %v", nameOf(i), err)
			}
		}
	})
	here := func(limit int, in func(i int) bool) {
		r.Helper()
		var want []string
		for i := range n {
			if in(i) {
				want = append(want, nameOf(i))
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)
		if got := r.walk(hubbub.Filter{Room: "hall"}, limit, len(want)); !slices.Equal(got, want) {
			r.Fatalf("in pages of %d there are %d people, want %d", limit, len(got), len(want))
		}
	}
	everybody := func(int) bool { return true }
	here(100, everybody)
	here(2*n, everybody)
	if page := r.online(hubbub.Filter{Room: "hall"}, nameOf(0), 0); len(page.Users) != 0 || page.Next != "" {
		r.Fatalf("an empty page is %+v", page)
	}
	for i := range 10 {
		_, _, err := r.Leave(r.Context(), "hall", nameOf(i), fmt.Sprint("s", i))
		r.must(err)
	}
	stayed := func(i int) bool { return i >= 10 || i%5 == 0 } // with the other session
	here(300, stayed)
	r.lose(0)
	onB := func(i int) bool { return i%5 == 0 || stayed(i) && i%4 == 0 }
	here(100, onB) // before and after they are ended
	r.reap()
	here(100, onB)
}

func enterAtOnce(r *rig) {
	r.renew()
	const users = 40
	for i := range users {
		r.open(fmt.Sprintf("u%d phone s%d", i/2, i), hubbub.DeviceLimit{})
	}
	var mu sync.Mutex
	firsts, lasts, most := 0, 0, 0
	atOnce(users, func(i int) {
		user, id := fmt.Sprint("u", i/2), fmt.Sprint("s", i)
		first, count, err := r.Enter(r.Context(), "lobby", user, id)
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		most = max(most, count)
		if first {
			firsts++
		}
	})
	atOnce(users, func(i int) {
		last, _, err := r.Leave(r.Context(), "lobby", fmt.Sprint("u", i/2), fmt.Sprint("s", i))
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if last {
			lasts++
		}
	})
	if firsts != users/2 || lasts != users/2 || most != users/2 {
		r.Fatalf("of %d users %d were first, at most %d there, %d last", users/2, firsts, most, lasts)
	}
}

func endAndEnter(r *rig) {
	r.renew()
	const n = 50
	for i := range n {
		r.open(fmt.Sprintf("u%d phone s%d", i, i), hubbub.DeviceLimit{})
	}
	var mu sync.Mutex
	entered, left := 0, 0
	atOnce(2*n, func(i int) {
		user, id := fmt.Sprint("u", i%n), fmt.Sprint("s", i%n)
		if i < n {
			first, _, err := r.Enter(r.Context(), "lobby", user, id)
			if err != nil && hubbub.AsError(err).Reason != hubbub.NotFound {
				r.Errorf("%v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if first {
				entered++
			}
			return
		}
		told, err := r.End(r.Context(), hubbub.Target{User: user}, hubbub.EndClosed)
		if err != nil || len(told) != 1 {
			r.Errorf("ending told %s, %v", story(told), err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		left += len(told[0].Left)
	})
	if page, err := r.Occupied(r.Context(), "", 10); err != nil || len(page.Rooms) != 0 || entered != left {
		r.Fatalf("%d have entered, %d have left, somebody is in %+v, %v", entered, left, page, err)
	}
}
