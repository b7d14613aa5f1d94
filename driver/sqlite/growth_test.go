package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestTheLogShrinksWhileThereAreReads writes much while reads never cease, so that there is always one which needs the end of the log.
func TestTheLogShrinksWhileThereAreReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hubbub.db")
	s := open(t, sqlite.Options{Path: path, Readers: 3})
	lobby := hubbub.Stream{Room: "lobby"}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				if _, err := s.Before(t.Context(), lobby, hubbub.Position{}, 4); err != nil {
					t.Error(err)
				}
			}
		})
	}
	d := hubbub.Draft{
		Message: hubbub.Message{ID: "big", Stream: lobby, Data: bytes.Repeat([]byte("1"), 250_000)}, Retention: hubbub.Retention{Messages: 50},
	}
	var most int64
	for range 350 {
		if _, err := s.Append(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, info.Size())
	}
	stop.Store(true)
	wg.Wait()
	if most > 85<<20 {
		t.Errorf("the log has grown to %d MiB", most>>20)
	}
}

// TestReadsThatPanicLeaveTheirConnectionAsItWas also has none of them keep the log from beginning anew.
func TestReadsThatPanicLeaveTheirConnectionAsItWas(t *testing.T) {
	s := open(t, sqlite.Options{Readers: 1})
	read := func(f func() error) (p any, err error) {
		defer func() { p = recover() }()
		return nil, s.Read(t.Context(), func(get func(string) string) error { get("epoch"); return f() })
	}
	if p, err := read(func() error { panic("a mistake") }); p != "a mistake" {
		t.Fatalf("the panic is %v, the error %v", p, err)
	}
	if _, err := read(nothing); err != nil {
		t.Fatal(err)
	}
}
