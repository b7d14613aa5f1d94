package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// Arrive implements [hubbub.Journal]. Without FirstSeen the present counts; LastSeen is not looked at.
func (s *Store) Arrive(ctx context.Context, u hubbub.Visitor) error {
	attrs, err := attrsText(u.Attrs)
	if err != nil {
		return fmt.Errorf("remember the attributes of %q: %w", u.User, err)
	}
	same := false
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) error {
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
	return s.writeOne(ctx, func(ctx context.Context, q *db.Queries) error {
		return q.AddUser(ctx, db.AddUserParams{Who: u.User, Info: nothing(u.Info), Attrs: attrs, FirstSeen: millis(u.FirstSeen)})
	})
}

// attrsText is how attributes are kept: the same ones always as the same text.
func attrsText(attrs map[string]string) (string, error) {
	if len(attrs) == 0 {
		return "", nil
	}
	b, err := json.Marshal(attrs) // sorts the keys
	return string(b), err
}

// attrsOf is the reverse of attrsText.
func attrsOf(user, text string) (attrs map[string]string, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &attrs); err != nil {
		return nil, fmt.Errorf("the attributes of the user %q in the store: %w", user, err)
	}
	return attrs, nil
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
	var rows []db.Users
	err := s.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		rows, err = q.UsersOf(ctx, users)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make(map[string]hubbub.Visitor, len(rows))
	for _, row := range rows {
		v := hubbub.Visitor{User: row.Who, Info: row.Info, FirstSeen: timeOf(row.FirstSeen), LastSeen: timeOf(row.LastSeen)}
		if v.Attrs, err = attrsOf(row.Who, row.Attrs); err != nil {
			return nil, err
		}
		all[row.Who] = v
	}
	return all, nil
}

// Endings implements [hubbub.Endings].
func (s *Store) Endings(ctx context.Context, sessions []string) (map[string]hubbub.EndReason, error) {
	var rows []db.EndingsRow
	err := s.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		rows, err = q.Endings(ctx, sessions)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make(map[string]hubbub.EndReason, len(rows))
	for _, row := range rows {
		all[row.ID] = cmp.Or(hubbub.EndReason(row.Why), hubbub.EndNodeLost) // older versions have not said why
	}
	return all, nil
}

// OpenNodes implements [hubbub.Journal], with a look into an index for each node.
func (s *Store) OpenNodes(ctx context.Context) (nodes []string, err error) {
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		nodes = nil
		for node := ""; ; nodes = append(nodes, node) {
			if node, err = q.NextNode(ctx, node); err != nil {
				return ignoreNone(err)
			}
		}
	})
	return nodes, err
}

// Lost implements [hubbub.Journal]. The ids are those that a registry gives that uses [hubbub.TransitionID], so what such a one has told
// already before it died is the same. It also takes those offline whose sessions had ended, but not yet their grace.
func (s *Store) Lost(ctx context.Context, nodes []string, idle time.Time) ([]hubbub.Transition, error) {
	var sessions []db.LostSessionsRow
	var users []db.LostUsersRow
	if nodes == nil {
		nodes = []string{}
	}
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		if sessions, err = q.LostSessions(ctx, nodes); err != nil {
			return err
		}
		users, err = q.LostUsers(ctx, db.LostUsersParams{Nodes: nodes, Idle: millis(idle)})
		return err
	})
	if err != nil {
		return nil, err
	}
	now := s.o.Now()
	all := make([]hubbub.Transition, 0, len(sessions)+len(users))
	for _, row := range sessions {
		for len(users) > 0 && cmp.Less(users[0].Who, row.Who) {
			all, users = append(all, offline(users[0], now)), users[1:]
		}
		t := hubbub.Transition{ID: hubbub.TransitionID(hubbub.SessionDisconnected, row.Who, row.ID),
			Kind: hubbub.SessionDisconnected, User: row.Who, Why: hubbub.EndNodeLost, Time: now}
		if err := json.Unmarshal(row.Record, &t.Session); err != nil {
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
	return hubbub.Transition{ID: hubbub.TransitionID(hubbub.UserOffline, u.Who, u.Turn), Kind: hubbub.UserOffline, User: u.Who, Time: now}
}
