package drivertest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

// journalModel is what a registry has decided. It is told late, twice and in any order.
type journalModel struct {
	open    map[string]hubbub.Transition // by session
	online  map[string]hubbub.Transition // by user
	seen    map[string]time.Time
	untold  []hubbub.Transition
	told    []hubbub.Transition
	counter int
}

func modelJournal(t *testing.T, journal func(*testing.T, *Clock) hubbub.Journal) {
	clock := NewClock()
	j := journal(t, clock) // one for all: to make one may take longer than a test of it
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		r := &journalRig{base{rt, clock}, j}
		r.record(r.lost("")...) // which a run that failed may have left
		runs++
		m := &journalModel{open: map[string]hubbub.Transition{}, online: map[string]hubbub.Transition{}, seen: map[string]time.Time{}}
		users := []string{fmt.Sprint("ann", runs), fmt.Sprint("bob", runs), fmt.Sprint("cid", runs)}
		for _, user := range users {
			r.arrive(hubbub.Visitor{User: user})
		}
		rt.Repeat(map[string]func(*rapid.T){
			"connect": func(rt *rapid.T) {
				m.connect(r, rapid.SampledFrom(users).Draw(rt, "user"), rapid.SampledFrom([]string{"one", "two"}).Draw(rt, "node"))
			},
			"disconnect": func(rt *rapid.T) { m.disconnect(rt, r) },
			"leave":      func(rt *rapid.T) { m.leave(r, rapid.SampledFrom(users).Draw(rt, "user")) },
			"tell":       func(rt *rapid.T) { m.tell(rt, r, 1) },
			"check":      func(rt *rapid.T) { m.tell(rt, r, len(m.untold)); m.check(r) },
		})
		m.tell(rt, r, len(m.untold))
		m.check(r)
		r.record(r.lost("three")...)
		r.expectLost("three")
	})
}

func (m *journalModel) decided(r *journalRig, t hubbub.Transition) {
	m.untold = append(m.untold, t)
	r.clock.Advance(time.Millisecond)
}

func (m *journalModel) connect(r *journalRig, user, node string) {
	m.counter++
	t := r.began(user, fmt.Sprint(user, "-", m.counter), node)
	m.open[t.Session.ID] = t
	m.decided(r, t)
	if _, ok := m.online[user]; !ok {
		m.online[user] = r.online(t)
		m.decided(r, m.online[user])
	}
}

func (m *journalModel) disconnect(rt *rapid.T, r *journalRig) {
	if len(m.open) == 0 {
		return
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.open))).Draw(rt, "session")
	t := r.ended(m.open[id])
	delete(m.open, id)
	m.seen[t.User] = t.Time
	m.decided(r, t)
}

// leave ends the grace of a user without sessions.
func (m *journalModel) leave(r *journalRig, user string) {
	online, ok := m.online[user]
	for _, t := range m.open {
		ok = ok && t.User != user
	}
	if ok {
		delete(m.online, user)
		m.decided(r, r.offline(online))
	}
}

// tell tells n of what was not told yet in any order, and sometimes what was told before.
func (m *journalModel) tell(rt *rapid.T, r *journalRig, n int) {
	var batch []hubbub.Transition
	for ; n > 0 && len(m.untold) > 0; n-- {
		i := rapid.IntRange(0, min(len(m.untold)-1, 3)).Draw(rt, "which")
		batch = append(batch, m.untold[i])
		m.untold = slices.Delete(m.untold, i, i+1)
	}
	m.told = append(m.told, batch...)
	if len(m.told) > 0 && rapid.Bool().Draw(rt, "again") {
		batch = append(batch, m.told[rapid.IntRange(0, len(m.told)-1).Draw(rt, "what")])
	}
	r.record(batch...)
}

// check compares when everything was told.
func (m *journalModel) check(r *journalRig) {
	for _, node := range []string{"one", "two", "three"} {
		var sessions, users []string
		here := map[string]bool{}
		for id, t := range m.open {
			if t.Session.Node == node {
				here[t.User] = true
				continue
			}
			sessions = append(sessions, id)
		}
		for user := range m.online {
			if !here[user] {
				users = append(users, "-"+user)
			}
		}
		m.compare(r, node, sessions, users)
	}
	for user, at := range m.seen {
		if v := r.visitor(user); !v.LastSeen.Equal(at) {
			r.Fatalf("%s was seen at %v, want %v", user, v.LastSeen, at)
		}
	}
}

// compare fails the test unless these sessions and users are lost. Users whose grace goes on at the node may be left out.
func (m *journalModel) compare(r *journalRig, node string, sessions, users []string) {
	var gotSessions, gotUsers []string
	offline := map[string]bool{}
	for _, t := range r.lost(node) {
		if t.Kind == hubbub.UserOffline {
			offline[t.User] = true
			gotUsers = append(gotUsers, "-"+t.User)
			continue
		}
		if offline[t.User] {
			r.Fatalf("%s ends after %s went offline", t.Session.ID, t.User)
		}
		gotSessions = append(gotSessions, t.Session.ID)
	}
	slices.Sort(sessions)
	slices.Sort(users)
	slices.Sort(gotSessions)
	if node != "three" {
		users = slices.DeleteFunc(users, func(user string) bool { return !slices.Contains(gotUsers, user) })
	}
	if !slices.Equal(gotSessions, sessions) || !slices.Equal(gotUsers, users) {
		r.Fatalf("without %s are lost %q and %q, want %q and %q", node, gotSessions, gotUsers, sessions, users)
	}
}
