package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// Record implements [hubbub.Journal]. What a transition changes it changes once: sessions are remembered for a day after their
// end, and of those that make a user online or offline the newest counts. The number of statements does not depend on that of the
// transitions.
//
// It holds the rows of the users until the end of the transaction, and then the lines of the items. So of two nodes that record some of
// the same transitions at the same time one waits for the other, and finds its items in the outbox, in their order.
func (s *Store) Record(ctx context.Context, ts []hubbub.Transition, items []hubbub.OutboxItem) error {
	if len(ts) == 0 && len(items) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		now := s.o.Now()
		if len(ts) == 0 {
			return putItems(ctx, q, items, now)
		}
		r, err := look(ctx, q, ts, now)
		if err != nil {
			return fmt.Errorf("record transitions: %w", err)
		}
		return r.take(ctx, q, ts, items)
	})
}

// RecordBy implements [hubbub.Journal]. It reads the open sessions of the users in one more statement than Record.
func (s *Store) RecordBy(ctx context.Context, ts []hubbub.Transition, tell func(map[string]hubbub.Standing) ([]hubbub.Transition, []hubbub.OutboxItem)) error {
	if len(ts) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		r, err := look(ctx, q, ts, s.o.Now())
		if err != nil {
			return fmt.Errorf("record transitions: %w", err)
		}
		known, err := r.standings(ctx, q, ts)
		if err != nil {
			return fmt.Errorf("record transitions: %w", err)
		}
		told, items := tell(known)
		return r.take(ctx, q, told, items)
	})
}

// standings tells how the users are who were ever here.
func (r *recorder) standings(ctx context.Context, q *db.Queries, ts []hubbub.Transition) (map[string]hubbub.Standing, error) {
	known := make(map[string]hubbub.Standing, len(r.users))
	for name, u := range r.users {
		if u.known {
			known[name] = hubbub.Standing{Online: u.Online, Turn: u.Turn, Turned: timeOf(u.Turned), LastSeen: timeOf(u.LastSeen)}
		}
	}
	open, err := q.OpenOf(ctx, slices.Sorted(maps.Keys(known)))
	for _, row := range open {
		u := known[row.Who]
		u.Open = append(u.Open, row.ID)
		known[row.Who] = u
	}
	for i := range ts {
		s := r.sessions[ts[i].Session.ID]
		if u, here := known[ts[i].User]; here && s != nil && s.ended > 0 {
			u.Ended = append(u.Ended, ts[i].Session.ID)
			known[ts[i].User] = u
		}
	}
	return known, err
}

// take records transitions of users and sessions that were looked at, and puts the items into the outbox.
func (r *recorder) take(ctx context.Context, q *db.Queries, ts []hubbub.Transition, items []hubbub.OutboxItem) error {
	for i := range ts {
		if err := r.record(&ts[i]); err != nil {
			return fmt.Errorf("record %s of %q: %w", ts[i].Kind, ts[i].User, err)
		}
	}
	if err := r.write(ctx, q); err != nil {
		return fmt.Errorf("record transitions: %w", err)
	}
	// Twice as many as can have come: there are never many more than a day's.
	forget := db.ForgetSessionsParams{Before: r.now.Add(-rememberFor).UnixMilli(), Most: int64(2 * len(ts))}
	if err := q.ForgetSessions(ctx, forget); err != nil {
		return fmt.Errorf("forget sessions: %w", err)
	}
	return putItems(ctx, q, items, r.now)
}

// recorder applies transitions to what is known of their users and sessions.
type recorder struct {
	now      time.Time
	users    map[string]*recordedUser
	sessions map[string]*recordedSession
}

// recordedUser is a user whose row is locked.
type recordedUser struct {
	db.Users
	known   bool // was here before, or is now
	named   bool // by this
	changed bool
}

type recordedSession struct {
	user, node string
	connected  int64
	record     []byte
	ended      int64
	why        hubbub.EndReason
	known      bool
	changed    bool
}

