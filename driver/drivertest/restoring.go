package drivertest

import (
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func restoreTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"a session that is known stays when it is restored", restoreKnown},
		{"a session stays whose lease has run out and that nobody has ended", restoreUnreaped},
		{"a session that was ended meanwhile stays so", restoreEnded},
		{"a session that nothing is known of is added without a word", restoreUnknown},
		{"sessions of both nodes are restored", restoreBoth},
		{"restored devices give way by the time at which they came", restoreLimited},
		{"a restored device that came too many gives way itself", restoreTooMany},
		{"where devices too many are refused, the one that came last gives way to one that is restored", restoreRefused},
		{"of sessions too many the one that came last gives way", restoreSessions},
		{"which device came last is told by the generation", restoreGenerations},
		{"sessions are ended that are not known yet", restoreEndedUnknown},
		{"what was ended is told again", remind},
		{"a revoked session is not restored", restoreRevoked},
		{"a restored session enters its rooms again", restoreRooms},
	}
}

// restore restores a session and fails the test unless it tells this story, and ends for this reason, "" if it goes on.
func (r *rig) restore(s hubbub.SessionRecord, came string, l hubbub.DeviceLimit, want string, ended hubbub.EndReason) hubbub.Restored {
	r.Helper()
	got, err := r.shared().Restore(r.Context(), s, hubbub.Opened{Came: came}, l)
	r.must(err)
	if got.Ended != ended {
		r.Fatalf("restoring %s ends it for the reason %q, want %q", s.ID, got.Ended, ended)
	}
	r.tells(got.Transitions, want)
	return got
}

// offlineID is the id of the transition by which a user goes offline who came with a session.
func offlineID(user, came string) string {
	return hubbub.TransitionID(hubbub.UserOffline, user, hubbub.TransitionID(hubbub.UserOnline, user, came))
}

func restoreKnown(r *sharedRig) {
	s := r.a.record("ann phone s1")
	o, err := r.a.Open(r.Context(), s, hubbub.DeviceLimit{Max: 1})
	r.must(err)
	r.a.enter("lobby", "ann", "s1", true, 1)
	for range 2 {
		if got := r.a.restore(s, o.Came, hubbub.DeviceLimit{Max: 1}, "", ""); !slices.Equal(got.Rooms, []string{"lobby"}) {
			r.Fatalf("restoring tells that it is in the rooms %v", got.Rooms)
		}
		r.b.are("ann", "s1")
	}
	r.a.enter("lobby", "ann", "s1", false, 1)
	r.b.tells(r.b.end(hubbub.Target{User: "ann"}, hubbub.EndLoggedOut), "-s1 logged_out")
	r.a.restore(s, o.Came, hubbub.DeviceLimit{Max: 1}, "", hubbub.EndLoggedOut)
	r.a.are("ann")
}

func restoreUnreaped(r *sharedRig) {
	s := r.a.record("ann phone s1")
	o, err := r.a.Open(r.Context(), s, hubbub.DeviceLimit{})
	r.must(err)
	r.a.confirm(o.Transitions)
	r.loseA()
	r.b.are("ann")
	r.doubts(true)
	r.a.restore(s, o.Came, hubbub.DeviceLimit{}, "", "")
	r.a.shared().Restored(nodeA)
	r.doubts(false)
	r.b.are("ann", "s1")
	r.b.tells(r.b.reap(), "")
	r.pass(2 * (Lease + Grace))
	r.b.reapAll()
	r.a.are("ann", "s1")
}

