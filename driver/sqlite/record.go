package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// Record implements [hubbub.Journal]. What a transition changes it changes once: sessions are remembered for a day after their
// end, and of those that make a user online or offline the newest counts.
func (s *Store) Record(ctx context.Context, ts []hubbub.Transition, items []hubbub.OutboxItem) error {
	if len(ts) == 0 && len(items) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error { return recordAll(ctx, q, ts, items, s.o.Now()) })
}

// RecordBy implements [hubbub.Journal]. Nobody else writes meanwhile.
func (s *Store) RecordBy(ctx context.Context, ts []hubbub.Transition, tell func(map[string]hubbub.Standing) ([]hubbub.Transition, []hubbub.OutboxItem)) error {
	if len(ts) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		known, err := standings(ctx, q, ts)
		if err != nil {
			return fmt.Errorf("record transitions: %w", err)
		}
		told, items := tell(known)
		return recordAll(ctx, q, told, items, s.o.Now())
	})
}

// standings tells how those of the users are who were ever here, and which of the sessions have ended.
func standings(ctx context.Context, q *db.Queries, ts []hubbub.Transition) (map[string]hubbub.Standing, error) {
	known := map[string]hubbub.Standing{}
	users, sessions := map[string]struct{}{}, map[string]string{}
	for i := range ts {
		users[ts[i].User] = struct{}{}
		if id := ts[i].Session.ID; id != "" {
			sessions[id] = ts[i].User
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(users)), usersAtOnce) {
		rows, err := q.UsersOf(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			known[row.User] = hubbub.Standing{Online: row.Online != 0, Turn: row.Turn, Turned: timeOf(row.Turned), LastSeen: timeOf(row.LastSeen)}
		}
		open, err := q.OpenOf(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, row := range open {
			u := known[row.User]
			u.Open = append(u.Open, row.ID)
			known[row.User] = u
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(sessions)), usersAtOnce) {
		ended, err := q.Endings(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, row := range ended {
			if u, here := known[sessions[row.ID]]; here {
				u.Ended = append(u.Ended, row.ID)
				known[sessions[row.ID]] = u
			}
		}
	}
	return known, nil
}

func recordAll(ctx context.Context, q *db.Queries, ts []hubbub.Transition, items []hubbub.OutboxItem, now time.Time) error {
	for _, t := range ts {
		if err := record(ctx, q, t, now); err != nil {
			return fmt.Errorf("record %s of %q: %w", t.Kind, t.User, err)
		}
	}
	if err := putItems(ctx, q, items, now); err != nil {
		return err
	}
	// Twice as many as can have come: there are never many more than a day's.
	return q.ForgetSessions(ctx, db.ForgetSessionsParams{Before: now.Add(-rememberFor).UnixMilli(), Most: int64(2 * len(ts))})
}

func record(ctx context.Context, q *db.Queries, t hubbub.Transition, now time.Time) error {
	switch t.Kind {
	case hubbub.SessionConnected:
		return connected(ctx, q, t)
	case hubbub.SessionDisconnected:
		err := q.EndSession(ctx, db.EndSessionParams{ID: t.Session.ID, Node: t.Session.Node,
			Connected: millis(t.Session.Connected), Ended: now.UnixMilli(), Why: string(t.Why)})
		if err != nil {
			return err
		}
		return q.SetSeen(ctx, db.SetSeenParams{User: t.User, Seen: millis(t.Time)})
	case hubbub.UserOnline, hubbub.UserOffline:
		return turned(ctx, q, t)
	}
	return nil
}

// connected opens a session. Its user is online by that, whether or not this is told, too: otherwise nobody would know at the next
// start that the user must go offline.
func connected(ctx context.Context, q *db.Queries, t hubbub.Transition) error {
	text, err := json.Marshal(t.Session)
	if err != nil {
		return err
	}
	fresh, err := q.OpenSession(ctx, db.OpenSessionParams{ID: t.Session.ID, User: t.User, Node: t.Session.Node,
		Connected: millis(t.Session.Connected), Record: sql.NullString{String: string(text), Valid: true}})
	if err != nil || fresh == 0 {
		return err
	}
	u, err := q.User(ctx, t.User)
	if errors.Is(err, sql.ErrNoRows) {
		u = db.Users{User: t.User}
		err = addUser(ctx, q, hubbub.Visitor{User: t.User, Info: t.Session.Info, Attrs: t.Session.Attrs, FirstSeen: t.Time})
	}
	if err != nil {
		return err
	}
	next := u
	next.Node = t.Session.Node
	if at := millis(t.Time); u.Online == 0 && at >= u.Turned {
		next.Online, next.Turn, next.Turned = 1, hubbub.TransitionID(hubbub.UserOnline, t.User, t.Session.ID), at
	}
	return setTurn(ctx, q, u, next)
}

// turned takes a user online or offline, unless something newer was told.
func turned(ctx context.Context, q *db.Queries, t hubbub.Transition) error {
	u, err := q.User(ctx, t.User)
	if err != nil {
		return ignoreNone(err)
	}
	next := u
	next.Turn, next.Turned, next.Online = t.ID, millis(t.Time), 0
	if t.Kind == hubbub.UserOnline {
		next.Online = 1
	}
	if next.Turned < u.Turned || u.Turn == hubbub.TransitionID(hubbub.UserOffline, t.User, t.ID) {
		return nil
	}
	return setTurn(ctx, q, u, next)
}

func setTurn(ctx context.Context, q *db.Queries, u, next db.Users) error {
	if u.Online == next.Online && u.Turn == next.Turn && u.Turned == next.Turned && u.Node == next.Node {
		return nil
	}
	return q.SetTurn(ctx, db.SetTurnParams{User: next.User, Online: next.Online, Turn: next.Turn, Turned: next.Turned, Node: next.Node})
}
