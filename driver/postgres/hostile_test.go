package postgres_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// oddNames are allowed, and have each byte that a name may have, and those that mean something to databases.
func oddNames() []string {
	var ascii strings.Builder
	for c := byte('!'); c < 0x7f; c++ {
		if !strings.ContainsRune("{}*", rune(c)) {
			ascii.WriteByte(c)
		}
	}
	return []string{
		ascii.String(), strings.Repeat("é", 64), strings.Repeat("\U0010FFFF", 32), "\u00a0\u0085x\u2028\ufeff", "';DROP", `\x00`, "NULL", `\N`, "%_",
		strings.Repeat("a", 128), "A", "a", "é", "e\u0301", "\uFFFD", "$1", "user",
	}
}

func TestOddNamesAndData(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	data := []json.RawMessage{
		json.RawMessage(`"\u0000\ud800"`), json.RawMessage(" {\"a\" :1e400, \"a\":\"\\/\"}"), json.RawMessage("\"\u2028\U0010FFFF\""),
		json.RawMessage(`"` + strings.Repeat("x", 256<<10) + `"`),
	}
	for i, name := range oddNames() {
		if i == 1 {
			data = data[:3] // the large one was there once
		}
		for _, stream := range []hubbub.Stream{hubbub.RoomStream(name), hubbub.PairStream(name, "bob")} {
			var sent []hubbub.Message
			for i, d := range data {
				m := hubbub.Message{ID: name, Stream: stream, From: hubbub.Sender{User: name, Device: name, Info: data[0]}, Data: d, Except: name,
					Collapse: name, Time: time.UnixMilli(int64(i + 1))}
				a, err := s.Append(t.Context(), hubbub.Draft{Message: m, Key: fmt.Sprint(name, i), Author: name})
				if err != nil {
					t.Fatalf("%q: %v", name, err)
				}
				sent = append(sent, a.Message)
			}
			page, err := s.After(t.Context(), stream, hubbub.Position{}, 10)
			if err != nil || len(page.Messages) != len(sent) {
				t.Fatalf("%q has %d messages, %v", name, len(page.Messages), err)
			}
			for i, m := range page.Messages {
				if want := sent[i]; fmt.Sprintf("%+v", m) != fmt.Sprintf("%+v", want) || !bytes.Equal(m.Data, data[i]) {
					t.Fatalf("%q: %.300v came back as %.300v", name, want, m)
				}
			}
		}
		if _, err := s.SetMember(t.Context(), name, hubbub.Member{User: name, Role: hubbub.RoleOwner}, true); err != nil {
			t.Fatal(err)
		}
		if role, err := s.MemberOf(t.Context(), name, name); err != nil || role != hubbub.RoleOwner {
			t.Fatalf("%q is %q, %v", name, role, err)
		}
	}
}

// TestTextsThatCannotBeKept has some who send at the same time use texts that are no UTF-8. That is refused, and concerns nobody else.
func TestTextsThatCannotBeKept(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			m := hubbub.Message{ID: fmt.Sprint(i), Stream: hubbub.RoomStream("lobby"), From: hubbub.Sender{User: "ann"}, Data: json.RawMessage("1")}
			switch i % 4 {
			case 1:
				m.ID = "a\x00b"
			case 2:
				m.From.Device = "\xff\xfe"
			}
			_, err := s.Append(t.Context(), hubbub.Draft{Message: m})
			bad := i%4 == 1 || i%4 == 2
			if bad != (err != nil) || bad && hubbub.AsError(err).Reason != hubbub.Invalid {
				t.Errorf("%q of %q: %v", m.ID, m.From.Device, err)
			}
		})
	}
	wg.Wait()
	page, err := s.After(t.Context(), hubbub.RoomStream("lobby"), hubbub.Position{}, 100)
	if err != nil || len(page.Messages) != 20 {
		t.Fatalf("there are %d messages, %v", len(page.Messages), err)
	}
	for _, bad := range []string{"\x00", "\xff"} {
		_, err := s.MemberOf(t.Context(), bad, bad)
		if err == nil || hubbub.AsError(err).Reason != hubbub.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
		_, err = s.Append(t.Context(), hubbub.Draft{Message: hubbub.Message{Stream: hubbub.RoomStream(bad)}})
		if err == nil || hubbub.AsError(err).Reason != hubbub.Invalid {
			t.Errorf("a room %q: %v", bad, err)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://host/db?user=ann@example.com", "postgresql://ann%40example.com:a%2Fb@one:1,two:2/a%40b", "host=h dbname=a@b",
		"postgres://ann:a?b#c@host/db"} {
		if err := postgres.CheckURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestWhatOpenSays(t *testing.T) {
	t.Parallel()
	latin, err := server.MakeDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, server.URL("postgres"))
	if _, err := c.Exec(t.Context(), "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), "CREATE ROLE guest LOGIN"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ url, schema, want string }{
		{"", "", "postgres://user:password@host:5432/database"},
		{"postgres://ann:xyzzy/plugh@host/db", "", "encoded"},
		{"postgres://ann:1/xyzzy@127.0.0.1:1/db", "", "in a password encoded"}, // 1 would be a port
		{"postgres://ann:1@xyzzy@127.0.0.1:1/db", "", "in a password encoded"},
		{"postgres://ann:1/a?xyzzy@127.0.0.1:1/db", "", "in a password encoded"},
		{"postgres://ann:xyzzy@host:port/db", "", "cannot be read"},
		{"postgres://ann:xyzzy@host/db?sslmode=sure", "", "sslmode"},
		{"mysql://ann:xyzzy@host/db", "", "postgres://"},
		{server.URL("nowhere"), "", "make it with CREATE DATABASE"},
		{server.URL("latin"), "", "ENCODING 'UTF8'"},
		{server.URL(latin), "pg_catalog", "does not begin with pg_"},
		{strings.Replace(server.URL(latin), "hubbub@", "guest:xyzzy@", 1), "", "owner of the schema"},
		{"postgres://ann:xyzzy@127.0.0.1:1/db", "", "cannot be reached"},
	} {
		_, err := postgres.Open(t.Context(), postgres.Options{URL: test.url, Schema: test.schema})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "xyzzy") || strings.Contains(err.Error(), "plugh") {
			t.Errorf("with %q the error is %v, want it to say %q", test.url, err, test.want)
		}
	}
}
