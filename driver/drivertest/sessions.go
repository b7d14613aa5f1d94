package drivertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func sessionTests() []test[*rig] {
	return []test[*rig]{
		{"sessions are listed as they were opened", sessionsListed},
		{"transitions say what has happened", transitionsSay},
		{"a session is open once", openOnce},
		{"updating a session", updating},
		{"ending what a target selects", targets},
		{"ending at once ends each session once", endAtOnce},
		{"revoked credentials", revocations},
		{"revocations are forgotten when they are over", revocationsEnd},
		{"revocations are checked when a session is updated", revokedUpdate},
	}
}

func sessionsListed(r *rig) {
	r.renew()
	var want []hubbub.SessionRecord
	for i := range 4 {
		s := r.record(fmt.Sprintf("ann d%d s%d %c", i%3, 9-i, 'a'+rune(i%2)))
		if i == 2 {
			s.Attrs, s.Info, s.Token, s.Issued = nil, nil, "", time.Time{}
		}
		_, err := r.Open(r.Context(), s, hubbub.DeviceLimit{})
		r.must(err)
		want = append(want, s)
		r.clock.Advance(time.Millisecond)
	}
	got, err := r.SessionsOf(r.Context(), "ann")
	r.must(err)
	if len(got) != len(want) {
		r.Fatalf("there are %d sessions, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(plain(got[i]), plain(want[i])) {
			r.Errorf("opened\n%+v, listed\n%+v", want[i], got[i])
		}
	}
	if all := r.sessions("nobody"); len(all) != 0 {
		r.Errorf("nobody has the sessions %v", all)
	}
}

// plain makes records comparable: times in UTC, nothing as nil.
func plain(s hubbub.SessionRecord) hubbub.SessionRecord {
	s.Connected, s.Issued = s.Connected.UTC(), s.Issued.UTC()
	if len(s.Attrs) == 0 {
		s.Attrs = nil
	}
	if len(s.Info) == 0 {
		s.Info = nil
	}
	return s
}

func transitionsSay(r *rig) {
	r.renew()
	opened := r.open("ann phone s1", hubbub.DeviceLimit{}).Transitions
	r.tells(opened, "+s1, online ann")
	r.clock.Advance(time.Second)
	ended := r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	r.tells(ended, "-s1 closed")
	end := r.clock.Now()
	r.clock.Advance(Grace + time.Second)
	offline := r.reap()
	r.tells(offline, "offline ann")
	seen := map[string]bool{}
	for _, t := range slices.Concat(opened, ended, offline) {
		if t.ID == "" || len(t.ID) > hubbub.MaxID || seen[t.ID] || t.User != "ann" {
			r.Errorf("%s has the id %q and the user %q", t.Kind, t.ID, t.User)
		}
		seen[t.ID] = true
		if session := t.Kind == hubbub.SessionConnected || t.Kind == hubbub.SessionDisconnected; session {
			if t.Session.Device != "phone" || t.Session.Token != "token-s1" || t.Session.Attrs["plan"] != "free" {
				r.Errorf("%s is of %+v", t.Kind, t.Session)
			}
		}
	}
	if !ended[0].Time.Equal(end) || !opened[0].Time.Equal(end.Add(-time.Second)) || !offline[0].Time.Equal(end.Add(Grace)) {
		r.Errorf("connected at %v, disconnected at %v, offline at %v", opened[0].Time, ended[0].Time, offline[0].Time)
	}
}

func openOnce(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	_, err := r.Open(r.Context(), r.record("ann phone s1"), hubbub.DeviceLimit{})
	r.refused(err, hubbub.Conflict)
	r.are("ann", "s1")
	s := r.record("ann phone s2")
	s.Node = "a node that never renewed"
	_, err = r.Open(r.Context(), s, hubbub.DeviceLimit{})
	r.refused(err, hubbub.Unavailable)
	r.clock.Advance(Lease + time.Second)
	_, err = r.Open(r.Context(), r.record("ann phone s3"), hubbub.DeviceLimit{})
	r.refused(err, hubbub.Unavailable)
}

