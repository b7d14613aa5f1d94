package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
)

// planted is what the model must say of observations; "" means that they are right.
type planted map[string]struct {
	observe func() []string
	want    string
}

func (p planted) run(t *testing.T) {
	for name, c := range p {
		t.Run(name, func(t *testing.T) {
			got := c.observe()
			if c.want == "" && len(got) > 0 {
				t.Errorf("what is right is said to be wrong: %s", strings.Join(got, "\n"))
			}
			if c.want != "" && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("the model says %q, and not that %s", got, c.want)
			}
		})
	}
}

func said(n uint64, epoch string) message {
	return message{id: fmt.Sprint("m", n), from: "ann", data: fmt.Sprint("text ", n), at: hubbub.Position{Epoch: epoch, Offset: n}}
}

// spoken is a stream in which messages were tried, and accepted in the epoch e.
func spoken(durable bool, accepted ...uint64) *stream {
	s := newStream("hall", durable)
	for n := range uint64(10) {
		s.try(fmt.Sprint("text ", n))
	}
	for _, n := range accepted {
		s.accept(said(n, "e"))
	}
	return s
}

// all are messages of one epoch.
func all(epoch string, numbers ...uint64) (list []message) {
	for _, n := range numbers {
		list = append(list, said(n, epoch))
	}
	return list
}

// with is a message that is changed.
func with(m message, change func(*message)) message {
	change(&m)
	return m
}

func TestModelOfHistory(t *testing.T) {
	history := func(s *stream, epoch string, all []message) func() []string {
		return func() []string { return append(s.history(epoch, all), s.never()...) }
	}
	moved := with(said(3, "e"), func(m *message) { m.at.Offset = 4 })
	planted{
		"all is there":           {history(spoken(true, 1, 2, 3), "e", all("e", 1, 2, 3)), ""},
		"more than was answered": {history(spoken(true, 1, 3), "e", all("e", 1, 2, 3)), ""},
		"holes":                  {history(spoken(true, 1, 5), "e", all("e", 1, 5)), ""},
		"one is missing":         {history(spoken(true, 1, 2, 3), "e", all("e", 1, 3)), "is not in the history"},
		"the newest is missing":  {history(spoken(true, 1, 2), "e", all("e", 1)), "is not in the history"},
		"all is missing":         {history(spoken(true, 1, 2), "e", nil), "is not in the history"},
		"moved":                  {history(spoken(true, 3), "e", []message{moved}), "was accepted as"},
		"another author":         {history(spoken(true, 3), "e", []message{with(said(3, "e"), func(m *message) { m.from = "bob" })}), "was accepted as"},
		"out of order":           {history(spoken(true, 1, 2), "e", all("e", 2, 1)), "after"},
		"twice":                  {history(spoken(true, 3), "e", append(all("e", 3), with(moved, func(m *message) { m.id = "m4" }))), "twice"},
		"nobody's":               {history(spoken(true), "e", all("e", 99)), "nobody has sent"},
		"a durable one lost":     {history(spoken(true, 1, 2), "f", all("f", 1)), "another epoch"},
		"a durable one emptied":  {history(spoken(true, 1, 2), "f", nil), "is not in the history"},
		"two epochs":             {history(spoken(false), "f", append(all("e", 1), all("f", 2)...)), "in the epoch f"},
		"a position twice": {history(spoken(true, 1), "e", []message{with(said(1, "e"), func(m *message) { m.id, m.data = "m2", "text 2" })}),
			"has the position of m1"},
		"no position":           {history(spoken(true), "e", []message{with(said(1, "e"), func(m *message) { m.at.Offset = 0 })}), "has no position"},
		"a memory one lost":     {history(spoken(false, 1, 2), "f", all("f", 3)), ""},
		"a memory one emptied":  {history(spoken(false, 1, 2), "f", nil), ""},
		"a loss in silence":     {history(spoken(false, 1, 2), "e", all("e", 1)), "is not in the history"},
		"a position in silence": {history(spoken(false, 1), "e", []message{with(said(2, "e"), func(m *message) { m.at.Offset = 1 })}), "has the position of m1"},
	}.run(t)
}

