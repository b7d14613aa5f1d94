package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// How much of a file is looked through at the start depends on how long it takes: some 15 MB/s with its indexes, 100 without.
const (
	checkAll     = 16 << 20  // up to this size everything is looked at
	checkAlways  = 256 << 20 // up to this one all but whether the indexes belong to their tables
	checkUnclean = 1 << 30   // up to this one so, if the process did not end by itself the last time
)

// findPlace looks whether there can be a store at a path.
func findPlace(path string) error {
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the directory %s of the store does not exist; make it, or set store.path to another place", dir)
	case err != nil:
		return fmt.Errorf("look for the directory of the store: %w; set store.path to another place", err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory, so there cannot be a store in it; set store.path to another place", dir)
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the store: %w; set store.path to another place", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file but a %s; set store.path to the name of a file, such as %s", path, kindOf(info),
			filepath.Join(path, "hubbub.db"))
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return errCannotWrite(path, err)
	}
	return f.Close()
}

func kindOf(info os.FileInfo) string {
	if info.IsDir() {
		return "directory"
	}
	return "special file"
}

func errCannotWrite(path string, err error) error {
	return fmt.Errorf("the store %s cannot be written: %w; let the server write to the file and to its directory, or set store.path to "+
		"another place", path, err)
}

// inspection looks at a file before anything is written to it, so that one that is refused stays as it is.
type inspection struct {
	path  string
	tally tally
	wal   walEnd
	size  int64 // 0 if there is no file
}

// inspect refuses a file that is damaged, has lost something, or is not ours. A file that is not there yet is fine.
func (s *Store) inspect(ctx context.Context) error {
	i := inspection{path: s.o.Path, tally: readTally(s.lock)}
	if info, err := os.Stat(i.path); err == nil {
		i.size = info.Size()
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var err error
	if i.wal, err = readWAL(i.path + "-wal"); err != nil {
		return err
	}
	if i.size == 0 {
		return i.inspectNothing()
	}
	if err := i.inspectHeader(); err != nil {
		return err
	}
	if err := i.inspectOwner(ctx); err != nil {
		return err
	}
	if err := i.inspectContent(ctx); err != nil {
		return err
	}
	if i.wal.torn > 0 {
		s.o.Logger.Warn("the process or the machine ended within a commit of the store, which nobody was told of; it is dropped",
			"path", i.path, "bytes", i.wal.torn)
	}
	return nil
}

// inspectNothing refuses a file that is empty or missing although there was something in it. The database would take it for a
// new one and remove what is in PATH-wal.
func (i *inspection) inspectNothing() error {
	if i.tally.commits == 0 && i.wal.size == 0 {
		return nil
	}
	return fmt.Errorf("the store %s is empty or gone, but there was something in it; %s. To begin a new store instead, remove %s-wal "+
		"and %s.lock", i.path, i.advice(), i.path, i.path)
}

// advice is what to do with a file that is lost.
func (i *inspection) advice() string {
	return fmt.Sprintf("stop the server and keep a copy of all files whose names begin with %s; then remove them and restore a backup by "+
		"copying it to %s (hubbub backup makes them)", i.path, i.path)
}

func (i *inspection) damaged(format string, args ...any) error {
	return fmt.Errorf("the store %s is damaged: %w; %s", i.path, fmt.Errorf(format, args...), i.advice())
}

func (i *inspection) inspectHeader() error {
	f, err := os.Open(i.path)
	if err != nil {
		return err
	}
	defer f.Close()
	const magic = "SQLite format 3\x00"
	b := make([]byte, len(magic))
	if _, err := io.ReadFull(f, b); err != nil || string(b) != magic {
		if i.tally.commits > 0 {
			return i.damaged("its beginning is gone")
		}
		return fmt.Errorf("%s is not a store of hubbub, nor any database; set store.path to another file. If it was a store, it is "+
			"damaged: %s", i.path, i.advice())
	}
	return nil
}

// inspectOwner refuses a PATH-wal that belongs to the file which was here before a backup was restored. The database would mix the
// two.
func (i *inspection) inspectOwner(ctx context.Context) error {
	if i.wal.size == 0 || i.tally.epoch == "" {
		return nil
	}
	pool, err := sql.Open("sqlite", dsn(i.path, alone))
	if err != nil {
		return err
	}
	defer pool.Close()
	var epoch string
	err = pool.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'epoch'").Scan(&epoch)
	if err != nil || epoch == i.tally.epoch {
		return nil // without PATH-wal the file may make no sense
	}
	return fmt.Errorf("the file %s-wal belongs to the store that was at %s before this one was copied there; remove %s-wal and %s-shm",
		i.path, i.path, i.path, i.path)
}

// inspectContent reads the file, as it is with PATH-wal.
func (i *inspection) inspectContent(ctx context.Context) error {
	pool, err := sql.Open("sqlite", dsn(i.path, readOnly))
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if err := i.inspectSchema(ctx, pool); err != nil {
		return err
	}
	if err := i.inspectPages(ctx, pool); err != nil {
		return err
	}
	return i.inspectTally(ctx, pool)
}

// inspectSchema refuses files of others and of the future.
func (i *inspection) inspectSchema(ctx context.Context, pool *sql.DB) error {
	var tables, ours int
	const count = `SELECT COUNT(*), COALESCE(SUM(name IN ('goose_db_version', 'meta')), 0) FROM sqlite_schema WHERE type = 'table'`
	if err := pool.QueryRowContext(ctx, count).Scan(&tables, &ours); err != nil {
		return i.failed(err)
	}
	if tables > 0 && ours == 0 {
		return fmt.Errorf("%s is the database of another program; set store.path to another file", i.path)
	}
	if ours == 0 {
		return nil
	}
	var version sql.NullInt64
	if err := pool.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&version); err != nil {
		return i.failed(err)
	}
	newest, err := newestSchema()
	if err != nil {
		return err
	}
	if version.Int64 > newest {
		return fmt.Errorf("the store %s was made by a newer hubbub: its schema has the version %d, and this hubbub knows those up to %d; "+
			"run the newer hubbub, or restore a backup that was made before the upgrade", i.path, version.Int64, newest)
	}
	return nil
}

