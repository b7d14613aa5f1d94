package drivertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// RunJournal tests a journal that is also [hubbub.Endings]. journal returns a new one that knows nothing of the others and lives by the clock. It is called
// for each test, and cleans up after itself with t.Cleanup.
func RunJournal(t *testing.T, journal func(t *testing.T, clock *Clock) hubbub.Journal) {
	rig := func(t *testing.T, clock *Clock) *journalRig { return &journalRig{base{t, clock}, journal(t, clock)} }
	run(t, rig, []test[*journalRig]{
		{"visitors", visitors},
		{"who arrives again", arriveAgain},
		{"who arrives at once", arriveAtOnce},
		{"last seen", lastSeen},
		{"sessions that were lost", lostSessions},
		{"ids of what was lost", lostIDs},
		{"an end told first", endToldFirst},
		{"a beginning told again", beginningToldAgain},
		{"ends are forgotten after a day", endsForgotten},
		{"how sessions have ended", sessionEndings},
		{"how users are", standings},
		{"lost in the grace", lostInGrace},
		{"recorded in part", recordedInPart},
		{"online elsewhere", onlineElsewhere},
		{"records of sessions", sessionRecords},
		{"many users", manyUsers},
	})
	t.Run("model of a journal", func(t *testing.T) { modelJournal(t, journal) })
}

// journalRig is a journal under test.
type journalRig struct {
	base
	hubbub.Journal
}

func (r *journalRig) arrive(v hubbub.Visitor) {
	r.Helper()
	r.must(r.Arrive(r.Context(), v))
}

func (r *journalRig) visitor(user string) hubbub.Visitor {
	r.Helper()
	all, err := r.Visitors(r.Context(), []string{user, "nobody"})
	r.must(err)
	if _, ok := all["nobody"]; ok {
		r.Fatalf("somebody knows nobody: %+v", all)
	}
	return all[user]
}

func (r *journalRig) record(ts ...hubbub.Transition) {
	r.Helper()
	r.must(r.Record(r.Context(), ts, nil))
}

func (r *journalRig) lost(node string) []hubbub.Transition {
	r.Helper()
	all, err := LostTo(r.Context(), r.Journal, node, r.clock.Now())
	r.must(err)
	return all
}

// began and the next three are transitions as a registry decides them now.
func (r *journalRig) began(user, session, node string) hubbub.Transition {
	s := hubbub.SessionRecord{ID: session, User: user, Device: "web", Node: node, Connected: r.clock.Now()}
	return hubbub.Transition{ID: hubbub.TransitionID(hubbub.SessionConnected, user, session), Kind: hubbub.SessionConnected,
		User: user, Session: s, Time: r.clock.Now()}
}

func (r *journalRig) ended(began hubbub.Transition) hubbub.Transition {
	return hubbub.Transition{ID: hubbub.TransitionID(hubbub.SessionDisconnected, began.User, began.Session.ID),
		Kind: hubbub.SessionDisconnected, User: began.User, Session: began.Session, Why: hubbub.EndClosed, Time: r.clock.Now()}
}

func (r *journalRig) online(began hubbub.Transition) hubbub.Transition {
	return hubbub.Transition{ID: hubbub.TransitionID(hubbub.UserOnline, began.User, began.Session.ID), Kind: hubbub.UserOnline,
		User: began.User, Time: r.clock.Now()}
}

func (r *journalRig) offline(online hubbub.Transition) hubbub.Transition {
	return hubbub.Transition{ID: hubbub.TransitionID(hubbub.UserOffline, online.User, online.ID), Kind: hubbub.UserOffline,
		User: online.User, Time: r.clock.Now()}
}

// summary says in short what was lost: sessions by their ids, users by "-" and their names.
func summary(lost []hubbub.Transition) []string {
	all := []string{}
	for _, t := range lost {
		switch t.Kind {
		case hubbub.SessionDisconnected:
			all = append(all, t.Session.ID)
		case hubbub.UserOffline:
			all = append(all, "-"+t.User)
		default:
			all = append(all, string(t.Kind))
		}
	}
	return all
}

// expectLost fails the test unless these are lost, in this order.
func (r *journalRig) expectLost(node string, want ...string) {
	r.Helper()
	if got := summary(r.lost(node)); !slices.Equal(got, want) {
		r.Fatalf("without %s are lost %q, want %q", node, got, want)
	}
}

