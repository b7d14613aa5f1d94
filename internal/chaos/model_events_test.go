package chaos_test

import (
	"fmt"
	"maps"
	"slices"
)

// told is one attempt to tell of an event.
type told struct {
	id       string
	Type     string
	Sequence uint64
	Data     struct {
		User, Room, Session, ID, Reason string
	}
}

// order is what the event is in one order with.
func (e told) order() string {
	if e.Data.User != "" {
		return "user " + e.Data.User
	}
	return "room " + e.Data.Room
}

// audience is the world as who is told of events sees it.
type audience struct {
	events   map[string]told   // by id: as it was told first
	sequence map[string]uint64 // of the newest, by order
	began    map[string]bool   // sessions that were told to have begun
	open     map[string]string // sessions: whose
	online   map[string]bool   // users
	occupied map[string]bool   // rooms
	sent     map[string]bool   // messages, by id
	losses   int               // how often the registry may have lost what it knew
	again    map[string]int    // how often users were told to be online who were, by user
	wrong    []string          // what can never be right
}

func newAudience() *audience {
	return &audience{events: map[string]told{}, sequence: map[string]uint64{}, began: map[string]bool{}, open: map[string]string{},
		online: map[string]bool{}, occupied: map[string]bool{}, sent: map[string]bool{}, again: map[string]int{}}
}

// hear follows an event, in the order of their arrival. What is told again changes nothing, and must be the same.
func (a *audience) hear(e told) {
	wrong := func(why string) { a.wrong = append(a.wrong, fmt.Sprintf("events: %s: %+v", why, e)) }
	if before, again := a.events[e.id]; again {
		if before != e {
			wrong(fmt.Sprintf("told differently: %+v", before))
		}
		return
	}
	a.events[e.id] = e
	if last := a.sequence[e.order()]; e.Sequence <= last {
		wrong(fmt.Sprintf("it comes after one with the sequence %d", last))
	}
	a.sequence[e.order()] = e.Sequence
	if why := a.happen(e); why != "" {
		wrong(why)
	}
}

// happen follows an event that is new, and says what is wrong with it.
func (a *audience) happen(e told) (wrong string) {
	user, session := e.Data.User, e.Data.Session
	switch e.Type {
	case "session.connected":
		if a.began[session] {
			wrong = "it begins twice"
		}
		a.began[session], a.open[session] = true, user
	case "session.disconnected":
		if a.open[session] != user {
			wrong = "it ends before it has begun, or twice"
		}
		delete(a.open, session)
	case "user.online", "user.offline":
		here := e.Type == "user.online"
		if a.online[user] == here && !(here && a.forgiven(user)) {
			wrong = "told twice in a row"
		}
		if !here && slices.Contains(slices.Collect(maps.Values(a.open)), user) {
			wrong = "somebody with a session is offline"
		}
		a.online[user] = here
	case "room.occupied", "room.vacated":
		here := e.Type == "room.occupied"
		if a.occupied[e.Data.Room] == here {
			wrong = "told twice in a row"
		}
		a.occupied[e.Data.Room] = here
	case "message.sent":
		if a.sent[e.Data.ID] {
			wrong = "the message is told twice, as two events"
		}
		a.sent[e.Data.ID] = true
	default:
		wrong = "there is no such event"
	}
	return wrong
}

// forgiven tells whether a user may be told to be online once more: who signs in on one node after the registry was lost, and before another
// one has restored the user's sessions, is. That happens once for each loss, since then the registry knows the user.
func (a *audience) forgiven(user string) bool {
	a.again[user]++
	return a.again[user] <= a.losses
}

// differs compares what was told with what is.
func (a *audience) differs(now truth) (wrong []string) {
	wrong = append(wrong, differ("told to be a session", a.open, now.sessions())...)
	wrong = append(wrong, differ("told to be online", trues(a.online), now.users())...)
	return append(wrong, differ("told to be occupied", trues(a.occupied), now.rooms())...)
}

// untold says which of the messages of a stream were accepted and not told of.
func (a *audience) untold(s *stream) (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.accepted {
		if !a.sent[m.id] {
			wrong = append(wrong, fmt.Sprintf("%s: %+v was accepted, and not told of", s.name, m))
		}
	}
	return wrong
}

// trues are the keys that are true.
func trues(of map[string]bool) map[string]bool {
	of = maps.Clone(of)
	maps.DeleteFunc(of, func(_ string, is bool) bool { return !is })
	return of
}

// differ names what is in one of two maps alone, or otherwise in it.
func differ[T comparable](what string, got, want map[string]T) (wrong []string) {
	for name, v := range got {
		if w, here := want[name]; !here {
			wrong = append(wrong, fmt.Sprintf("%s is %s (%v), and is not", name, what, v))
		} else if w != v {
			wrong = append(wrong, fmt.Sprintf("%s is %s: %v, and it is %v", name, what, v, w))
		}
	}
	for name, w := range want {
		if _, here := got[name]; !here {
			wrong = append(wrong, fmt.Sprintf("%s is not %s, and is (%v)", name, what, w))
		}
	}
	slices.Sort(wrong)
	return wrong
}
