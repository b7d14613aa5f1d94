package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Offline is the file of a store that no gateway uses, to be read and not to be changed. Make one with [OpenOffline]. Its methods may be
// called concurrently.
type Offline struct {
	db    *sql.DB
	close func() error // once
}

// OpenOffline opens the file of a store for reading, and keeps gateways away from it until Close. It is an error if there is no store, if a
// gateway uses it, if it is damaged, or if its tables are older or newer than those of this version.
func OpenOffline(ctx context.Context, path string) (*Offline, error) {
	o := Options{Path: path}
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	if info, err := os.Stat(o.Path); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, fmt.Errorf("there is no store at %s", o.Path)
	}
	lock, err := lockFile(o.Path + ".lock")
	if err != nil {
		return nil, err
	}
	f := &Offline{}
	f.close = sync.OnceValue(func() error {
		var err error
		if f.db != nil {
			err = f.db.Close()
		}
		return errors.Join(err, lock.Close())
	})
	if err := f.open(ctx, &Store{o: o, lock: lock}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Offline) open(ctx context.Context, s *Store) (err error) {
	if err := s.inspect(ctx); err != nil {
		return err
	}
	if f.db, err = sql.Open("sqlite", dsn(s.o.Path, readOnly)); err != nil {
		return errOpen(s.o.Path, err)
	}
	var version int64
	if err := f.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&version); err != nil {
		return errOpen(s.o.Path, err)
	}
	newest, err := newestSchema()
	if err != nil {
		return err
	}
	if version < newest {
		return fmt.Errorf("the store %s is of an older hubbub: start hubbub serve of this version with it once, which brings it up to date, stop "+
			"that, and try again", s.o.Path)
	}
	return nil
}

// DB is the file as a database that can only be read.
func (f *Offline) DB() *sql.DB { return f.db }

// Close lets gateways use the file again.
func (f *Offline) Close() error { return f.close() }