func visitors(r *journalRig) {
	if v := r.visitor("ann"); v.User != "" {
		r.Fatalf("a new journal knows %+v", v)
	}
	r.must(r.Record(r.Context(), nil, nil))
	r.expectLost("b")
	info := json.RawMessage(`{"name": "Ann \u00e9"}`)
	first := r.clock.Now()
	r.arrive(hubbub.Visitor{User: "ann", Info: info, Attrs: map[string]string{"plan": "gold", "": "é"}, FirstSeen: first})
	v := r.visitor("ann")
	if v.User != "ann" || string(v.Info) != string(info) || !maps.Equal(v.Attrs, map[string]string{"plan": "gold", "": "é"}) ||
		!v.FirstSeen.Equal(first) || !v.LastSeen.IsZero() {
		r.Fatalf("ann is %+v", v)
	}
	r.arrive(hubbub.Visitor{User: "bob"})
	if v := r.visitor("bob"); v.User != "bob" || v.Info != nil || v.Attrs != nil || !v.FirstSeen.Equal(first) {
		r.Fatalf("bob is %+v", v)
	}
}

func arriveAgain(r *journalRig) {
	first := r.clock.Now()
	r.arrive(hubbub.Visitor{User: "ann", Info: []byte(`1`), Attrs: map[string]string{"a": "1"}, FirstSeen: first})
	r.clock.Advance(time.Hour)
	for _, next := range []hubbub.Visitor{
		{User: "ann", Info: []byte(`1`), Attrs: map[string]string{"a": "1"}},
		{User: "ann", Info: []byte(`2`), Attrs: map[string]string{"a": "1"}},
		{User: "ann", Info: []byte(`2`), Attrs: map[string]string{"a": "2", "b": "3"}},
		{User: "ann", Attrs: map[string]string{"b": "3"}},
		{User: "ann"},
		{User: "ann", Info: []byte(`null`)},
	} {
		next.FirstSeen = r.clock.Now()
		r.arrive(next)
		v := r.visitor("ann")
		if string(v.Info) != string(next.Info) || !maps.Equal(v.Attrs, next.Attrs) || !v.FirstSeen.Equal(first) {
			r.Fatalf("ann arrived as %+v and is %+v", next, v)
		}
	}
}

func arriveAtOnce(r *journalRig) {
	atOnce(16, func(i int) {
		if err := r.Arrive(r.Context(), hubbub.Visitor{User: "ann", Info: fmt.Append(nil, i%3)}); err != nil {
			r.Errorf("%v", err)
		}
	})
	if v := r.visitor("ann"); v.User != "ann" || len(v.Info) != 1 {
		r.Fatalf("ann is %+v", v)
	}
}

func lastSeen(r *journalRig) {
	r.arrive(hubbub.Visitor{User: "ann"})
	a := r.began("ann", "a", "one")
	r.record(a, r.online(a))
	r.clock.Advance(time.Minute)
	b := r.began("ann", "b", "one")
	r.record(b)
	if v := r.visitor("ann"); !v.LastSeen.IsZero() {
		r.Fatalf("no session has ended, and ann was seen at %v", v.LastSeen)
	}
	r.clock.Advance(time.Minute)
	early := r.ended(a)
	r.clock.Advance(time.Minute)
	late := r.ended(b)
	r.record(late)
	r.record(early)
	if v := r.visitor("ann"); !v.LastSeen.Equal(late.Time) {
		r.Fatalf("ann was seen at %v, want %v", v.LastSeen, late.Time)
	}
	r.arrive(hubbub.Visitor{User: "ann", Info: []byte(`1`)})
	if v := r.visitor("ann"); !v.LastSeen.Equal(late.Time) {
		r.Fatalf("after coming back ann was seen at %v, want %v", v.LastSeen, late.Time)
	}
}

func lostSessions(r *journalRig) {
	var all []hubbub.Transition
	for _, s := range [][3]string{{"bob", "b1", "two"}, {"ann", "a1", "one"}, {"ann", "a2", "two"}, {"cid", "c1", "three"}} {
		t := r.began(s[0], s[1], s[2])
		all = append(all, t, r.online(t))
		r.clock.Advance(time.Millisecond)
	}
	r.record(all...)
	r.expectLost("four", "a1", "a2", "-ann", "b1", "-bob", "c1", "-cid")
	r.expectLost("three", "a1", "a2", "-ann", "b1", "-bob")
	r.expectLost("two", "a1", "c1", "-cid")
	for _, t := range r.lost("four") {
		if t.Kind == hubbub.SessionDisconnected && (t.Why != hubbub.EndNodeLost || t.Session.User != t.User) || !t.Time.Equal(r.clock.Now()) {
			r.Fatalf("the lost session is told as %+v", t)
		}
	}
	r.record(r.lost("three")...)
	r.expectLost("four", "c1", "-cid")
	r.record(r.lost("four")...)
	r.expectLost("four")
}

func lostIDs(r *journalRig) {
	a := r.began("ann", "a", "one")
	online := r.online(a)
	r.record(a, online)
	r.clock.Advance(time.Second)
	b := r.began("ann", "b", "one")
	r.record(b)
	var want []string
	for _, t := range []hubbub.Transition{r.ended(a), r.ended(b), r.offline(online)} {
		want = append(want, t.ID) // what the registry would have told
	}
	for range 2 {
		var got []string
		for _, t := range r.lost("two") {
			got = append(got, t.ID)
		}
		if !slices.Equal(got, want) {
			r.Fatalf("what was lost has the ids %q, want %q", got, want)
		}
		r.clock.Advance(time.Hour)
	}
}

