package sqlite_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// messages is how many messages the stores have that are damaged here.
const messages = 400

// died is a new copy of a store whose process was killed after it had acknowledged its messages, by its path. Half of them are in
// PATH-wal alone.
func died(t testing.TB) string { return restore(t, deadStore) }

// closed is like died, but the process has ended by itself.
func closed(t testing.TB) string { return restore(t, closedStore) }

func restore(t testing.TB, of func() (map[string][]byte, error)) string {
	t.Helper()
	all, err := of()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hubbub.db")
	for suffix, b := range all {
		write(t, path+suffix, b)
	}
	return path
}

// The files of the two, by what is behind the path. They are made once, since that takes as many commits as there are messages.
var (
	deadStore   = sync.OnceValues(func() (map[string][]byte, error) { return made(sayAll) })
	closedStore = sync.OnceValues(func() (map[string][]byte, error) { return made(sayAllAndClose) })
)

// made makes a store in a new directory and returns its files.
func made(by func(path string) (map[string][]byte, error)) (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	all, err := by(filepath.Join(dir, "hubbub.db"))
	return all, errors.Join(err, os.RemoveAll(dir))
}

func sayAllAndClose(path string) (map[string][]byte, error) {
	if _, err := sayAll(path); err != nil {
		return nil, err
	}
	return remains(path)
}

// sayAll returns the files as they are before the store is closed.
func sayAll(path string) (all map[string][]byte, err error) {
	for from := 0; from < messages; from += messages / 2 {
		s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
		if err != nil {
			return nil, err
		}
		for i := from; i < from+messages/2 && err == nil; i++ {
			_, err = sayTo(context.Background(), s, i)
		}
		if err == nil {
			all, err = remains(path)
		}
		if err := errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// remains are the files that a killed process leaves of a store.
func remains(path string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, suffix := range []string{"", "-wal", ".lock"} {
		b, err := os.ReadFile(path + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all[suffix] = b
	}
	return all, nil
}

// copyStore copies the files that are left of a store.
func copyStore(t testing.TB, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", ".lock"} {
		b, err := os.ReadFile(from + suffix)
		if os.IsNotExist(err) {
			os.Remove(to + suffix)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, to+suffix, b)
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// files are the contents of all files that belong to a store.
func files(t testing.TB, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, suffix := range []string{"", "-wal", ".lock"} {
		b, err := os.ReadFile(path + suffix)
		if err == nil && len(b) > 0 { // an empty one is as good as none
			all[suffix] = string(b)
		} else if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return all
}

// refuses fails the test unless a store is refused with an error that has all of the words, and is left as it is.
func refuses(t *testing.T, path string, words ...string) {
	t.Helper()
	before := files(t, path)
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err == nil {
		t.Fatalf("it is opened, with %d messages", len(written(t, s)))
	}
	for _, word := range append(words, path) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	delete(before, ".lock")
	after := files(t, path)
	delete(after, ".lock")
	if !maps.Equal(before, after) {
		t.Errorf("what was refused has changed")
	}
	t.Log(err)
}

// keeps fails the test unless a store opens and has the first n messages. It returns what was logged.
func keeps(t *testing.T, path string, n int) string {
	t.Helper()
	var log bytes.Buffer
	s := open(t, sqlite.Options{Path: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if all := written(t, s); len(all) != n || n > 0 && (all[0] != 0 || all[n-1] != n-1) {
		t.Fatalf("there are %d messages, want %d", len(all), n)
	}
	say(t, s, n)
	return log.String()
}

func TestDamagedFilesAreRefused(t *testing.T) {
	const advice = "hubbub backup makes them"
	for name, test := range map[string]struct {
		make   func(testing.TB) string
		damage func(b []byte) []byte
		words  []string
	}{
		"no beginning":        {closed, func(b []byte) []byte { clear(b[:100]); return b }, []string{"damaged", advice}},
		"empty":               {closed, func([]byte) []byte { return nil }, []string{"empty", advice, ".lock"}},
		"empty with a WAL":    {died, func([]byte) []byte { return nil }, []string{"empty", advice, "-wal"}},
		"nearly nothing":      {closed, func(b []byte) []byte { return b[:50] }, []string{"damaged", advice}},
		"half":                {closed, func(b []byte) []byte { return b[:len(b)/8192*4096] }, []string{"damaged", advice}},
		"half a page less":    {closed, func(b []byte) []byte { return b[:len(b)-2048] }, []string{"damaged", advice}},
		"half with a WAL":     {died, func(b []byte) []byte { return b[:len(b)/8192*4096] }, []string{"damaged", advice}},
		"a page of zeros":     {closed, func(b []byte) []byte { clear(b[len(b)/8192*4096:][:4096]); return b }, []string{"damaged", advice}},
		"zeros in the schema": {closed, func(b []byte) []byte { clear(b[200:4096]); return b }, []string{"damaged", advice}},
	} {
		t.Run(name, func(t *testing.T) {
			path := test.make(t)
			write(t, path, test.damage(read(t, path)))
			refuses(t, path, test.words...)
		})
	}
}

func TestFilesOfOthersAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	write(t, path, []byte(strings.Repeat("Dear diary, ", 1000)))
	refuses(t, path, "not a store of hubbub", "store.path")

	path = filepath.Join(t.TempDir(), "other.db")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "CREATE TABLE cookies (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "another program", "store.path")
}

func TestAFileOfANewerSchemaIsRefused(t *testing.T) {
	path := closed(t)
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "newer hubbub", "99999", "before the upgrade")
}

func TestAFileWithOtherTablesIsRefused(t *testing.T) {
	path := closed(t)
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.ExecContext(t.Context(), "DROP TABLE senders"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), sqlite.Options{Path: path})
	for _, words := range []string{path, "no such table", "another build", "store.path"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("the error does not say %q: %v", words, err)
		}
	}
}

func TestPlacesWhereThereCannotBeAStore(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), nil)
	for path, words := range map[string][]string{
		dir: {"not a file but a directory", "store.path", filepath.Join(dir, "hubbub.db")},
		filepath.Join(dir, "missing", "hubbub.db"): {"the directory " + filepath.Join(dir, "missing"), "does not exist", "store.path"},
		filepath.Join(dir, "file", "hubbub.db"):    {"not a directory", "store.path"},
	} {
		_, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
		for _, word := range words {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: the error does not say %q: %v", path, word, err)
			}
		}
		if strings.Count(fmt.Sprint(err), "\n") > 0 {
			t.Errorf("more than one error: %v", err)
		}
	}
}

