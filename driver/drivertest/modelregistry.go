package drivertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

// registryTest compares a registry with its model.
type registryTest struct {
	*rig
	model   *registryModel
	pending map[string]*pendingModel // transitions that were told and not confirmed, by id
	known   map[string]bool          // ids of all transitions
	online  map[string]bool          // users, as transitions told
	ended   map[string]bool          // sessions, as transitions told
}

type pendingModel struct {
	hubbub.Transition
	due time.Time // when it is told again
}

var (
	modelUsers = []string{"ann", "bob", "cid"}
	modelNodes = []string{"n1", "n2", "n3"}
	modelRooms = []string{"r1", "r2"}
)

// modelRegistry does anything in any order with three users on three nodes, and compares with the model. Beyond it holds
// what is told: each session ends once, users go online and offline in turn, and never are there more devices than allowed.
func modelRegistry(t *testing.T, driver func(*testing.T, *Clock) hubbub.Driver) {
	rapid.Check(t, func(rt *rapid.T) {
		clock := NewClock()
		m := &registryTest{
			rig: &rig{streamRig{base: base{rt, clock}}, driver(t, clock)},
			model: &registryModel{clock: clock, nodes: map[string]*leaseModel{}, users: map[string]*userModel{},
				missed: map[string]map[string]hubbub.EndReason{}, ended: map[string]bool{}},
			pending: map[string]*pendingModel{}, known: map[string]bool{}, online: map[string]bool{}, ended: map[string]bool{},
		}
		for _, user := range modelUsers {
			m.model.users[user] = &userModel{name: user}
		}
		m.model.limit = hubbub.DeviceLimit{
			Max: rapid.IntRange(0, 2).Draw(rt, "max"), PerPlatform: rapid.Bool().Draw(rt, "per platform"),
			Refuse: rapid.Bool().Draw(rt, "refuse"), Sessions: rapid.SampledFrom([]int{0, 0, 3}).Draw(rt, "sessions"),
		}
		for _, node := range modelNodes {
			m.renewNode(node)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"open": m.openOne, "open again": m.openOne, "end": m.endSome, "renew": m.renewOne, "release": m.releaseOne,
			"reap": func(*rapid.T) { m.reapAll() }, "confirm": m.confirmOne, "enter": m.enterOne, "leave": m.leaveOne,
			"pass": m.passSome, "count": func(*rapid.T) { m.countAll() }, "": func(*rapid.T) { m.check() },
		})
	})
}

// hear takes what was told, compares it with what should be, and holds it against what was told before.
func (m *registryTest) hear(all []hubbub.Transition, want []string) {
	m.Helper()
	got := []string{}
	for _, t := range all {
		got = append(got, story([]hubbub.Transition{t}))
		if m.known[t.ID] {
			m.Fatalf("the id %q is told a second time", t.ID)
		}
		m.known[t.ID] = true
		m.pending[t.ID] = &pendingModel{t, m.clock.Now().Add(Lease)}
		switch t.Kind {
		case hubbub.UserOnline, hubbub.UserOffline:
			if on := t.Kind == hubbub.UserOnline; m.online[t.User] == on {
				m.Fatalf("%s: %s twice in turn", t.User, t.Kind)
			}
			m.online[t.User] = t.Kind == hubbub.UserOnline
		case hubbub.SessionDisconnected:
			if m.ended[t.Session.ID] {
				m.Fatalf("the session %s ended twice", t.Session.ID)
			}
			m.ended[t.Session.ID] = true
		}
	}
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		m.Fatalf("told was %q, want %q", got, want)
	}
}

// sorted is for transitions of several users, which may come in any order of the users.
func sorted(all []hubbub.Transition, want []string) ([]hubbub.Transition, []string) {
	slices.SortStableFunc(all, func(a, b hubbub.Transition) int {
		return strings.Compare(story([]hubbub.Transition{a}), story([]hubbub.Transition{b}))
	})
	slices.Sort(want)
	return all, want
}

func (m *registryTest) openOne(rt *rapid.T) {
	device := rapid.IntRange(1, 4).Draw(rt, "device")
	s := hubbub.SessionRecord{
		ID: fmt.Sprint("s", m.model.count+1), User: rapid.SampledFrom(modelUsers).Draw(rt, "user"),
		Device: fmt.Sprint("d", device), Platform: []string{"web", "ios"}[device%2],
		Node: rapid.SampledFrom(modelNodes).Draw(rt, "node"), Connected: m.clock.Now(),
	}
	s.Info = json.RawMessage(`"` + s.ID + `"`)
	o, err := m.Open(m.Context(), s, m.model.limit)
	before := m.model.count
	want, refused := m.model.open(&sessionModel{SessionRecord: s})
	if refused != "" {
		m.refused(err, refused)
		m.model.count = before
		return
	}
	m.must(err)
	m.hear(o.Transitions, want)
	var replaced []string
	for _, id := range ids(o.Replaced) {
		replaced = append(replaced, "-"+id+" "+string(hubbub.EndReplaced))
	}
	if !slices.Equal(replaced, slices.DeleteFunc(want, func(s string) bool { return !strings.Contains(s, string(hubbub.EndReplaced)) })) {
		m.Fatalf("replaced are %v", replaced)
	}
}