func endToldFirst(r *journalRig) {
	r.arrive(hubbub.Visitor{User: "ann"})
	a := r.began("ann", "a", "one")
	online := r.online(a)
	r.clock.Advance(time.Second)
	end := r.ended(a)
	r.clock.Advance(5 * time.Second)
	r.record(r.offline(online))
	r.record(end)
	r.record(online)
	r.record(a)
	r.expectLost("two")
	if v := r.visitor("ann"); !v.LastSeen.Equal(end.Time) {
		r.Fatalf("ann was seen at %v, want %v", v.LastSeen, end.Time)
	}
}

func beginningToldAgain(r *journalRig) {
	a := r.began("ann", "a", "one")
	online := r.online(a)
	r.record(a, online, a, online)
	r.record(a, online)
	r.expectLost("two", "a", "-ann")
	end, offline := r.ended(a), r.offline(online) // within the same millisecond
	r.record(end, offline)
	r.record(a, online)
	r.record(end, a, offline, online)
	r.expectLost("two")
	r.clock.Advance(time.Hour)
	b := r.began("ann", "b", "one")
	r.record(b, r.online(b))
	r.record(a, online, end, offline)
	r.expectLost("two", "b", "-ann")
}

func endsForgotten(r *journalRig) {
	a := r.began("ann", "a", "one")
	r.record(r.ended(a))
	r.clock.Advance(23 * time.Hour)
	b := r.began("bob", "b", "one")
	r.record(r.ended(b), a)
	r.expectLost("two")
	r.clock.Advance(2 * time.Hour)
	r.record(r.ended(r.began("cid", "c", "one"))) // forgets
	r.record(a, b)
	if got := summary(r.lost("two")); !slices.Equal(got, []string{"a", "-ann"}) {
		r.Fatalf("a day later %q are taken for new", got)
	}
}

func lostInGrace(r *journalRig) {
	a := r.began("ann", "a", "one")
	online := r.online(a)
	r.record(a, online)
	r.clock.Advance(time.Second)
	r.record(r.ended(a))
	if lost, err := r.Lost(r.Context(), nil, r.clock.Now().Add(-time.Millisecond)); err != nil || len(lost) > 0 {
		r.Fatalf("lost are %v, %v while the grace goes on", lost, err)
	}
	r.expectLost("two", "-ann")
	if lost := r.lost("two"); lost[0].ID != r.offline(online).ID {
		r.Fatalf("going offline has the id %q, want %q", lost[0].ID, r.offline(online).ID)
	}
	r.record(r.lost("two")...)
	r.expectLost("two")
}

func recordedInPart(r *journalRig) {
	a := r.began("ann", "a", "one")
	r.record(a) // and then the process dies before it is told that ann is online
	before := r.lost("two")
	r.expectLost("two", "a", "-ann")
	r.record(before[0])
	r.clock.Advance(time.Minute)
	r.expectLost("two", "-ann")
	if after := r.lost("two"); after[0].ID != before[1].ID {
		r.Fatalf("the id was %q and is %q", before[1].ID, after[0].ID)
	}
	r.record(before[1])
	r.expectLost("two")
}

func onlineElsewhere(r *journalRig) {
	a := r.began("ann", "a", "one")
	r.record(a, r.online(a))
	r.clock.Advance(time.Second)
	b := r.began("ann", "b", "two")
	r.record(b)
	r.expectLost("two", "a")
	r.record(r.lost("two")...)
	r.expectLost("two")
	r.expectLost("three", "b", "-ann")
}

func sessionRecords(r *journalRig) {
	t := r.began("ann", "a", "one")
	t.Session.Platform, t.Session.Info, t.Session.Attrs = "ios", json.RawMessage(`{"a":"é\u0000"}`), map[string]string{"k": "v"}
	t.Session.Token, t.Session.Address, t.Session.Issued = "jti", "192.0.2.1", r.clock.Now().Add(-time.Minute)
	r.record(t)
	got, want := r.lost("two")[0].Session, t.Session
	if !got.Issued.Equal(want.Issued) || !got.Connected.Equal(want.Connected) {
		r.Fatalf("the times of the session are %v and %v", got.Issued, got.Connected)
	}
	got.Issued, got.Connected = want.Issued, want.Connected
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		r.Fatalf("the session is %+v, want %+v", got, want)
	}
	if v := r.visitor("ann"); v.User != "ann" || v.Attrs["k"] != "v" {
		r.Fatalf("who has connected is not known: %+v", v)
	}
}