func TestModelOfFollowers(t *testing.T) {
	follow := func(durable bool, what func(*follower), all []message) func() []string {
		return func() []string {
			f := &follower{stream: spoken(durable), who: "bob"}
			what(f)
			return append(f.missing(all), f.never()...)
		}
	}
	hear := func(numbers ...uint64) func(*follower) {
		return func(f *follower) {
			for _, n := range numbers {
				f.hear(said(n, "e"))
			}
		}
	}
	planted{
		"all":           {follow(true, hear(1, 2, 3), all("e", 1, 2, 3)), ""},
		"from the 2nd":  {follow(true, hear(2, 3), all("e", 1, 2, 3)), ""},
		"nothing":       {follow(true, hear(), nil), ""},
		"not one":       {follow(true, hear(1, 3), all("e", 1, 2, 3)), "has not heard"},
		"not the last":  {follow(true, hear(1, 2), all("e", 1, 2, 3)), "has heard up to"},
		"none of all":   {follow(true, hear(), all("e", 1)), "has heard 0 messages"},
		"all is gone":   {follow(true, hear(1), nil), "and there are 0"},
		"twice":         {follow(true, hear(1, 2, 2), all("e", 1, 2)), "after"},
		"backwards":     {follow(true, hear(1, 3, 2), all("e", 1, 2, 3)), "after"},
		"what is not":   {follow(true, hear(1, 2), all("e", 1)), "has heard up to"},
		"nobody's":      {follow(true, hear(99), all("e", 99)), "nobody has sent"},
		"a new epoch":   {follow(false, func(f *follower) { hear(1, 2)(f); f.hear(said(3, "f")) }, all("f", 3)), "nobody told"},
		"a loss":        {follow(false, func(f *follower) { hear(1, 2)(f); f.lose(); f.hear(said(3, "f")) }, all("f", 3)), ""},
		"a false loss":  {follow(true, func(f *follower) { hear(1, 2)(f); f.lose(); hear(1, 2)(f) }, all("e", 1, 2)), "is durable"},
		"after a loss":  {follow(false, func(f *follower) { f.lose(); hear(1)(f) }, all("e", 1, 2)), "has not heard"},
		"after the old": {follow(true, func(f *follower) { hear(1, 2)(f); f.forget(); hear(3)(f) }, all("e", 1, 2, 3)), ""},
		"not after the old": {follow(true, func(f *follower) { hear(1, 2)(f); f.forget(); hear(4)(f) }, all("e", 1, 2, 3, 4)),
			"has not heard"},
	}.run(t)
}

// event is one of a user's, or of a room's if its type says so.
func event(sequence uint64, typ, of, session string) told {
	e := told{id: fmt.Sprint("e", sequence), Type: typ, Sequence: sequence}
	e.Data.User, e.Data.Session = of, session
	if strings.HasPrefix(typ, "room.") {
		e.Data.User, e.Data.Room = "", of
	}
	return e
}

// visit are the events of a user who came and goes.
func visit() []told {
	return []told{event(1, "session.connected", "ann", "s1"), event(2, "user.online", "ann", ""), event(3, "room.occupied", "hall", ""),
		event(4, "room.vacated", "hall", ""), event(5, "session.disconnected", "ann", "s1"), event(6, "user.offline", "ann", "")}
}