func TestATornCommitIsDropped(t *testing.T) {
	path := died(t)
	wal := read(t, path+"-wal")
	frame := wal[32 : 32+24+4096]
	write(t, path+"-wal", append(wal, frame[:1000]...))
	if log := keeps(t, path, messages); !strings.Contains(log, "bytes=1000") || strings.Count(log, "\n") != 1 {
		t.Errorf("logged was:\n%s", log)
	}
	if log := keeps(t, died(t), messages); log != "" {
		t.Errorf("without a torn commit was logged:\n%s", log)
	}
}

func TestALostTailIsNoticed(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"cut off": func(t *testing.T, path string) {
			wal := read(t, path+"-wal")
			write(t, path+"-wal", wal[:len(wal)*3/4])
		},
		"a bit": func(t *testing.T, path string) {
			wal := read(t, path+"-wal")
			wal[len(wal)/2] ^= 4
			write(t, path+"-wal", wal)
		},
		"its beginning": func(t *testing.T, path string) {
			wal := read(t, path+"-wal")
			clear(wal[:32])
			write(t, path+"-wal", wal)
		},
		"empty": func(t *testing.T, path string) { write(t, path+"-wal", nil) },
		"gone": func(t *testing.T, path string) {
			if err := os.Remove(path + "-wal"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := died(t)
			damage(t, path)
			refuses(t, path, "lacks the last", "commits", path+"-wal", "remove "+path+".lock")
			if err := os.Remove(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			s := open(t, sqlite.Options{Path: path})
			if n := len(written(t, s)); n >= messages || n < messages/2 {
				t.Errorf("what is left has %d messages", n)
			}
		})
	}
}

func TestARestoredBackupBesideAnOldWAL(t *testing.T) {
	path := died(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := sqlite.Backup(t.Context(), path, backup); err != nil {
		t.Fatal(err)
	}
	write(t, path, read(t, backup))
	refuses(t, path, "remove "+path+"-wal")
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	keeps(t, path, messages)
}

// TestDamageIsNeverSilent damages stores anywhere. Either all that was acknowledged is there, or there is an error.
func TestDamageIsNeverSilent(t *testing.T) {
	t.Parallel()
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("HUBBUB_DAMAGES"), "60"))
	if err != nil {
		t.Fatal(err)
	}
	dead, ended := died(t), closed(t)
	path := filepath.Join(t.TempDir(), "hubbub.db")
	refused := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 4))
		from := []string{dead, ended}[r.IntN(2)]
		copyStore(t, from, path)
		os.Remove(path + "-shm")
		what := damage(t, r, path)
		n, err := survivors(t.Context(), path)
		if err == nil && n != messages {
			t.Errorf("seed %d, %s of %s: only %d messages are left, and nobody says so", seed, what, from, n)
		}
		if err != nil {
			refused++
		}
	}
	if refused < rounds/3 {
		t.Errorf("of %d damaged files only %d were refused", rounds, refused)
	}
	t.Logf("of %d damaged files %d were refused", rounds, refused)
}

// damage does something bad to a store.
func damage(t testing.TB, r *rand.Rand, path string) string {
	t.Helper()
	if wal, err := os.ReadFile(path + "-wal"); err == nil && len(wal) > 0 && r.IntN(2) == 0 {
		path += "-wal"
	}
	b := read(t, path)
	at := r.IntN(len(b))
	page := b[at/4096*4096 : min(len(b), at/4096*4096+4096)]
	sector := b[at/512*512 : min(len(b), at/512*512+512)]
	what := ""
	switch r.IntN(6) {
	case 0:
		what, b = "a cut", b[:at]
	case 1:
		what = "a page of zeros"
		clear(page)
	case 2:
		what = "a page of garbage"
		for i := range page {
			page[i] = byte(r.Uint32())
		}
	case 3:
		what = "another page's content"
		other := r.IntN(len(b)) / 4096 * 4096
		copy(page, slices.Clone(b[other:min(len(b), other+4096)]))
	case 4:
		what = "a sector of zeros"
		clear(sector)
	case 5:
		what = "nothing after a place"
		clear(b[at:])
	}
	write(t, path, b)
	return fmt.Sprintf("%s at %d of %d of %s", what, at, len(b), filepath.Base(path))
}

// survivors counts the messages that can be read of a store.
func survivors(ctx context.Context, path string) (n int, err error) {
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path, Readers: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	page, err := s.After(ctx, lobby, hubbub.Position{}, 2*messages)
	return len(page.Messages), err
}