func sessionEndings(r *journalRig) {
	expect := func(want map[string]hubbub.EndReason) {
		r.Helper()
		got, err := r.Journal.(hubbub.Endings).Endings(r.Context(), []string{"a", "b", "c", "d"})
		r.must(err)
		if !maps.Equal(got, want) {
			r.Fatalf("ended are %v, want %v", got, want)
		}
	}
	a, b, c := r.began("ann", "a", "one"), r.began("ann", "b", "one"), r.began("ann", "c", "two")
	r.record(a, b)
	expect(map[string]hubbub.EndReason{})
	ends := func(t hubbub.Transition, why hubbub.EndReason) hubbub.Transition {
		t = r.ended(t)
		t.Why = why
		return t
	}
	r.record(ends(a, hubbub.EndReplaced))
	r.record(ends(c, hubbub.EndLoggedOut), c) // its end is told first
	r.record(a, ends(a, hubbub.EndNodeLost))  // counts once
	expect(map[string]hubbub.EndReason{"a": hubbub.EndReplaced, "c": hubbub.EndLoggedOut})
	r.clock.Advance(25 * time.Hour)
	r.record(ends(b, hubbub.EndExpired))
	expect(map[string]hubbub.EndReason{"b": hubbub.EndExpired})
}

func standings(r *journalRig) {
	at := r.clock.Now()
	var ended []string
	expect := func(user string, online bool, turn hubbub.Transition, seen time.Time, open ...string) {
		r.Helper()
		var all map[string]hubbub.Standing
		of := []hubbub.Transition{{User: user}, {User: "nobody"}, {User: user, Session: hubbub.SessionRecord{ID: "a"}},
			{User: user, Session: hubbub.SessionRecord{ID: "b"}}, {User: user, Session: hubbub.SessionRecord{ID: "c"}}}
		r.must(r.RecordBy(r.Context(), of, func(told map[string]hubbub.Standing) ([]hubbub.Transition, []hubbub.OutboxItem) {
			all = told
			return nil, nil
		}))
		got, known := all[user]
		slices.Sort(got.Open)
		slices.Sort(got.Ended)
		if !slices.Equal(got.Ended, ended) {
			r.Fatalf("ended are %q, want %q", got.Ended, ended)
		}
		if len(all) != 1 || !known || got.Online != online || got.Turn != turn.ID || !got.Turned.Equal(turn.Time) ||
			!got.LastSeen.Equal(seen) || !slices.Equal(got.Open, open) {
			r.Fatalf("%s is %+v, want online %v since %+v, seen last %v, open %q", user, all, online, turn, seen, open)
		}
	}
	r.arrive(hubbub.Visitor{User: "ann"})
	expect("ann", false, hubbub.Transition{}, time.Time{})
	a, b := r.began("ann", "a", "one"), r.began("ann", "b", "two")
	r.record(a)
	expect("ann", true, r.online(a), time.Time{}, "a") // by that, whether or not it is told
	online := r.online(a)
	r.record(online, b)
	expect("ann", true, online, time.Time{}, "a", "b")
	r.clock.Advance(time.Second)
	r.record(r.ended(b))
	ended = []string{"b"}
	expect("ann", true, online, at.Add(time.Second), "a")
	r.record(r.ended(a))
	ended = []string{"a", "b"}
	offline := r.offline(online)
	r.must(r.RecordBy(r.Context(), []hubbub.Transition{offline}, func(told map[string]hubbub.Standing) ([]hubbub.Transition, []hubbub.OutboxItem) {
		if u := told["ann"]; !u.Online || len(u.Open) > 0 {
			r.Errorf("before it is told that she is offline ann is %+v", u)
		}
		return []hubbub.Transition{offline}, nil
	}))
	expect("ann", false, offline, at.Add(time.Second))
}

func manyUsers(r *journalRig) {
	const n = 1200
	var names []string
	atOnce(16, func(i int) {
		for j := i; j < n; j += 16 {
			if err := r.Arrive(r.Context(), hubbub.Visitor{User: fmt.Sprint("user", j)}); err != nil {
				r.Errorf("%v", err)
			}
		}
	})
	for i := range n {
		names = append(names, fmt.Sprint("user", i))
	}
	all, err := r.Visitors(r.Context(), append(names, names[0], "nobody"))
	r.must(err)
	if len(all) != n {
		r.Fatalf("of %d visitors %d are known", n, len(all))
	}
}

// LostTo returns what a hub learns from a journal that begins as the only node there is.
func LostTo(ctx context.Context, j hubbub.Journal, node string, now time.Time) ([]hubbub.Transition, error) {
	nodes, err := j.OpenNodes(ctx)
	if err != nil {
		return nil, err
	}
	nodes = slices.DeleteFunc(nodes, func(other string) bool { return other == node })
	return j.Lost(ctx, nodes, now)
}
