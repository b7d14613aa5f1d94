package sqlite_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestNothingIsLeftOfWhoWasErased puts somebody into all tables, among others, and looks for the name in the bytes of the file.
func TestNothingIsLeftOfWhoWasErased(t *testing.T) {
	const name = "zerlinda-von-q"
	path := filepath.Join(t.TempDir(), "hubbub.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		leadLife(t, s, fmt.Sprint("other-", i), "other-0", i)
	}
	for i := range 40 {
		leadLife(t, s, name, "other-1", i)
		leadLife(t, s, "aaa", name, 100+i)
	}
	before := found(t, path, name)
	if before < 1000 {
		t.Fatalf("the file has the name only %d times before", before)
	}
	for range 1000 {
		more, err := s.Erase(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := found(t, path, name); n > before/100 { // the database leaves pieces of what it moves within a page
		t.Errorf("the file has the name %d times, and had it %d times", n, before)
	}
	if n := found(t, path, "other-1"); n == 0 {
		t.Error("the file does not know others any more")
	}
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), "VACUUM"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if n := found(t, path, name); n > 0 {
		t.Errorf("the tables have the name %d times", n)
	}
}

// leadLife has a user do some of everything.
func leadLife(t *testing.T, s *sqlite.Store, user, peer string, i int) {
	t.Helper()
	id, now := fmt.Sprint(i, "-", len(user)), time.Now()
	said := json.RawMessage(fmt.Sprintf(`"%s says %d"`, user, i))
	item := func(order string) hubbub.OutboxItem {
		return hubbub.OutboxItem{ID: id + " " + order[:4], Target: "hook", Order: order, Payload: said}
	}
	session := hubbub.SessionRecord{ID: id, User: user, Node: "node", Info: said}
	transition := func(kind hubbub.TransitionKind) []hubbub.Transition {
		return []hubbub.Transition{{ID: id, Kind: kind, User: user, Session: session, Time: now}}
	}
	publish := func(id string, p hubbub.Publication) error {
		p.ID, p.Author, p.Content.Category = id, "shop", "news"
		_, err := s.Publish(t.Context(), p)
		return err
	}
	pair := [2]string{min(user, peer), max(user, peer)}
	for what, do := range []func() error{
		func() error { return s.Arrive(t.Context(), hubbub.Visitor{User: user, Info: said}) },
		func() error {
			return s.Record(t.Context(), transition(hubbub.SessionConnected), []hubbub.OutboxItem{item("user " + user)})
		},
		func() error {
			if i%2 == 0 {
				return nil
			}
			return s.Record(t.Context(), transition(hubbub.SessionDisconnected), nil)
		},
		func() error { return s.Put(t.Context(), []hubbub.OutboxItem{item("pair " + pair[0] + " " + pair[1])}) },
		func() error {
			for _, stream := range []hubbub.Stream{hubbub.RoomStream("room"), hubbub.PairStream(user, peer)} {
				_, err := s.Append(t.Context(), hubbub.Draft{Key: id, Author: "user " + user + " phone", Message: hubbub.Message{ID: id,
					Stream: stream, From: hubbub.Sender{User: user, Info: said}, Data: said, Time: now}})
				if err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			_, err := s.SetMember(t.Context(), fmt.Sprint("room ", i), hubbub.Member{User: user, Role: hubbub.RoleOwner, Since: now}, false)
			return err
		},
		func() error {
			return publish(id+"a", hubbub.Publication{To: hubbub.Recipients{Users: []string{user, peer}}, Time: now})
		},
		func() error {
			return publish(id+"b", hubbub.Publication{To: hubbub.Recipients{Users: []string{user, peer}}, Time: now.Add(time.Hour)})
		},
		func() error {
			alone := hubbub.Publication{To: hubbub.Recipients{Users: []string{user}}, Time: now, Key: id}
			alone.Content.Title = "Dear " + user
			return publish(id+"c", alone)
		},
		func() error {
			_, _, err := s.MarkNotices(t.Context(), user, hubbub.NoticeMark{State: hubbub.NoticeRead, IDs: []string{id + "c"}, Limit: 1})
			return err
		},
		func() error {
			return publish(id+"d", hubbub.Publication{To: hubbub.Recipients{Room: fmt.Sprint("room ", i)}, Time: now})
		},
		func() error {
			return s.MarkAnnouncements(t.Context(), user, hubbub.AnnouncementMark{Up: &hubbub.Watermark{State: hubbub.NoticeRead, Seq: uint64(i)}})
		},
	} {
		if err := do(); err != nil {
			t.Fatalf("step %d of %s: %v", what, user, err)
		}
	}
}

// found counts how often the files of a store have some text.
func found(t *testing.T, path, text string) (n int) {
	t.Helper()
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + end)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		n += bytes.Count(b, []byte(text))
	}
	return n
}
