package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// Backup makes a consistent copy of the store at path, which another process may have open and write to meanwhile; it waits for
// nothing and holds up nobody. dest must not exist. It is there only when it is complete, checked and on the disk.
//
// The copy gets a new epoch. Clients may have messages that came after the backup was made; if the store is restored from it,
// other messages will get the same offsets. So a position of before must not count any more: who comes with one is told that
// what followed cannot be recovered, and reads the history anew.
func Backup(ctx context.Context, path, dest string) error {
	if err := backup(ctx, path, dest); err != nil {
		return fmt.Errorf("back up the store %s: %w", path, err)
	}
	return nil
}

func backup(ctx context.Context, path, dest string) (err error) {
	path, dest, err = absolute(path, dest)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if _, err := os.Lstat(dest); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s exists already; name a file that does not", dest))
	}
	// Nobody else can have this directory, and it is on the disk that the copy must be on.
	dir, err := os.MkdirTemp(filepath.Dir(dest), ".backup-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	part := filepath.Join(dir, "copy.db")
	if err := makeFile(part); err != nil { // an empty file is as good as none
		return err
	}
	if err := copyInto(ctx, path, part); err != nil {
		return err
	}
	if err := finish(ctx, part); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := place(part, dest); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dest))
}

// place gives a file its name. A link does not take the place of a file that has appeared meanwhile, as a renaming would, but
// not every disk has links.
func place(part, dest string) error {
	err := os.Link(part, dest)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Rename(part, dest)
}

func absolute(path, dest string) (string, string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	dest, err = filepath.Abs(dest)
	return path, dest, err
}

// copyInto copies what the file holds at one moment. The connection only reads, and does not take the lock of the store.
func copyInto(ctx context.Context, path, part string) error {
	from, err := sql.Open("sqlite", dsn(path, copying))
	if err != nil {
		return err
	}
	_, err = from.ExecContext(ctx, "VACUUM INTO ?", part)
	return errors.Join(err, from.Close())
}

// finish gives the copy its epoch and looks for damage.
func finish(ctx context.Context, part string) error {
	pool, err := sql.Open("sqlite", dsn(part, single))
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := db.New(pool).SetMeta(ctx, db.SetMetaParams{Name: "epoch", Value: newEpoch()}); err != nil {
		return err
	}
	var found string
	if err := pool.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("the file is damaged: %s", found)
	}
	return pool.Close()
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