// inspectPages looks through the whole file, unless that takes too long.
func (i *inspection) inspectPages(ctx context.Context, pool *sql.DB) error {
	var check, found string
	switch size := max(i.size, i.wal.size); {
	case size <= checkAll:
		check = "integrity_check"
	case size <= checkAlways || i.wal.size > 0 && size <= checkUnclean:
		check = "quick_check"
	default:
		return nil
	}
	if err := pool.QueryRowContext(ctx, "PRAGMA "+check+"(1)").Scan(&found); err != nil {
		return i.failed(err)
	}
	if found != "ok" {
		return i.damaged("%s", found)
	}
	return nil
}

// inspectTally refuses a file that has fewer commits than were acknowledged.
func (i *inspection) inspectTally(ctx context.Context, pool *sql.DB) error {
	if i.tally.epoch == "" {
		return nil
	}
	values := map[string]string{}
	rows, err := pool.QueryContext(ctx, "SELECT name, value FROM meta")
	if err != nil {
		return i.failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return i.failed(err)
		}
		values[name] = value
	}
	if err := rows.Err(); err != nil {
		return i.failed(err)
	}
	has, _ := strconv.ParseUint(values["commits"], 10, 64) // 0 if there are none
	if values["epoch"] != i.tally.epoch && values["epoch"] != "" || has >= i.tally.commits {
		return nil
	}
	return fmt.Errorf("the store %s lacks the last %d of %d commits: something has cut off or removed %s-wal, or has put an older file in "+
		"place of this one; %s. To go on with what is left instead, remove %s.lock",
		i.path, i.tally.commits-has, i.tally.commits, i.path, i.advice(), i.path)
}

// failed says what it means that the file cannot be read.
func (i *inspection) failed(err error) error {
	if isDamage(err) {
		return i.damaged("%w", err)
	}
	return errOpen(i.path, err)
}