func (m *registryTest) endSome(rt *rapid.T) {
	u := m.model.users[rapid.SampledFrom(modelUsers).Draw(rt, "user")]
	target := hubbub.Target{User: u.name}
	if len(u.sessions) > 0 {
		s := rapid.SampledFrom(u.sessions).Draw(rt, "of")
		switch rapid.SampledFrom([]string{"session", "device", "except", "all"}).Draw(rt, "what") {
		case "session":
			target.Session = s.ID
		case "device":
			target.Device = s.Device
		case "except":
			target.Except = s.ID
		}
	}
	why := rapid.SampledFrom([]hubbub.EndReason{hubbub.EndClosed, hubbub.EndLoggedOut}).Draw(rt, "why")
	var want []string
	for _, s := range slices.Clone(u.sessions) {
		if (target.Session == "" || target.Session == s.ID) && (target.Device == "" || target.Device == s.Device) &&
			target.Except != s.ID {
			want = append(want, m.model.end(u, s, why))
		}
	}
	if len(want) > 0 {
		want = append(want, m.model.settle(u)...)
	}
	m.hear(m.rig.end(target, why), want)
}

func (m *registryTest) renewOne(rt *rapid.T) {
	m.renewNode(rapid.SampledFrom(modelNodes).Draw(rt, "node"))
}

func (m *registryTest) renewNode(node string) {
	renewal, err := m.Renew(m.Context(), hubbub.NodeStatus{Node: node})
	m.must(err)
	ended := renewal.Ended
	if m.model.nodes[node] == nil {
		m.model.nodes[node] = &leaseModel{}
	}
	m.model.nodes[node].until = m.clock.Now().Add(Lease)
	for id := range ended {
		if !m.model.ended[id] {
			m.Fatalf("%s is told that %s has ended", node, id)
		}
	}
	for id, why := range m.model.missed[node] {
		if ended[id] != why {
			m.Fatalf("%s is told that %s has ended because %q, want %q", node, id, ended[id], why)
		}
	}
	delete(m.model.missed, node)
}

func (m *registryTest) releaseOne(rt *rapid.T) {
	node := rapid.SampledFrom(modelNodes).Draw(rt, "node")
	all, err := m.Release(m.Context(), node)
	m.must(err)
	lease := m.model.nodes[node]
	m.model.nodes[node] = nil
	var want []string
	for _, u := range m.model.users {
		before := len(want)
		for _, s := range slices.Clone(u.sessions) {
			if s.lease == lease {
				want = append(want, m.model.end(u, s, hubbub.EndDraining))
			}
		}
		if len(want) > before {
			want = append(want, m.model.settle(u)...)
		}
	}
	m.hear(sorted(all, want))
	delete(m.model.missed, node) // it does not come back for them
}

// mayBeAgain tells whether a transition may be told again: it is due, or another one of its user is, before which it belongs.
func (m *registryTest) mayBeAgain(p *pendingModel) bool {
	for _, other := range m.pending {
		if other.User == p.User && !other.due.After(m.clock.Now()) {
			return true
		}
	}
	return false
}

func (m *registryTest) reapAll() {
	all := m.rig.reap()
	again := map[string]bool{}
	fresh := slices.DeleteFunc(all, func(t hubbub.Transition) bool {
		if m.known[t.ID] {
			if p := m.pending[t.ID]; p == nil || !m.mayBeAgain(p) || again[t.ID] || len(t.Left) > 0 {
				m.Fatalf("told again is %+v", t)
			}
			again[t.ID] = true
		}
		return again[t.ID]
	})
	for id, p := range m.pending {
		due := !p.due.After(m.clock.Now())
		if due && !again[id] {
			m.Fatalf("it is due, and not told again: %s", story([]hubbub.Transition{p.Transition}))
		}
		if due {
			p.due = m.clock.Now().Add(Lease)
		}
	}
	var want []string
	for _, u := range m.model.users {
		want = append(want, m.model.overdue(u)...)
	}
	for node, lease := range m.model.nodes {
		if lease != nil && !lease.until.After(m.clock.Now()) {
			m.model.nodes[node] = nil
		}
	}
	m.hear(sorted(fresh, want))
}

