package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// rememberFor is how long it is known that a session has ended, or an item of the outbox was delivered.
const rememberFor = 24 * time.Hour

// usersAtOnce is how many users one query reads.
const usersAtOnce = 500

// Arrive implements [hubbub.Journal]. Without FirstSeen the present counts; LastSeen is not looked at.
func (s *Store) Arrive(ctx context.Context, u hubbub.Visitor) error {
	attrs, err := attrsText(u.Attrs)
	if err != nil {
		return fmt.Errorf("remember the attributes of %q: %w", u.User, err)
	}
	same := false
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		known, err := q.User(ctx, u.User)
		same = err == nil && bytes.Equal(known.Info, u.Info) && known.Attrs == attrs
		return ignoreNone(err)
	})
	if err != nil || same {
		return err
	}
	if u.FirstSeen.IsZero() {
		u.FirstSeen = s.o.Now()
	}
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error { return addUser(ctx, q, u) })
}

// addUser adds a user, or changes what is said of one.
func addUser(ctx context.Context, q *db.Queries, u hubbub.Visitor) error {
	attrs, err := attrsText(u.Attrs)
	if err != nil {
		return err
	}
	return q.AddUser(ctx, db.AddUserParams{User: u.User, Info: nothing(u.Info), Attrs: attrs, FirstSeen: millis(u.FirstSeen)})
}

// attrsText is how attributes are kept: the same ones always as the same text.
func attrsText(attrs map[string]string) (sql.NullString, error) {
	if len(attrs) == 0 {
		return sql.NullString{}, nil
	}
	b, err := json.Marshal(attrs) // sorts the keys
	return sql.NullString{String: string(b), Valid: true}, err
}

// nothing returns nil for what is empty, which is kept as NULL.
func nothing(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Visitors implements [hubbub.Journal].
func (s *Store) Visitors(ctx context.Context, users []string) (map[string]hubbub.Visitor, error) {
	all := make(map[string]hubbub.Visitor, len(users))
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		for len(users) > 0 {
			n := min(len(users), usersAtOnce)
			rows, err := q.UsersOf(ctx, users[:n])
			if err != nil {
				return err
			}
			for _, row := range rows {
				if all[row.User], err = visitor(row); err != nil {
					return err
				}
			}
			users = users[n:]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func visitor(row db.Users) (hubbub.Visitor, error) {
	v := hubbub.Visitor{User: row.User, Info: row.Info, FirstSeen: timeOf(row.FirstSeen), LastSeen: timeOf(row.LastSeen)}
	if row.Attrs.Valid {
		if err := json.Unmarshal([]byte(row.Attrs.String), &v.Attrs); err != nil {
			return v, fmt.Errorf("the attributes of the user %q in the store: %w", row.User, err)
		}
	}
	return v, nil
}

// Endings implements [hubbub.Endings].
func (s *Store) Endings(ctx context.Context, sessions []string) (map[string]hubbub.EndReason, error) {
	all := map[string]hubbub.EndReason{}
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		for some := range slices.Chunk(sessions, usersAtOnce) {
			rows, err := q.Endings(ctx, some)
			if err != nil {
				return err
			}
			for _, row := range rows {
				all[row.ID] = cmp.Or(hubbub.EndReason(row.Why), hubbub.EndNodeLost) // older versions have not said why
			}
		}
		return nil
	})
	return all, err
}

// OpenNodes implements [hubbub.Journal].
func (s *Store) OpenNodes(ctx context.Context) (nodes []string, err error) {
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		nodes, err = q.OpenNodes(ctx)
		return err
	})
	return nodes, err
}

// Lost implements [hubbub.Journal]. The ids are those that a registry gives that uses [hubbub.TransitionID], so what such a one has told
// already before it died is the same. It also takes those offline whose sessions had ended, but not yet their grace.
func (s *Store) Lost(ctx context.Context, nodes []string, idle time.Time) ([]hubbub.Transition, error) {
	var sessions []db.LostSessionsRow
	var users []db.LostUsersRow
	names, err := json.Marshal(append([]string{}, nodes...))
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		if sessions, err = q.LostSessions(ctx, nodes); err != nil {
			return err
		}
		users, err = q.LostUsers(ctx, db.LostUsersParams{Nodes: string(names), Idle: millis(idle)})
		return err
	})
	if err != nil {
		return nil, err
	}
	now := s.o.Now()
	all := make([]hubbub.Transition, 0, len(sessions)+len(users))
	for _, row := range sessions {
		for len(users) > 0 && cmp.Less(users[0].User, row.User) {
			all, users = append(all, offline(users[0], now)), users[1:]
		}
		t := hubbub.Transition{ID: hubbub.TransitionID(hubbub.SessionDisconnected, row.User, row.ID),
			Kind: hubbub.SessionDisconnected, User: row.User, Why: hubbub.EndNodeLost, Time: now}
		if err := json.Unmarshal([]byte(row.Record.String), &t.Session); err != nil {
			return nil, fmt.Errorf("the session %q in the store: %w", row.ID, err)
		}
		all = append(all, t)
	}
	for _, u := range users {
		all = append(all, offline(u, now))
	}
	return all, nil
}

func offline(u db.LostUsersRow, now time.Time) hubbub.Transition {
	return hubbub.Transition{ID: hubbub.TransitionID(hubbub.UserOffline, u.User, u.Turn), Kind: hubbub.UserOffline, User: u.User, Time: now}
}
