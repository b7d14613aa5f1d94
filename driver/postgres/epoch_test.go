package postgres_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// TestAnotherHistoryIsAnotherEpoch has a store find itself on a server whose data have another history, as after a restored backup or a
// standby that took over: positions of before do not count, and what is kept can be read. It is used by somebody with no more
// rights than to have a schema.
func TestAnotherHistoryIsAnotherEpoch(t *testing.T) {
	t.Parallel()
	text := server.Database(t, "")
	c := connect(t, text)
	for _, statement := range []string{"CREATE ROLE keeper LOGIN", "CREATE SCHEMA chat AUTHORIZATION keeper"} {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("keeper")
	o := postgres.Options{URL: u.String(), Schema: "chat", MaxConns: 2}
	say := func() hubbub.Position {
		t.Helper()
		s := openWith(t, o)
		a, err := s.Append(t.Context(), hubbub.Draft{Message: hubbub.Message{Stream: lobby, Data: json.RawMessage("1")}})
		if err != nil {
			t.Fatal(err)
		}
		return a.Message.Position
	}
	first, second := say(), say()
	if first.Epoch != second.Epoch {
		t.Errorf("without a reason the epoch goes from %q to %q", first.Epoch, second.Epoch)
	}
	var value string
	if err := c.QueryRow(t.Context(), "SELECT value FROM chat.meta WHERE name = 'epoch'").Scan(&value); err != nil {
		t.Fatal(err)
	}
	if _, history, _ := strings.Cut(value, " "); !strings.Contains(history, "/") {
		t.Errorf("the store does not know the history: %q", value)
	}
	if _, err := c.Exec(t.Context(), "UPDATE chat.meta SET value = value || '0' WHERE name = 'epoch'"); err != nil {
		t.Fatal(err)
	}
	third := say()
	if third.Epoch == second.Epoch || third.Offset != 3 {
		t.Errorf("with another history the position is %v after %v", third, second)
	}
	s := openWith(t, o)
	if page, err := s.After(t.Context(), lobby, second, 10); err != nil || page.Complete || len(page.Messages) > 0 {
		t.Errorf("after a position of before: %+v, %v", page, err)
	}
	if page, err := s.After(t.Context(), lobby, hubbub.Position{}, 10); err != nil || len(page.Messages) != 3 || page.Messages[0].Position.Epoch != third.Epoch {
		t.Errorf("from the beginning: %+v, %v", page, err)
	}
}

// TestAStandbyIsRefused opens a store where nothing can be written.
func TestAStandbyIsRefused(t *testing.T) {
	t.Parallel()
	text := server.Database(t, server.template)
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := openWith(t, postgres.Options{URL: text, MaxConns: 1})
	name := strings.TrimPrefix(u.Path, "/")
	if _, err := connect(t, text).Exec(t.Context(), "ALTER DATABASE "+name+" SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Open(t.Context(), postgres.Options{URL: text})
	if err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("opening says %v", err)
	}
	if _, err := s.SetMember(t.Context(), "room", hubbub.Member{User: "ann"}, false); err != nil {
		t.Errorf("the connection that was there says %v", err)
	}
}
