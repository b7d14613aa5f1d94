package migrate_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/internal/migrate"
)

// openFile opens a store in a file until close, or the end of the test.
func openFile(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// store is one that can be closed.
type store interface {
	hubbub.Store
	Close() error
}

func openDatabase(t *testing.T, url string) store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Options{URL: url, Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func closed(t *testing.T, s store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// facts is what a store tells that was asked for everything, by the question.
func facts(t *testing.T, s hubbub.Store) map[string]string {
	t.Helper()
	ctx, told := t.Context(), map[string]string{}
	note := func(question string, answer any, err error) {
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		told[question] = string(text)
	}
	for _, stream := range []hubbub.Stream{hubbub.RoomStream("lobby"), hubbub.RoomStream("trimmed"), hubbub.PairStream("ann", "bob")} {
		page, err := s.After(ctx, stream, hubbub.Position{}, 1000)
		note("stream "+stream.String(), page, err)
	}
	for _, user := range []string{"ann", "bob", "cid"} {
		state, err := s.Inbox(ctx, user)
		note("inbox of "+user, state, err)
		notices, err := s.NoticesOf(ctx, user, hubbub.NoticeQuery{Limit: 100})
		note("notices of "+user, notices, err)
		rooms, err := s.Memberships(ctx, user, "", 100)
		note("rooms of "+user, rooms, err)
		talks, err := s.Conversations(ctx, user, "", 100)
		for i := range talks.Conversations {
			talks.Conversations[i].Cursor = "" // each kind of store has its own
		}
		note("conversations of "+user, talks, err)
	}
	announcements, revision, err := s.Announcements(ctx)
	note("announcements", announcements, err)
	note("revision", revision, nil)
	visitors, err := s.Visitors(ctx, []string{"ann", "bob", "cid"})
	note("visitors", visitors, err)
	occupied, err := s.OccupiedRooms(ctx, "", 100)
	note("occupied rooms", occupied, err)
	revocations, _, err := s.KeptRevocations(ctx, "", 100)
	note("revocations", revocations, err)
	backlogs, err := s.Backlogs(ctx)
	note("backlogs", backlogs, err)
	dead, err := s.Dead(ctx, "billing", 0, 100)
	note("dead items", dead, err)
	nodes, err := s.OpenNodes(ctx)
	note("nodes", nodes, err)
	return told
}

// fill puts something of everything into a store.
func fill(t *testing.T, s hubbub.Store) {
	t.Helper()
	ctx, now := t.Context(), time.Now().Truncate(time.Millisecond)
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, user := range []string{"ann", "bob", "cid"} {
		do(s.Arrive(ctx, hubbub.Visitor{User: user, Info: []byte(`{"name":"é"}`), Attrs: map[string]string{"n": fmt.Sprint(i)}, FirstSeen: now}))
		record := hubbub.SessionRecord{ID: "s-" + user, User: user, Device: "d", Platform: "web", Connected: now, Node: "old-1"}
		ts := []hubbub.Transition{
			{ID: "c-" + user, Kind: hubbub.SessionConnected, User: user, Session: record, Time: now},
			{ID: "o-" + user, Kind: hubbub.UserOnline, User: user, Time: now},
		}
		if user == "bob" { // has left again
			ts = append(ts, hubbub.Transition{ID: "e-" + user, Kind: hubbub.SessionDisconnected, User: user, Session: record, Why: hubbub.EndClosed, Time: now})
		}
		do(s.Record(ctx, ts, nil))
	}
	say := func(stream hubbub.Stream, user string, n int, keep int) {
		for i := range n {
			_, err := s.Append(ctx, hubbub.Draft{
				Message:   hubbub.Message{ID: fmt.Sprint(user, stream, i), Stream: stream, From: hubbub.Sender{User: user, Device: "d"}, Data: fmt.Appendf(nil, `{"n":%d,"x":"\u0000"}`, i), Time: now},
				Retention: hubbub.Retention{Messages: keep, Age: time.Hour}, Key: fmt.Sprint(user, i), Author: user + "/d"})
			do(err)
		}
	}
	say(hubbub.RoomStream("lobby"), "ann", 30, 0)
	say(hubbub.RoomStream("lobby"), "bob", 3, 0)
	say(hubbub.RoomStream("trimmed"), "cid", 20, 5)
	say(hubbub.PairStream("ann", "bob"), "ann", 7, 0)
	_, err := s.MarkRead(ctx, "bob", hubbub.PairStream("ann", "bob"), hubbub.Position{Epoch: epochOf(t, s), Offset: 4})
	do(err)
	_, err = s.SetMember(ctx, "lobby", hubbub.Member{User: "ann", Role: hubbub.RoleOwner, Since: now}, true)
	do(err)
	_, err = s.SetMember(ctx, "lobby", hubbub.Member{User: "bob", Role: hubbub.RoleMember, Since: now}, false)
	do(err)
	publish := func(id, collapse string, to hubbub.Recipients, when time.Time) {
		_, err := s.Publish(ctx, hubbub.Publication{ID: id, Content: hubbub.NoticeContent{Category: "orders", Title: id}, To: to, Collapse: collapse,
			Key: id, Author: "billing", Time: when, Expires: now.Add(time.Hour)})
		do(err)
	}
	publish("n1", "", hubbub.Recipients{Users: []string{"ann", "bob"}}, now)
	publish("n2", "order", hubbub.Recipients{Users: []string{"ann"}}, now)
	publish("n3", "", hubbub.Recipients{Room: "lobby"}, now)
	publish("later", "", hubbub.Recipients{Users: []string{"cid", "ann"}}, now.Add(time.Hour/2))
	publish("a1", "", hubbub.Recipients{Audience: &hubbub.Audiences{}}, now)
	publish("a2", "", hubbub.Recipients{Audience: &hubbub.Audiences{Attrs: map[string]string{"n": "1"}, Newcomers: true}}, now)
	_, _, err = s.MarkNotices(ctx, "ann", hubbub.NoticeMark{State: hubbub.NoticeRead, IDs: []string{"n1"}, Limit: 10})
	do(err)
	do(s.MarkAnnouncements(ctx, "ann", hubbub.AnnouncementMark{Up: &hubbub.Watermark{State: hubbub.NoticeSeen, Seq: 1},
		Made: map[string]hubbub.NoticeState{"a2": hubbub.NoticeArchived}}))
	var items []hubbub.OutboxItem
	for i := range 9 {
		items = append(items, hubbub.OutboxItem{ID: fmt.Sprint("w", i), Target: "billing", Order: fmt.Sprint("line", i%3), Payload: fmt.Append(nil, i)})
	}
	do(s.Put(ctx, items))
	claimed, err := s.Claim(ctx, "billing", 3, time.Minute)
	do(err)
	if len(claimed) != 3 {
		t.Fatalf("claimed %d", len(claimed))
	}
	do(s.Settle(ctx, []hubbub.Settlement{{Target: "billing", ID: claimed[0].ID, Outcome: hubbub.OutcomeDelivered},
		{Target: "billing", ID: claimed[1].ID, Outcome: hubbub.OutcomeDead, Error: "no \x00 thanks"},
		{Target: "billing", ID: claimed[2].ID, Outcome: hubbub.OutcomeRetry, Retry: now.Add(-time.Second), Error: "later"}}))
	_, err = s.SetOccupied(ctx, "lobby", true, nil)
	do(err)
	do(s.KeepRevocation(ctx, hubbub.Revocation{User: "cid", Token: "t", Until: now.Add(time.Hour)}))
	do(s.KeepBlock(ctx, "dan", time.Time{}))
}

// epochOf is that of all streams of a store of which nothing was erased.
func epochOf(t *testing.T, s hubbub.Store) string {
	t.Helper()
	page, err := s.After(t.Context(), hubbub.RoomStream("lobby"), hubbub.Position{}, 1)
	if err != nil || len(page.Messages) != 1 {
		t.Fatal(page, err)
	}
	return page.Messages[0].Position.Epoch
}

func TestMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hubbub.db")
	file := openFile(t, path)
	fill(t, file)
	want := facts(t, file)
	if _, err := migrate.Run(t.Context(), migrate.Options{From: path, To: server.Database(t, "")}); err == nil || !strings.Contains(err.Error(), "another hubbub uses the store") {
		t.Errorf("a store in use: %v", err)
	}
	closed(t, file)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	url := server.Database(t, "")
	result, err := migrate.Run(t.Context(), migrate.Options{From: path, To: url})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range result.Tables {
		if m.Rows == 0 || m.Hash == "" {
			t.Errorf("nothing of %s was moved, so this test does not show that it can be", m.Table)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
	moved := openDatabase(t, url)
	for question, answer := range facts(t, moved) {
		if question == "dead items" { // no text there can have these bytes
			want[question] = strings.Replace(want[question], "\\u0000", "\ufffd", 1)
		}
		if answer != want[question] {
			t.Errorf("%s:\n%s\nwas\n%s", question, answer, want[question])
		}
	}
	if result.Cleaned != 1 {
		t.Errorf("%d rows were cleaned", result.Cleaned)
	}
	goesOn(t, moved)
	if _, err := migrate.Run(t.Context(), migrate.Options{From: path, To: url}); err == nil || !strings.Contains(err.Error(), "another hubbub uses") {
		t.Errorf("a database in use: %v", err)
	}
	closed(t, moved)
	if _, err := migrate.Run(t.Context(), migrate.Options{From: path, To: url}); err == nil || !strings.Contains(err.Error(), "the database is not empty") {
		t.Errorf("a database with something in it: %v", err)
	}
}

// goesOn does with a moved store what a gateway would do next.
func goesOn(t *testing.T, s hubbub.Store) {
	t.Helper()
	ctx, lobby := t.Context(), hubbub.RoomStream("lobby")
	page, err := s.Before(ctx, lobby, hubbub.Position{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	last := page.Messages[0]
	next := hubbub.Draft{Message: hubbub.Message{ID: "new", Stream: lobby, From: hubbub.Sender{User: "ann", Device: "d"}, Data: []byte(`1`), Time: time.Now()},
		Retention: hubbub.Retention{Age: time.Hour}}
	added, err := s.Append(ctx, next)
	if err != nil || added.Message.Position != (hubbub.Position{Epoch: last.Position.Epoch, Offset: last.Position.Offset + 1}) || added.Previous != last.Position.Offset {
		t.Errorf("after %v comes %+v, %v", last.Position, added, err)
	}
	next.Message.ID, next.Message.Data, next.Key, next.Author = "again", []byte(`{"n":29,"x":"\u0000"}`), "ann29", "ann/d"
	if again, err := s.Append(ctx, next); err != nil || !again.Repeated {
		t.Errorf("a key of before is not known: %+v, %v", again, err)
	}
	talks, err := s.Conversations(ctx, "ann", "", 1)
	if err != nil || len(talks.Conversations) != 1 || talks.Conversations[0].Stream != lobby {
		t.Errorf("the room with the newest message is not the first: %+v, %v", talks, err)
	}
	if err := s.Put(ctx, []hubbub.OutboxItem{{ID: "w0", Target: "billing", Order: "x"}, {ID: "w99", Target: "billing", Order: "line1", Payload: []byte("99")}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		items, err := s.Claim(ctx, "billing", 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			break
		}
		for _, item := range items {
			got = append(got, item.ID)
			if err := s.Settle(ctx, []hubbub.Settlement{{Target: "billing", ID: item.ID, Outcome: hubbub.OutcomeDelivered}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// w0 was delivered before and w1 was given up; the last of all came now.
	if slices.Sort(got); !slices.Equal(got, []string{"w2", "w3", "w4", "w5", "w6", "w7", "w8", "w99"}) {
		t.Errorf("delivered are %v", got)
	}
	if _, err := s.Publish(ctx, hubbub.Publication{ID: "n4", Content: hubbub.NoticeContent{Category: "orders", Title: "x"}, To: hubbub.Recipients{Users: []string{"ann"}},
		Collapse: "order", Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if state, err := s.Inbox(ctx, "ann"); err != nil || state.Counts.Unread != 2 {
		t.Errorf("the inbox has %+v, %v", state, err)
	}
	if step, err := s.Publish(ctx, hubbub.Publication{ID: "a3", To: hubbub.Recipients{Audience: &hubbub.Audiences{}}, Time: time.Now()}); err != nil || step.Revision < 3 {
		t.Errorf("an announcement: %+v, %v", step, err)
	}
	if err := s.KeepRevocation(ctx, hubbub.Revocation{User: "eve"}); err != nil {
		t.Error(err)
	}
}

// TestInterruptedMove ends moves before they are done.
func TestInterruptedMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hubbub.db")
	file := openFile(t, path)
	fill(t, file)
	closed(t, file)
	url := server.Database(t, "")
	for _, last := range []string{"streams", "notices", "outbox"} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := migrate.Run(ctx, migrate.Options{From: path, To: url, Progress: func(table string, _ int64) {
			if table == last {
				cancel()
			}
		}})
		if err == nil || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("ended at %s it says %v", last, err)
		}
		cancel()
	}
	if _, err := migrate.Run(t.Context(), migrate.Options{From: path, To: url}); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestMoveOfNothing(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{"none.db": "there is no store"} {
		_, err := migrate.Run(t.Context(), migrate.Options{From: filepath.Join(dir, name), To: server.Database(t, "")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed(t, openFile(t, filepath.Join(dir, "new.db")))
	if _, err := migrate.Run(t.Context(), migrate.Options{From: filepath.Join(dir, "new.db"), To: server.Database(t, "")}); err != nil {
		t.Errorf("a store in which there is nothing yet: %v", err)
	}
	_, err := migrate.Run(t.Context(), migrate.Options{From: filepath.Join(dir, "new.db"), To: "postgres://ann:hunter2@127.0.0.1:1/x"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestNothingIsForgotten compares the tables of both kinds of stores with those that are moved.
func TestNothingIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hubbub.db")
	closed(t, openFile(t, path))
	url := server.Database(t, "")
	closed(t, openDatabase(t, url))
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	from := map[string]bool{}
	rows, err := file.QueryContext(t.Context(), `SELECT t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		from[name] = true
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	found, err := c.Query(t.Context(), `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'hubbub' AND is_generated = 'NEVER'`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	to := map[string]bool{}
	for _, name := range names {
		to[name] = true
	}
	source, target := migrate.Moves()
	for _, left := range []string{
		"keys.id",     // the order of their use, which is the time of it there
		"outbox.open", // which is a question of the state
		"users.node",  // of the newest session, which its row has
	} {
		source[left] = true
	}
	target["outbox.claimer"] = true // nobody has claimed anything
	for _, side := range []struct{ there, moved map[string]bool }{{from, source}, {to, target}} {
		for name := range side.there {
			if table, _, _ := strings.Cut(name, "."); !side.moved[name] && table != "meta" && table != "goose_db_version" {
				t.Errorf("%s is not moved", name)
			}
		}
		for name := range side.moved {
			if !side.there[name] {
				t.Errorf("%s is moved, and there is none", name)
			}
		}
	}
}