func updating(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	old := r.record("ann phone s1")
	s := old
	r.clock.Advance(time.Second)
	s.Token, s.Issued, s.Info, s.Attrs = "t2", r.clock.Now(), json.RawMessage(`{"new":1}`), map[string]string{"plan": "pro"}
	want := s
	s.Device, s.Platform, s.Node, s.Connected = "other", "ios", nodeB, r.clock.Now()
	r.must(r.Update(r.Context(), s))
	got, err := r.SessionsOf(r.Context(), "ann")
	r.must(err)
	if len(got) != 1 || !reflect.DeepEqual(plain(got[0]), plain(want)) {
		r.Fatalf("updated to\n%+v, listed\n%+v", want, got)
	}
	if p := r.presence("ann"); string(p.Info) != `{"new":1}` {
		r.Fatalf("ann's info is %s", p.Info)
	}
	r.tells(r.end(hubbub.Target{User: "ann", Token: "token-s1"}, hubbub.EndRevoked), "")
	r.tells(r.end(hubbub.Target{User: "ann", Token: "t2"}, hubbub.EndRevoked), "-s1 revoked")
	r.refused(r.Update(r.Context(), s), hubbub.NotFound)
	s.User = "nobody"
	r.refused(r.Update(r.Context(), s), hubbub.NotFound)
}

func targets(r *rig) {
	all := []string{"s1", "s2", "s3", "s4"}
	t0 := r.clock.Now()
	for _, c := range []struct {
		target hubbub.Target
		ends   string
	}{
		{hubbub.Target{}, "s1 s2 s3 s4"},
		{hubbub.Target{Session: "s2"}, "s2"},
		{hubbub.Target{Session: "other"}, ""},
		{hubbub.Target{Device: "phone"}, "s1 s2"},
		{hubbub.Target{Device: "phone", Except: "s1"}, "s2"},
		{hubbub.Target{Except: "s3"}, "s1 s2 s4"},
		{hubbub.Target{ExceptDevice: "phone"}, "s3 s4"},
		{hubbub.Target{Token: "token-s3"}, "s3"},
		{hubbub.Target{Token: "token-s3", Device: "phone"}, ""},
		{hubbub.Target{IssuedBefore: t0.Add(1500 * time.Millisecond)}, "s1 s2 s4"},
		{hubbub.Target{IssuedBefore: t0}, "s4"},
	} {
		r.renew()
		for i, words := range []string{"phone s1", "phone s2 b", "laptop s3", "tablet s4"} {
			s := r.record("ann " + words)
			if s.Issued = t0.Add(time.Duration(i) * time.Second); i == 3 {
				s.Issued = time.Time{}
			}
			_, err := r.Open(r.Context(), s, hubbub.DeviceLimit{})
			r.must(err)
		}
		c.target.User = "bob"
		r.tells(r.end(c.target, hubbub.EndLoggedOut), "")
		c.target.User = "ann"
		var want, left []string
		for _, id := range all {
			if slices.Contains(strings.Fields(c.ends), id) {
				want = append(want, "-"+id+" logged_out")
				continue
			}
			left = append(left, id)
		}
		r.tells(r.end(c.target, hubbub.EndLoggedOut), strings.Join(want, ", "))
		r.tells(r.end(c.target, hubbub.EndLoggedOut), "")
		r.are("ann", left...)
		r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	}
}

func endAtOnce(r *rig) {
	r.renew()
	const n = 20
	for i := range n {
		r.open(fmt.Sprintf("ann d%d s%d", i%3, i), hubbub.DeviceLimit{})
	}
	var mu sync.Mutex
	told := map[string]int{}
	atOnce(3*n, func(i int) {
		t := hubbub.Target{User: "ann"}
		switch {
		case i < n:
			t.Session = fmt.Sprint("s", i)
		case i < 2*n:
			t.Device = fmt.Sprint("d", i%3)
		}
		all, err := r.End(r.Context(), t, hubbub.EndClosed)
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, t := range all {
			told[story([]hubbub.Transition{t})]++
		}
	})
	for i := range n {
		if times := told[fmt.Sprintf("-s%d closed", i)]; times != 1 {
			r.Errorf("session s%d ended %d times", i, times)
		}
	}
	if len(told) != n {
		r.Errorf("told was %v", told)
	}
}