func restoreEnded(r *sharedRig) {
	one := hubbub.DeviceLimit{Max: 1}
	var records []hubbub.SessionRecord
	var came []string
	for _, words := range []string{"ann phone s1", "bob phone s2", "cid phone s3"} {
		s := r.a.record(words)
		o, err := r.a.Open(r.Context(), s, one)
		r.must(err)
		r.a.confirm(o.Transitions)
		records, came = append(records, s), append(came, o.Came)
	}
	r.b.confirm(r.b.end(hubbub.Target{User: "ann"}, hubbub.EndLoggedOut))
	r.b.confirm(r.b.open("bob laptop s4 b", one).Transitions)
	r.loseA()
	r.b.confirm(r.b.reapAll("offline ann", "-s3 node_lost"))
	r.doubts(true)
	for i, why := range []hubbub.EndReason{hubbub.EndLoggedOut, hubbub.EndReplaced, hubbub.EndNodeLost} {
		for range 2 {
			r.a.restore(records[i], came[i], one, "", why)
		}
	}
	r.a.are("ann")
	r.a.are("bob", "s4")
	r.b.are("cid")
	if p := r.b.presence("cid"); !p.Online || len(p.Devices) != 0 {
		r.Fatalf("in the grace cid is %+v", p)
	}
}

func restoreUnknown(r *sharedRig) {
	s := r.a.record("ann phone s1")
	s.Connected = r.clock.Now().Add(-time.Hour)
	for range 2 {
		r.a.restore(s, "s0", hubbub.DeviceLimit{Max: 1, Sessions: 1}, "", "")
	}
	r.b.are("ann", "s1")
	all, err := r.b.SessionsOf(r.Context(), "ann")
	r.must(err)
	if got := all[0]; !got.Connected.Equal(s.Connected) || got.Device != "phone" || got.Node != nodeA || string(got.Info) != string(s.Info) {
		r.Fatalf("restored is %+v, want %+v", got, s)
	}
	if p := r.b.presence("ann"); !p.Online || len(p.Devices) != 1 || !p.LastSeen.IsZero() {
		r.Fatalf("ann is %+v", p)
	}
	r.pass(2 * Lease)
	r.a.reapAll() // nothing was decided that has to be told
	ended := r.b.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	r.b.tells(ended, "-s1 closed")
	if want := hubbub.TransitionID(hubbub.SessionDisconnected, "ann", "s1"); ended[0].ID != want {
		r.Errorf("the end of s1 has the id %s, want %s", ended[0].ID, want)
	}
	r.b.confirm(ended)
	r.pass(Grace + time.Millisecond)
	offline := r.b.reapAll("offline ann")
	if want := offlineID("ann", "s0"); offline[0].ID != want {
		r.Errorf("the user who came with s0 is offline with the id %s, want %s", offline[0].ID, want)
	}
}

func restoreBoth(r *sharedRig) {
	one, other := r.a.record("ann phone s1"), r.b.record("ann laptop s2 b")
	atOnce(2, func(i int) {
		on, s := r.a, one
		if i == 1 {
			on, s = r.b, other
		}
		got, err := on.shared().Restore(r.Context(), s, hubbub.Opened{Came: "s1"}, hubbub.DeviceLimit{Max: 2})
		if err != nil || got.Ended != "" || len(got.Transitions) > 0 || len(got.Replaced) > 0 {
			r.Errorf("restored is %+v, %v", got, err)
		}
	})
	if n := len(r.a.sessions("ann")); n != 2 {
		r.Fatalf("ann has %d sessions", n)
	}
	r.clock.Advance(time.Second) // counts may be as old
	r.b.count(1, 2)
	r.a.confirm(r.a.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndClosed))
	r.pass(2 * Grace)
	r.b.tells(r.b.open("ann tablet s3 b", hubbub.DeviceLimit{}).Transitions, "+s3")
	r.b.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	r.pass(Grace + time.Millisecond)
	var offline []hubbub.Transition
	for range 1024 {
		for _, t := range append(r.a.reap(), r.b.reap()...) {
			if t.Kind == hubbub.UserOffline {
				offline = append(offline, t)
			}
		}
		if len(offline) > 0 {
			break
		}
	}
	if len(offline) != 1 || offline[0].ID != offlineID("ann", "s1") {
		r.Fatalf("offline is told as %+v", offline)
	}
}

// earlyAndLate are sessions of two devices of ann that have come a second apart, s1 on node a and then s2 on node b. Nothing is known of them.
func (r *sharedRig) earlyAndLate() (early, late hubbub.SessionRecord) {
	r.Helper()
	early, late = r.a.record("ann phone s1"), r.b.record("ann laptop s2 b")
	late.Connected = r.clock.Now().Add(time.Second)
	r.clock.Advance(2 * time.Second)
	r.renew()
	return early, late
}

