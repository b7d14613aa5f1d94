package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/hubbub-dev/hubbub"
)

func errInUse(lock string) error {
	return fmt.Errorf("another hubbub uses the store %s; stop it, or set store.path to another file for this one", strings.TrimSuffix(lock, ".lock"))
}

// errClosed is what a store says that is closed.
func errClosed() error {
	return &hubbub.Error{Reason: hubbub.Unavailable, Message: "the store is closed; try again when the server is back"}
}

// domain makes an error of the domain of any other: those of the database become Unavailable.
func domain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*hubbub.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &hubbub.Error{Reason: hubbub.Unavailable, Message: explain(err), Err: err}
}

// errOpen says why a store cannot be opened.
func errOpen(path string, err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if ok && e.Code()&0xff == lib.SQLITE_ERROR { // a table or column is not there
		return fmt.Errorf("the store %s has other tables than this hubbub knows: it was made by another build, or changed by another program; "+
			"run what made it, or set store.path to another file: %w", path, err)
	}
	if ok {
		return fmt.Errorf("open the store %s: %s: %w", path, explain(err), err)
	}
	return fmt.Errorf("open the store %s: %w", path, err)
}

// isDamage tells whether an error says that the file is no whole database.
func isDamage(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == lib.SQLITE_CORRUPT || e.Code()&0xff == lib.SQLITE_NOTADB)
}

// explain says for a person what is wrong with the store.
func explain(err error) string {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return "the store cannot do this now; try again"
	}
	switch e.Code() & 0xff { // the rest tells more than people need
	case lib.SQLITE_FULL:
		return "the disk of the store is full; make room on it and try again"
	case lib.SQLITE_IOERR:
		return "the disk of the store does not work; check it, and the log of the server"
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return "the store cannot be written; let the server write to its file and directory"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return "the store is in use by another program; try again when that has ended"
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return "the file of the store is damaged; stop the server and restore a backup"
	}
	return "the store cannot do this now; try again"
}