// revoked tells what the registry says about a session, both when asked and when it is opened.
func (r *rig) revoked(s hubbub.SessionRecord) bool {
	r.Helper()
	r.renew()
	asked, err := r.Revoked(r.Context(), s)
	r.must(err)
	_, err = r.Open(r.Context(), s, hubbub.DeviceLimit{})
	if err == nil {
		r.end(hubbub.Target{User: s.User, Session: s.ID}, hubbub.EndClosed)
	}
	if err != nil {
		r.refused(err, hubbub.Unauthorized)
	}
	if asked != (err != nil) {
		r.Fatalf("asked whether it is revoked: %v; opening it: %v", asked, err)
	}
	return asked
}

func revocations(r *rig) {
	now := r.clock.Now()
	session := func(device, token string, issued time.Time) hubbub.SessionRecord {
		s := r.record("ann " + device + " s1")
		s.Token, s.Issued = token, issued
		return s
	}
	for i, c := range []struct {
		r           hubbub.Revocation
		held, freed []hubbub.SessionRecord
	}{
		{hubbub.Revocation{},
			[]hubbub.SessionRecord{session("d", "", now), session("d", "t", now.Add(time.Hour)), session("d", "t", time.Time{})}, nil},
		{hubbub.Revocation{Before: now},
			[]hubbub.SessionRecord{session("d", "t", now.Add(-time.Second)), session("d", "t", time.Time{})},
			[]hubbub.SessionRecord{session("d", "t", now), session("d", "t", now.Add(time.Second))}},
		{hubbub.Revocation{Device: "d"},
			[]hubbub.SessionRecord{session("d", "t", now)}, []hubbub.SessionRecord{session("e", "t", now)}},
		{hubbub.Revocation{Token: "t"},
			[]hubbub.SessionRecord{session("d", "t", now), session("e", "t", now)},
			[]hubbub.SessionRecord{session("d", "u", now), session("d", "", now)}},
		{hubbub.Revocation{Token: "t", Device: "d", Before: now},
			[]hubbub.SessionRecord{session("d", "t", now.Add(-time.Second))},
			[]hubbub.SessionRecord{session("e", "t", time.Time{}), session("d", "u", time.Time{}), session("d", "t", now)}},
	} {
		user := fmt.Sprint("ann", i)
		c.r.User = user
		r.must(r.Revoke(r.Context(), c.r))
		for _, s := range c.held {
			if s.User = user; !r.revoked(s) {
				r.Errorf("%+v does not hold %+v", c.r, s)
			}
			if s.User = "bob"; r.revoked(s) {
				r.Errorf("%+v holds somebody else", c.r)
			}
		}
		for _, s := range c.freed {
			if s.User = user; r.revoked(s) {
				r.Errorf("%+v holds %+v", c.r, s)
			}
		}
	}
}

func revocationsEnd(r *rig) {
	now := r.clock.Now()
	until := now.Add(time.Hour)
	for _, revoke := range []hubbub.Revocation{
		{User: "ann", Until: until},
		{User: "ann", Before: now.Add(time.Minute)},                                    // for ever
		{User: "ann", Device: "phone", Before: now.Add(2 * time.Minute), Until: until}, // says nothing that the first does not
	} {
		r.must(r.Revoke(r.Context(), revoke))
	}
	old, fresh := r.record("ann phone s1"), r.record("ann phone s1")
	fresh.Issued = now.Add(90 * time.Second)
	if !r.revoked(old) || !r.revoked(fresh) {
		r.Fatalf("a blocked user may come in")
	}
	for i := range 2 {
		if r.clock.Advance(time.Hour + time.Second); i > 0 {
			r.reap() // which may forget them
		}
		if !r.revoked(old) {
			r.Fatalf("what is revoked for ever is not any more")
		}
		if r.revoked(fresh) {
			r.Fatalf("what was revoked for an hour still is")
		}
	}
}

func revokedUpdate(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.clock.Advance(time.Second)
	r.must(r.Revoke(r.Context(), hubbub.Revocation{User: "ann", Before: r.clock.Now()}))
	r.are("ann", "s1")
	s := r.record("ann phone s1")
	s.Token = "t2"
	r.must(r.Update(r.Context(), s)) // issued now
	s.Token, s.Issued = "t3", time.Time{}
	r.refused(r.Update(r.Context(), s), hubbub.Unauthorized)
	if got, err := r.SessionsOf(r.Context(), "ann"); err != nil || got[0].Token != "t2" {
		r.Fatalf("the session has the record %+v, %v", got, err)
	}
}