func restoreLimited(r *sharedRig) {
	one := hubbub.DeviceLimit{Max: 1}
	early, late := r.earlyAndLate()
	r.a.restore(early, "s1", one, "", "")
	got := r.b.restore(late, "s1", one, "-s1 signed_in_elsewhere", "")
	if !slices.Equal(ids(got.Replaced), []string{"s1"}) {
		r.Fatalf("replaced is %v", ids(got.Replaced))
	}
	r.a.are("ann", "s2")
	if ended := r.a.renewal(nodeA).Ended; len(ended) != 1 || ended["s1"] != hubbub.EndReplaced {
		r.Fatalf("node a is told that %v have ended", ended)
	}
	r.a.restore(early, "s1", one, "", hubbub.EndReplaced)
}

func restoreTooMany(r *sharedRig) {
	one := hubbub.DeviceLimit{Max: 1}
	early, late := r.earlyAndLate()
	r.b.restore(late, "s1", one, "", "")
	got := r.a.restore(early, "s1", one, "-s1 signed_in_elsewhere", hubbub.EndReplaced)
	if id := got.Transitions[0].ID; id != hubbub.TransitionID(hubbub.SessionDisconnected, "ann", "s1") {
		r.Errorf("the end of s1 has the id %s", id)
	}
	r.a.are("ann", "s2")
	r.a.restore(early, "s1", one, "", hubbub.EndReplaced) // its end is told once
	r.clock.Advance(time.Second)
	r.a.count(1, 1)
	tab := r.a.record("ann laptop s3") // of the same device, which is one
	r.a.restore(tab, "s1", one, "", "")
	if n := len(r.b.sessions("ann")); n != 2 {
		r.Fatalf("ann has %d sessions", n)
	}
}

func restoreRefused(r *sharedRig) {
	one := hubbub.DeviceLimit{Max: 1, Refuse: true}
	early, late := r.earlyAndLate()
	r.b.restore(late, "s1", one, "", "")
	got := r.a.restore(early, "s1", one, "-s2 signed_in_elsewhere", "")
	if !slices.Equal(ids(got.Replaced), []string{"s2"}) {
		r.Fatalf("replaced is %v", ids(got.Replaced))
	}
	r.b.are("ann", "s1")
	r.b.restore(late, "s1", one, "", hubbub.EndReplaced)
	later := r.b.record("ann tablet s3 b")
	r.b.restore(later, "s1", one, "-s3 signed_in_elsewhere", hubbub.EndReplaced)
	r.a.are("ann", "s1")
}

func restoreSessions(r *sharedRig) {
	one := hubbub.DeviceLimit{Sessions: 1}
	early, late := r.earlyAndLate()
	r.a.restore(early, "s1", one, "", "")
	r.b.restore(late, "s1", one, "-s2 signed_in_elsewhere", hubbub.EndReplaced)
	r.a.are("ann", "s1")
}

func restoreGenerations(r *sharedRig) {
	one := hubbub.DeviceLimit{Max: 1}
	early, late := r.earlyAndLate() // by the clocks of their nodes, but they were opened in the other order
	was := func(generation uint64) hubbub.Opened { return hubbub.Opened{Generation: generation, Came: "s1"} }
	base := uint64(r.clock.Now().UnixMilli())
	if _, err := r.a.shared().Restore(r.Context(), early, was(base+1), one); err != nil {
		r.Fatalf("%v", err)
	}
	got, err := r.b.shared().Restore(r.Context(), late, was(base), one)
	r.must(err)
	r.b.tells(got.Transitions, "-s2 signed_in_elsewhere")
	if got.Ended != hubbub.EndReplaced {
		r.Fatalf("the device that was opened first is restored as %+v", got)
	}
	r.a.are("ann", "s1")
	if o := r.b.open("ann tablet s3 b", hubbub.DeviceLimit{}); o.Generation <= base+1 {
		r.Fatalf("after the generation %d comes %d", base+1, o.Generation)
	}
}

