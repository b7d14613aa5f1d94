package sqlite_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/hubbub-dev/hubbub"
)

type memberMethods = hubbub.Members

type membersForNow struct {
	memberMethods
	db *sql.DB
}

func newMembersForNow(t *testing.T, path string) membersForNow {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return membersForNow{db: db}
}

func (m membersForNow) SetMember(ctx context.Context, room string, x hubbub.Member, _ bool) (hubbub.Role, error) {
	_, err := m.db.ExecContext(ctx, "INSERT OR REPLACE INTO members VALUES (?,?,?,?)", room, x.User, string(x.Role), 1)
	return "", err
}

func (m membersForNow) RemoveMember(ctx context.Context, room, user string) (hubbub.Role, error) {
	_, err := m.db.ExecContext(ctx, "DELETE FROM members WHERE room = ? AND user = ?", room, user)
	return "", err
}
