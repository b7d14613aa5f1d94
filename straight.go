package hubbub

import (
	"context"
	"slices"
	"time"
)

// straight is what is told of transitions that the registry has decided.
type straight struct {
	all []Transition
	of  []int // for each of all the index of the decided one that it comes from; rises
	n   int   // how many were decided
}

// taken tells how many of the decided ones, from the first on, are done when the first n of all are.
func (s *straight) taken(n int) int {
	if n == len(s.all) {
		return s.n
	}
	return s.of[n]
}

func (s *straight) add(t Transition, of int) { s.all, s.of = append(s.all, t), append(s.of, of) }

// handOver tells of decisions what agrees with what was told before, and returns how many of them, from the first on, are done.
func (h *Hub) handOver(ctx context.Context, decided []Transition) (done int, err error) {
	if h.shared == nil || h.store == nil || !questionable(decided) {
		return h.handOverAll(ctx, decided)
	}
	var s straight
	// In one step: another node may be telling of the same user. But OnTransition is told of ends before the store.
	err = h.store.RecordBy(ctx, decided, func(told map[string]Standing) ([]Transition, []OutboxItem) {
		s = h.straighten(told, decided)
		if h.o.OnTransition != nil {
			return nil, nil
		}
		return s.all, h.reported(s.all)
	})
	if err != nil {
		return 0, err
	}
	if h.o.OnTransition == nil {
		return len(decided), nil
	}
	taken, err := h.handOverAll(ctx, s.all)
	return s.taken(taken), err
}

// questionable tells whether decisions may contradict what was told: whoever comes online with a session, as most do, needs no look.
func questionable(decided []Transition) bool {
	for i, t := range decided {
		if t.Kind == UserOffline || t.Kind == SessionConnected && !tellsOnline(decided[i+1:], t.User) {
			return true
		}
	}
	return false
}

// straighten makes of decisions what is to be told, by what was told of their users. A shared registry may have lost its newest decisions, which
// were told already, and then decides from what is left: that somebody is offline whose session it does not know any more, or nothing when
// somebody signs in whom it takes for online. So what would contradict what the store was told is left out, and what is missing is added. What
// is told again, since it was not confirmed, changes nothing.
func (h *Hub) straighten(told map[string]Standing, decided []Transition) straight {
	s := straight{n: len(decided)}
	known := make(map[string]*Standing, len(told))
	for user, u := range told {
		known[user] = &u
	}
	for i, t := range decided {
		u := known[t.User]
		if u == nil || u.Turn == "" { // nothing was told, or the user was erased
			s.add(t, i)
			continue
		}
		switch t.Kind {
		case SessionConnected:
			s.add(t, i)
			if u.connect(&t) && !tellsOnline(decided[i+1:], t.User) {
				s.add(Transition{ID: TransitionID(UserOnline, t.User, t.Session.ID), Kind: UserOnline, User: t.User, Time: t.Time}, i)
			}
		case UserOffline:
			if u.offline(&t, max(h.o.Grace, 0)) {
				s.add(t, i)
			} else if len(u.Open) > 0 {
				h.reconcile.distrust() // the registry does not know these sessions, and perhaps no node has them
			}
		default:
			u.follow(&t)
			s.add(t, i)
		}
	}
	return s
}

// tellsOnline tells whether the next that is told of a user is that the user is online.
func tellsOnline(next []Transition, user string) bool {
	i := slices.IndexFunc(next, func(t Transition) bool { return t.User == user })
	return i >= 0 && next[i].Kind == UserOnline
}

// connect follows that a session has connected, and tells whether its user came online by it.
func (u *Standing) connect(t *Transition) (came bool) {
	online := TransitionID(UserOnline, t.User, t.Session.ID)
	switch {
	case slices.Contains(u.Ended, t.Session.ID):
		return false // it is told again
	case slices.Contains(u.Open, t.Session.ID):
		return u.Turn == online // it is told again, perhaps since not all have heard that the user is online
	}
	u.Open = append(u.Open, t.Session.ID)
	if u.Online || t.Time.Before(u.Turned) {
		return false
	}
	u.Online, u.Turn, u.Turned = true, online, t.Time
	return true
}

// follow follows that a session has ended, or that the user is online.
func (u *Standing) follow(t *Transition) {
	if t.Kind == SessionDisconnected {
		u.Open = slices.DeleteFunc(u.Open, func(id string) bool { return id == t.Session.ID })
		if t.Time.After(u.LastSeen) {
			u.LastSeen = t.Time
		}
		return
	}
	if !t.Time.Before(u.Turned) && u.Turn != TransitionID(UserOffline, t.User, t.ID) {
		u.Online, u.Turn, u.Turned = true, t.ID, t.Time
	}
}

// offline decides whether a user is told to be offline, as the end of the time of being online that was told last.
func (u *Standing) offline(t *Transition, grace time.Duration) bool {
	ends := TransitionID(UserOffline, t.User, u.Turn)
	switch {
	case u.Turn == t.ID: // it is told again
		return true
	case !u.Online, len(u.Open) > 0:
		return false
	case t.ID != ends && t.Time.Before(u.LastSeen.Add(grace).Truncate(time.Millisecond)):
		return false // it is told again; the user has come and gone since then
	}
	t.ID, u.Online, u.Turn, u.Turned = ends, false, ends, t.Time
	return true
}
