package drivertest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Two nodes are alive in tests of the registry, until the clock moves by a lease.
const (
	nodeA = "node-a-1"
	nodeB = "node-b-1"
)

// renew keeps the two nodes alive and returns what they were told.
func (r *rig) renew() map[string]hubbub.EndReason {
	r.Helper()
	all := map[string]hubbub.EndReason{}
	for _, node := range []string{nodeA, nodeB} {
		renewal, err := r.Renew(r.Context(), hubbub.NodeStatus{Node: node})
		r.must(err)
		for id, why := range renewal.Ended {
			all[id] = why
		}
	}
	return all
}

// pass lets time pass, in which the two nodes live.
func (r *rig) pass(d time.Duration) {
	r.Helper()
	for d > 0 {
		step := min(d, Lease/2)
		r.clock.Advance(step)
		r.renew()
		d -= step
	}
}

// record describes a session in the words "user device id", with more in any order: a platform "web" or "ios", a node
// "a" or "b".
func (r *rig) record(words string) hubbub.SessionRecord {
	w := strings.Fields(words)
	s := hubbub.SessionRecord{
		User: w[0], Device: w[1], ID: w[2], Platform: "web", Node: nodeA, Issued: r.clock.Now(), Connected: r.clock.Now(),
		Info: json.RawMessage(`{"of":"` + w[2] + `"}`), Attrs: map[string]string{"plan": "free"},
		Token: "token-" + w[2], Address: "192.0.2.1:7",
	}
	for _, more := range w[3:] {
		switch more {
		case "ios":
			s.Platform = more
		case "b":
			s.Node = nodeB
		}
	}
	return s
}

// open opens a session that [rig.record] describes.
func (r *rig) open(words string, l hubbub.DeviceLimit) hubbub.Opened {
	r.Helper()
	o, err := r.Open(r.Context(), r.record(words), l)
	r.must(err)
	return o
}

func (r *rig) end(t hubbub.Target, why hubbub.EndReason) []hubbub.Transition {
	r.Helper()
	all, err := r.End(r.Context(), t, why)
	r.must(err)
	return all
}

func (r *rig) reap() []hubbub.Transition {
	r.Helper()
	all, err := r.Reap(r.Context())
	r.must(err)
	return all
}

func (r *rig) presence(user string) hubbub.Presence {
	r.Helper()
	all, err := r.Presences(r.Context(), []string{user})
	r.must(err)
	if len(all) != 1 || all[0].User != user {
		r.Fatalf("asked for the presence of %q, got %+v", user, all)
	}
	return all[0]
}

// sessions returns the ids of a user's open sessions.
func (r *rig) sessions(user string) []string {
	r.Helper()
	all, err := r.SessionsOf(r.Context(), user)
	r.must(err)
	return ids(all)
}

func ids(records []hubbub.SessionRecord) []string {
	all := []string{}
	for _, s := range records {
		all = append(all, s.ID)
	}
	return all
}

// story tells transitions in short: "+s1" and "-s1 why" for sessions, "online ann" and "offline ann" for users.
func story(all []hubbub.Transition) string {
	var words []string
	for _, t := range all {
		switch t.Kind {
		case hubbub.SessionConnected:
			words = append(words, "+"+t.Session.ID)
		case hubbub.SessionDisconnected:
			words = append(words, "-"+t.Session.ID+" "+string(t.Why))
		case hubbub.UserOnline:
			words = append(words, "online "+t.User)
		case hubbub.UserOffline:
			words = append(words, "offline "+t.User)
		}
	}
	return strings.Join(words, ", ")
}

// tells fails the test unless the transitions tell this story.
func (r *rig) tells(all []hubbub.Transition, want string) {
	r.Helper()
	if got := story(all); got != want {
		r.Fatalf("what has changed is %q, want %q", got, want)
	}
}

// are fails the test unless the user has these sessions, in this order.
func (r *rig) are(user string, want ...string) {
	r.Helper()
	if got := r.sessions(user); !slices.Equal(got, want) {
		r.Fatalf("%s has the sessions %v, want %v", user, got, want)
	}
}

// confirm confirms transitions, each for the first time.
func (r *rig) confirm(all []hubbub.Transition) {
	r.Helper()
	for _, t := range all {
		if first, err := r.Confirm(r.Context(), t.ID); first != 1 || err != nil {
			r.Fatalf("confirming %s %s: %v, %v", t.Kind, t.ID, first, err)
		}
	}
}

// devices are the names of the devices that a user is online with.
func devices(p hubbub.Presence) []string {
	all := []string{}
	for _, d := range p.Devices {
		all = append(all, d.Device)
	}
	return all
}