func TestModelOfEvents(t *testing.T) {
	here := truth{{id: "s1", user: "ann", in: []string{"hall"}}}
	lossy := func(now truth, losses int, all ...told) func() []string {
		return func() []string {
			a := newAudience()
			a.losses = losses
			for _, e := range all {
				a.hear(e)
			}
			return append(a.differs(now), a.wrong...)
		}
	}
	hear := func(now truth, all ...told) func() []string { return lossy(now, 0, all...) }
	v := visit()
	otherwise := v[0]
	otherwise.Data.User = "bob"
	planted{
		"a visit":            {hear(nil, v...), ""},
		"somebody here":      {hear(here, v[:3]...), ""},
		"told again":         {hear(here, v[0], v[1], v[0], v[2]), ""},
		"told otherwise":     {hear(here, v[0], v[1], otherwise, v[2]), "told differently"},
		"out of order":       {hear(here, v[1], v[0], v[2]), "it comes after one"},
		"begins twice":       {hear(here, v[0], v[1], v[2], event(9, "session.connected", "ann", "s1")), "begins twice"},
		"begins again":       {hear(nil, append(v, event(9, "session.connected", "ann", "s1"))...), "begins twice"},
		"ends unheard":       {hear(nil, v[4]), "ends before it has begun"},
		"ends twice":         {hear(nil, append(v, event(9, "session.disconnected", "ann", "s1"))...), "ends before it has begun, or twice"},
		"online twice":       {hear(here, v[0], v[1], v[2], event(9, "user.online", "ann", "")), "twice in a row"},
		"online again":       {lossy(here, 1, v[0], v[1], v[2], event(9, "user.online", "ann", "")), ""},
		"online thrice":      {lossy(here, 1, v[0], v[1], v[2], event(8, "user.online", "ann", ""), event(9, "user.online", "ann", "")), "twice in a row"},
		"offline again":      {lossy(nil, 1, append(v, event(9, "user.offline", "ann", ""))...), "twice in a row"},
		"offline twice":      {hear(nil, append(v, event(9, "user.offline", "ann", ""))...), "twice in a row"},
		"offline at first":   {hear(nil, v[5]), "twice in a row"},
		"offline while here": {hear(here, v[0], v[1], v[2], v[5]), "with a session is offline"},
		"occupied twice":     {hear(here, v[0], v[1], v[2], event(9, "room.occupied", "hall", "")), "twice in a row"},
		"vacated at first":   {hear(nil, v[3]), "twice in a row"},
		"an unknown one":     {hear(nil, event(1, "user.gone", "ann", "")), "no such event"},
		"a session unended":  {hear(nil, v[0], v[1], v[2], v[3]), "s1 is told to be a session (ann), and is not"},
		"never offline":      {hear(nil, v[:5]...), "ann is told to be online (true), and is not"},
		"never vacated":      {hear(nil, v[0], v[1], v[2], v[4], v[5]), "hall is told to be occupied"},
		"a session untold":   {hear(here, v[1], v[2]), "s1 is not told to be a session"},
		"never online":       {hear(here, v[0], v[2]), "ann is not told to be online"},
		"never occupied":     {hear(here, v[:2]...), "hall is not told to be occupied"},
	}.run(t)
}

func TestModelOfMessagesTold(t *testing.T) {
	sent := func(sequence uint64, id string) told {
		e := event(sequence, "message.sent", "hall", "")
		e.Data.ID = id
		return e
	}
	tell := func(all ...told) func() []string {
		return func() []string {
			a := newAudience()
			for _, e := range all {
				a.hear(e)
			}
			return append(a.untold(spoken(true, 1, 2)), a.wrong...)
		}
	}
	planted{
		"all":     {tell(sent(1, "m1"), sent(2, "m2")), ""},
		"again":   {tell(sent(1, "m1"), sent(2, "m2"), sent(1, "m1")), ""},
		"not one": {tell(sent(1, "m1")), "was accepted, and not told of"},
		"doubled": {tell(sent(1, "m1"), sent(2, "m2"), sent(3, "m2")), "told twice, as two events"},
	}.run(t)
}