func (m *registryTest) confirmOne(rt *rapid.T) {
	if len(m.known) == 0 {
		return
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.known))).Draw(rt, "id")
	first, err := m.Confirm(m.Context(), id)
	m.must(err)
	if (first == 1) != (m.pending[id] != nil) {
		m.Fatalf("confirming %s for the first time: %d", id, first)
	}
	delete(m.pending, id)
}

// drawRoom draws a user with sessions, one of these, and a room; false if there is none.
func (m *registryTest) drawRoom(rt *rapid.T) (u *userModel, s *sessionModel, room string) {
	u = m.model.users[rapid.SampledFrom(modelUsers).Draw(rt, "user")]
	room = rapid.SampledFrom(modelRooms).Draw(rt, "room")
	if len(u.sessions) > 0 {
		s = rapid.SampledFrom(u.sessions).Draw(rt, "session")
	}
	return u, s, room
}

func (m *registryTest) enterOne(rt *rapid.T) {
	u, s, room := m.drawRoom(rt)
	if s == nil {
		_, _, err := m.Enter(m.Context(), room, u.name, "s1")
		m.refused(err, hubbub.NotFound)
		return
	}
	before, _ := m.model.in(room)
	if !slices.Contains(s.rooms, room) {
		s.rooms = append(s.rooms, room)
	}
	after, _ := m.model.in(room)
	m.enter(room, u.name, s.ID, len(after) > len(before), len(after))
}

func (m *registryTest) leaveOne(rt *rapid.T) {
	u, s, room := m.drawRoom(rt)
	if s == nil {
		return
	}
	before, _ := m.model.in(room)
	s.rooms = slices.DeleteFunc(s.rooms, func(r string) bool { return r == room })
	after, _ := m.model.in(room)
	m.leave(room, u.name, s.ID, len(after) < len(before), len(after))
}

// passSome lets time pass, often up to a moment at which something is due.
func (m *registryTest) passSome(rt *rapid.T) {
	moment := rapid.SampledFrom([]time.Duration{time.Second, Grace, Lease, (Lease / 3).Truncate(time.Millisecond)}).Draw(rt, "time")
	m.clock.Advance(moment + time.Duration(rapid.IntRange(-1, 1).Draw(rt, "ms"))*time.Millisecond)
}

// countAll compares the counts, when a second has passed.
func (m *registryTest) countAll() {
	m.clock.Advance(time.Second)
	users, sessions := 0, 0
	for _, u := range m.model.users {
		if m.model.isOnline(u) {
			users++
		}
		sessions += len(m.model.sessions(u))
	}
	if c, err := m.Count(m.Context()); err != nil || c.Users != users || c.Sessions != sessions {
		m.Fatalf("online are %+v, %v; want %d users with %d sessions", c, err, users, sessions)
	}
}

// check compares what the registry tells with the model.
func (m *registryTest) check() {
	users, sessions := []string{}, 0
	for _, name := range modelUsers {
		u := m.model.users[name]
		m.checkUser(u)
		if m.model.isOnline(u) {
			users = append(users, name)
		}
		sessions += len(m.model.sessions(u))
	}
	if got := m.walk(hubbub.Filter{}, 2, len(users)); !slices.Equal(got, users) {
		m.Fatalf("online are %v, want %v", got, users)
	}
	for _, room := range modelRooms {
		_, live := m.model.in(room)
		if got := m.walk(hubbub.Filter{Room: room}, 2, len(live)); !slices.Equal(got, live) {
			m.Fatalf("in %s are %v, want %v", room, got, live)
		}
	}
}

func (m *registryTest) checkUser(u *userModel) {
	want := []string{}
	for _, s := range m.model.sessions(u) {
		want = append(want, s.ID)
	}
	m.are(u.name, want...)
	p := m.presence(u.name)
	online, info, seen := m.model.isOnline(u), u.info, time.Time{}
	if !online {
		info = ""
	}
	if len(want) == 0 {
		seen = u.lastEnd()
	}
	if p.Online != online || string(p.Info) != info || !p.LastSeen.Equal(seen) {
		m.Fatalf("%s is %+v, want online: %v, info %q, last seen %v", u.name, p, online, info, seen)
	}
	for _, platform := range []string{"web", "ios"} {
		if got := m.model.devices(u, platform); m.model.limit.Max > 0 && len(got) > m.model.limit.Max {
			m.Fatalf("%s has the devices %v", u.name, got)
		}
	}
	all := *m.model
	all.limit.PerPlatform = false
	if got := devices(p); !slices.Equal(got, append([]string{}, all.devices(u, "")...)) {
		m.Fatalf("%s has the devices %v, want %v", u.name, got, all.devices(u, ""))
	}
}