// look locks the users and reads what is known.
func look(ctx context.Context, q *db.Queries, ts []hubbub.Transition, now time.Time) (*recorder, error) {
	r := &recorder{now: now, users: map[string]*recordedUser{}, sessions: map[string]*recordedSession{}}
	for i := range ts {
		r.users[ts[i].User] = &recordedUser{known: true}
		if id := ts[i].Session.ID; id != "" {
			r.sessions[id] = &recordedSession{}
		}
	}
	names := slices.Sorted(maps.Keys(r.users))
	fresh, err := q.LockUsers(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, name := range fresh {
		r.users[name].known = false
	}
	users, err := q.UsersOf(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, row := range users {
		r.users[row.Who].Users = row
	}
	sessions, err := q.SessionsOf(ctx, slices.Sorted(maps.Keys(r.sessions)))
	for _, row := range sessions {
		s := r.sessions[row.ID]
		s.known, s.ended = true, row.Ended
	}
	return r, err
}

func (r *recorder) record(t *hubbub.Transition) error {
	u := r.users[t.User]
	if u == nil {
		return errors.New("the user is none of those who were looked at")
	}
	switch t.Kind {
	case hubbub.SessionConnected:
		return r.connected(u, t)
	case hubbub.SessionDisconnected:
		r.disconnected(u, t)
	case hubbub.UserOnline, hubbub.UserOffline:
		u.turned(t)
	}
	return nil
}

// connected opens a session. Its user is online by that, whether or not this is told, too: otherwise nobody would know later that the user
// must go offline.
func (r *recorder) connected(u *recordedUser, t *hubbub.Transition) (err error) {
	s := r.sessions[t.Session.ID]
	if s == nil || s.known {
		return nil
	}
	s.known, s.changed, s.user, s.node, s.connected = true, true, t.User, t.Session.Node, millis(t.Session.Connected)
	if s.record, err = json.Marshal(t.Session); err != nil {
		return err
	}
	if !u.known {
		u.known, u.named = true, true
		u.Info, u.FirstSeen = nothing(t.Session.Info), millis(t.Time)
		if u.Attrs, err = attrsText(t.Session.Attrs); err != nil {
			return err
		}
	}
	u.changed = true
	if at := millis(t.Time); !u.Online && at >= u.Turned {
		u.Online, u.Turn, u.Turned = true, hubbub.TransitionID(hubbub.UserOnline, t.User, t.Session.ID), at
	}
	return nil
}

// disconnected ends a session. Whose it was is forgotten.
func (r *recorder) disconnected(u *recordedUser, t *hubbub.Transition) {
	if s := r.sessions[t.Session.ID]; s != nil && (!s.known || s.ended == 0) {
		s.known, s.changed, s.user, s.record, s.ended, s.why = true, true, "", nil, r.now.UnixMilli(), t.Why
		s.node, s.connected = t.Session.Node, millis(t.Session.Connected)
		u.changed = true
	}
	if seen := millis(t.Time); u.known && u.LastSeen < seen {
		u.LastSeen, u.changed = seen, true
	}
}

// turned takes a user online or offline, unless something newer was told.
func (u *recordedUser) turned(t *hubbub.Transition) {
	at, online := millis(t.Time), t.Kind == hubbub.UserOnline
	if !u.known || at < u.Turned || u.Turn == hubbub.TransitionID(hubbub.UserOffline, t.User, t.ID) {
		return
	}
	if u.Online != online || u.Turn != t.ID || u.Turned != at {
		u.Online, u.Turn, u.Turned, u.changed = online, t.ID, at, true
	}
}

func (r *recorder) write(ctx context.Context, q *db.Queries) error {
	if err := r.writeSessions(ctx, q); err != nil {
		return err
	}
	var name db.NameUsersParams
	var turn db.TurnUsersParams
	var strangers []string
	for _, who := range slices.Sorted(maps.Keys(r.users)) {
		u := r.users[who]
		if !u.known {
			strangers = append(strangers, who)
			continue
		}
		if u.named {
			name.Users, name.Infos = append(name.Users, who), append(name.Infos, u.Info)
			name.AllAttrs, name.AllSeen = append(name.AllAttrs, u.Attrs), append(name.AllSeen, u.FirstSeen)
		}
		if u.changed {
			turn.Users, turn.Seen, turn.Onlines = append(turn.Users, who), append(turn.Seen, u.LastSeen), append(turn.Onlines, u.Online)
			turn.Turns, turn.AllTurned = append(turn.Turns, u.Turn), append(turn.AllTurned, u.Turned)
		}
	}
	if len(name.Users) > 0 {
		if err := q.NameUsers(ctx, name); err != nil {
			return err
		}
	}
	if len(turn.Users) > 0 {
		if err := q.TurnUsers(ctx, turn); err != nil {
			return err
		}
	}
	if len(strangers) > 0 { // who were made to be locked
		return q.DropUsers(ctx, strangers)
	}
	return nil
}

func (r *recorder) writeSessions(ctx context.Context, q *db.Queries) error {
	var set db.SetSessionsParams
	for _, id := range slices.Sorted(maps.Keys(r.sessions)) {
		if s := r.sessions[id]; s.changed {
			set.Ids, set.Users, set.Nodes = append(set.Ids, id), append(set.Users, s.user), append(set.Nodes, s.node)
			set.Connected, set.Records, set.Ended = append(set.Connected, s.connected), append(set.Records, s.record), append(set.Ended, s.ended)
			set.Whys = append(set.Whys, string(s.why))
		}
	}
	if len(set.Ids) == 0 {
		return nil
	}
	return q.SetSessions(ctx, set)
}