func TestModelOfState(t *testing.T) {
	now := truth{{id: "s1", user: "ann", device: "laptop", platform: "web", in: []string{"hall"}}, {id: "s2", user: "ann", device: "phone", platform: "ios"}}
	node := func(change func(*view)) func() []string {
		return func() []string {
			v := view{node: "n1", users: 1, sessions: 2, devices: map[string]string{"ann": "laptop/web*1 phone/ios*1"},
				present: map[string]map[string]bool{"hall": {"ann": true}}, rooms: map[string]int{"hall": 1}}
			change(&v)
			return v.differs(now)
		}
	}
	store := func(j journal) func() []string { return func() []string { return j.differs(now) } }
	planted{
		"as it is":             {node(func(*view) {}), ""},
		"users miscounted":     {node(func(v *view) { v.users = 2 }), "2 users with 2 sessions, and there are 1 with 2"},
		"sessions miscounted":  {node(func(v *view) { v.sessions = 1 }), "1 users with 1 sessions"},
		"a ghost":              {node(func(v *view) { v.devices["bob"] = "laptop/web*1" }), "bob is online with (laptop/web*1), and is not"},
		"somebody unseen":      {node(func(v *view) { v.devices = nil }), "ann is not online with"},
		"a device too few":     {node(func(v *view) { v.devices["ann"] = "laptop/web*1" }), "ann is online with: laptop/web*1, and it is"},
		"a ghost in a room":    {node(func(v *view) { v.present["hall"]["bob"] = true }), "bob is in hall"},
		"somebody unseen in a": {node(func(v *view) { v.present = nil }), "ann is not in hall"},
		"an empty room":        {node(func(v *view) { v.rooms["attic"] = 1 }), "attic is a room"},
		"a room miscounted":    {node(func(v *view) { v.rooms["hall"] = 3 }), "hall is a room: 3, and it is 1"},
		"a room unseen":        {node(func(v *view) { v.rooms = nil }), "hall is not a room"},
		"a journal":            {store(journal{map[string]string{"s1": "ann", "s2": "ann"}, map[string]bool{"ann": true}}), ""},
		"a journal's ghost":    {store(journal{map[string]string{"s1": "ann", "s2": "ann", "s3": "bob"}, map[string]bool{"ann": true}}), "s3 is a session in the journal"},
		"a journal's gap":      {store(journal{map[string]string{"s1": "ann"}, map[string]bool{"ann": true}}), "s2 is not a session in the journal"},
		"online in a journal":  {store(journal{map[string]string{"s1": "ann", "s2": "ann"}, map[string]bool{"ann": true, "bob": true}}), "bob is online in the journal"},
		"offline in a journal": {store(journal{map[string]string{"s1": "ann", "s2": "ann"}, nil}), "ann is not online in the journal"},
	}.run(t)
}

func TestModelOfSignIns(t *testing.T) {
	one := truth{{id: "s1", user: "ann", device: "laptop", platform: "web"}, {id: "s2", user: "ann", device: "laptop", platform: "web"}}
	two := append(one, session{id: "s3", user: "ann", device: "tablet", platform: "web"})
	box := func(unread int, found ...[2]string) func() []string {
		return func() []string { return inbox("ann", found, unread, map[string]string{"n1": "first"}) }
	}
	planted{
		"one device":       {func() []string { return one.crowded([]string{"ann"}) }, ""},
		"two devices":      {func() []string { return two.crowded([]string{"ann"}) }, "ann is signed in with [laptop tablet]"},
		"no device":        {func() []string { return one.crowded([]string{"bob"}) }, "bob is signed in nowhere"},
		"ended":            {func() []string { return one.ended(map[string]bool{"s9": true}, map[string]bool{"bob": true}) }, ""},
		"goes on":          {func() []string { return one.ended(map[string]bool{"s2": true}, nil) }, "s2 of ann goes on"},
		"blocked":          {func() []string { return one.ended(nil, map[string]bool{"ann": true}) }, "and is blocked"},
		"an inbox":         {box(2, [2]string{"n1", "first"}, [2]string{"n2", "unanswered"}), ""},
		"a lost notice":    {box(0), "is not in the inbox"},
		"a doubled notice": {box(2, [2]string{"n1", "first"}, [2]string{"n2", "first"}), "twice"},
		"a count too low":  {box(0, [2]string{"n1", "first"}), "0 notices of ann are counted"},
	}.run(t)
}