// restoreEndedUnknown has sessions ended that the registry has lost, before their node restores them.
func restoreEndedUnknown(r *sharedRig) {
	was := hubbub.Opened{Generation: uint64(r.clock.Now().UnixMilli()), Came: "s1"}
	r.clock.Advance(time.Second)
	restore := func(words string, want string, ended hubbub.EndReason) {
		r.Helper()
		got, err := r.a.shared().Restore(r.Context(), r.a.record(words), was, hubbub.DeviceLimit{})
		r.must(err)
		r.a.tells(got.Transitions, want)
		if got.Ended != ended {
			r.Fatalf("restoring %s ends it for the reason %q", words, got.Ended)
		}
	}
	r.b.open("ann laptop s1 b", hubbub.DeviceLimit{})
	r.b.tells(r.b.end(hubbub.Target{User: "ann", Except: "s1"}, hubbub.EndLoggedOut), "")
	r.b.tells(r.b.end(hubbub.Target{User: "bob", Session: "s2"}, hubbub.EndLoggedOut), "")
	r.b.tells(r.b.end(hubbub.Target{User: "cid", Device: "phone"}, hubbub.EndRevoked), "")
	restore("ann phone s3", "-s3 logged_out", hubbub.EndLoggedOut)
	restore("bob phone s2", "-s2 logged_out", hubbub.EndLoggedOut)
	restore("bob phone s4", "", "")
	restore("cid phone s5", "-s5 revoked", hubbub.EndRevoked)
	restore("cid tablet s6", "", "")
	restore("ann phone s3", "", hubbub.EndLoggedOut) // its end is told once
	r.a.open("ann phone s7", hubbub.DeviceLimit{})   // who comes afterwards stays
	r.a.open("cid phone s8", hubbub.DeviceLimit{})
	r.b.are("ann", "s1", "s7")
	r.b.are("cid", "s6", "s8")
	// Those that end by themselves say nothing of others.
	r.b.end(hubbub.Target{User: "dan"}, hubbub.EndClosed)
	restore("dan phone s9", "", "")
}

// remind has an instance tell again what it has ended, which changes nothing where nothing was lost.
func remind(r *sharedRig) {
	one := hubbub.DeviceLimit{Max: 1}
	r.a.open("ann phone s1", one)
	r.a.open("bob phone s2", one)
	r.b.end(hubbub.Target{User: "ann"}, hubbub.EndLoggedOut)
	r.b.open("bob laptop s3 b", one)
	r.a.open("ann phone s4", one)
	for _, on := range []*rig{r.a, r.b, r.b} {
		all, err := on.shared().Remind(r.Context())
		r.must(err)
		on.tells(all, "")
	}
	r.b.are("ann", "s4")
	r.b.are("bob", "s3")
}

func restoreRevoked(r *sharedRig) {
	s := r.a.record("ann phone s1")
	r.must(r.b.Revoke(r.Context(), hubbub.Revocation{User: "ann", Token: s.Token}))
	r.a.restore(s, "s1", hubbub.DeviceLimit{}, "-s1 revoked", hubbub.EndRevoked)
	r.a.are("ann")
	other := r.a.record("ann phone s2")
	r.a.restore(other, "s1", hubbub.DeviceLimit{}, "", "")
	r.b.are("ann", "s2")
}

func restoreRooms(r *sharedRig) {
	r.a.restore(r.a.record("ann phone s1"), "s1", hubbub.DeviceLimit{}, "", "")
	r.b.restore(r.b.record("bob phone s2 b"), "s2", hubbub.DeviceLimit{}, "", "")
	r.a.enter("lobby", "ann", "s1", true, 1)
	r.b.enter("lobby", "bob", "s2", true, 2)
	if page := r.b.online(hubbub.Filter{Room: "lobby"}, "", 10); page.Total != 2 || len(page.Users) != 2 {
		r.Fatalf("in the room are %+v", page)
	}
	ended := r.b.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	if len(ended) != 1 || len(ended[0].Left) != 1 || ended[0].Left[0].Count != 1 {
		r.Fatalf("ann has ended like this: %+v", ended)
	}
}
