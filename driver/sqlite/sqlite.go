package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite" of database/sql

	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options configure a [Store].
type Options struct {
	Path     string           // of the file; it is made if there is none
	Now      func() time.Time // nil means time.Now
	Logger   *slog.Logger     // nil means slog.Default()
	MaxBatch int              // how many writes one commit takes at most; 0 means 256, 1 that each has its own
	Queue    int              // how many writes may wait for a commit; further ones wait to be queued. 0 means 1024
	// KeptPerSender is how many bytes of one user's messages are kept, in all streams together; more is refused as TooLarge. 0
	// means 1 GiB, negative no limit. What backends send does not count.
	KeptPerSender int64
	Readers       int // how many reads there may be at a time; further ones wait. 0 means one for each CPU, 2 to 8
}

func (o *Options) setDefaults() error {
	if o.Path == "" {
		return errors.New("the path of the store is missing")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return fmt.Errorf("find the store %s: %w", o.Path, err)
	}
	o.Path = path
	// The lock, and the files that the database puts beside the store, belong to the file and not to one of its names.
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			o.Path = real
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = 256
	}
	if o.Queue <= 0 {
		o.Queue = 1024
	}
	if o.KeptPerSender == 0 {
		o.KeptPerSender = 1 << 30
	}
	if o.Readers <= 0 {
		o.Readers = min(max(2, runtime.GOMAXPROCS(0)), 8)
	}
	return nil
}

// Store keeps in a file what must last. Make one with [Open]. Its methods may be called concurrently.
type Store struct {
	// Immutable after Open.
	o     Options
	epoch string // of all streams of the file
	lock  *os.File

	// Safe for concurrent use.
	place   atomic.Int64 // the last Streams.Place
	writer  *writer
	readers readers
	long    chan struct{} // has room for the one write that changes many rows
	close   func() error  // once
	claims  claims        // of the outbox
}

// Open opens a store, and makes or upgrades its file first if need be. Its error says what to do if the file is in use by
// another process, damaged, or of a newer version of hubbub.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	if err := findPlace(o.Path); err != nil {
		return nil, err
	}
	lock, err := lockFile(o.Path + ".lock")
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, errCannotWrite(o.Path, err)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{o: o, lock: lock, long: make(chan struct{}, 1)}
	s.close = sync.OnceValue(s.closeAll)
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.inspect(ctx); err != nil {
		return err
	}
	if err := makeFile(s.o.Path); err != nil {
		return errCannotWrite(s.o.Path, err)
	}
	if err := migrate(ctx, s.o.Path); err != nil {
		return errOpen(s.o.Path, err)
	}
	c, err := connect(ctx, s.o.Path, readWrite)
	if err != nil {
		return errOpen(s.o.Path, err)
	}
	counted, err := s.identify(ctx, c.q)
	if err == nil {
		s.writer, err = startWriter(ctx, c, &s.o, counted, &s.readers)
	}
	if err != nil {
		return errOpen(s.o.Path, errors.Join(err, c.close()))
	}
	s.readers = readers{closing: make(chan struct{}), free: make(chan *conn, s.o.Readers), many: make(chan struct{}, max(1, s.o.Readers-1))}
	for range s.o.Readers {
		c, err := connect(ctx, s.o.Path, readOnly)
		if err != nil {
			return errOpen(s.o.Path, err)
		}
		s.readers.free <- c
		s.readers.number++
	}
	return s.begin(ctx)
}

// makeFile makes a file that nobody else may read, if there is none: by itself the database would make one for everybody. The files
// beside it get the same rights.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// identify reads which file this is, after making it one if it is new, and how many commits it has.
func (s *Store) identify(ctx context.Context, q *db.Queries) (tally, error) {
	t := tally{file: s.lock}
	err := q.AddMeta(ctx, db.AddMetaParams{Name: "epoch", Value: newEpoch()})
	if err != nil {
		return t, err
	}
	if s.epoch, err = q.Meta(ctx, "epoch"); err != nil {
		return t, err
	}
	commits, err := q.Meta(ctx, "commits")
	if ignoreNone(err) != nil {
		return t, err
	}
	t.epoch = s.epoch
	t.commits, _ = strconv.ParseUint(commits, 10, 64) // 0 in a new file
	return t, nil
}

// begin writes what the store must know of itself.
func (s *Store) begin(ctx context.Context) error { return s.write(ctx, s.beginPlaces) }

// beginPlaces makes places from now on higher than those before, without looking for the highest: the upper bits count how
// often the file was opened, the lower 40 the messages since.
func (s *Store) beginPlaces(ctx context.Context, q *db.Queries) error {
	value, err := q.Meta(ctx, "opened")
	if ignoreNone(err) != nil {
		return err
	}
	opened, _ := strconv.ParseInt(value, 10, 64) // 0 in a new file
	opened++
	s.place.Store(opened << 40)
	return q.SetMeta(ctx, db.SetMetaParams{Name: "opened", Value: strconv.FormatInt(opened, 10)})
}

// newEpoch is for a file whose streams go on from nowhere.
func newEpoch() string { return strings.ToLower(rand.Text()[:13]) }

// Close finishes the writes that have begun and closes the file. The store must not be used any more; what still comes is
// refused as Unavailable. A read that is running is waited for.
func (s *Store) Close() error { return s.close() }

func (s *Store) closeAll() error {
	// The writer is the last, since only who may write can take the log back into the file and remove it.
	errs := []error{s.readers.close()}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// mode is what a connection is for.
type mode int

const (
	readWrite mode = iota
	readOnly
	copying // only reads the store, but may write its copy
	single  // writes to a file that nobody else has open, with nothing beside it
	alone   // reads the file as it is without PATH-wal, while nobody has it open
)

// dsn names the file for the driver.
func dsn(path string, m mode) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	cache := readCacheKiB
	if m == readWrite {
		cache = writeCacheKiB
	}
	q := url.Values{"_pragma": {
		"busy_timeout(5000)", "foreign_keys(1)", "temp_store(memory)", "cache_size(-" + strconv.Itoa(cache) + ")",
		"synchronous(full)",
	}}
	switch m {
	case readWrite:
		q["_pragma"] = append(q["_pragma"], "journal_mode(wal)", "wal_autocheckpoint("+strconv.Itoa(checkpointPages)+")",
			"journal_size_limit("+strconv.Itoa(walBytes)+")")
	case readOnly:
		q["mode"] = []string{"ro"}
		q["_pragma"] = append(q["_pragma"], "query_only(1)")
	case copying:
		q["mode"] = []string{"ro"}
	case alone:
		q["immutable"] = []string{"1"}
	case single:
		q["_pragma"] = append(q["_pragma"], "journal_mode(delete)")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

const (
	// checkpointPages is how many pages of PATH-wal are written back at a time, by the commit that fills them. Fewer would
	// write the same pages back more often; more would make that commit wait longer.
	checkpointPages = 4000
	// walBytes is how much of PATH-wal stays when reads have let it grow beyond that.
	walBytes = 64 << 20
)

// How much a connection keeps of the file in memory. What readers do not have the system's cache has mostly; the writer must not lose
// pages that it has changed before the commit.
const writeCacheKiB, readCacheKiB = 16 << 10, 4 << 10

// conn is one connection with all statements prepared.
type conn struct {
	db   *sql.DB // has this one connection
	conn *sql.Conn
	q    *db.Queries
	// Of transactions.
	begin, commit, rollback *sql.Stmt
}

func connect(ctx context.Context, path string, m mode) (*conn, error) {
	pool, err := sql.Open("sqlite", dsn(path, m))
	if err != nil {
		return nil, err
	}
	c := &conn{db: pool}
	if err := c.prepare(ctx, m); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *conn) prepare(ctx context.Context, m mode) (err error) {
	if c.conn, err = c.db.Conn(ctx); err != nil {
		return err
	}
	begin := "BEGIN IMMEDIATE"
	if m == readOnly {
		begin = "BEGIN"
	}
	for text, stmt := range map[string]**sql.Stmt{begin: &c.begin, "COMMIT": &c.commit, "ROLLBACK": &c.rollback} {
		if *stmt, err = c.conn.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	c.q, err = db.Prepare(ctx, c.conn)
	return err
}

func (c *conn) close() error {
	var errs []error
	if c.q != nil {
		errs = append(errs, c.q.Close())
	}
	for _, stmt := range []*sql.Stmt{c.begin, c.commit, c.rollback} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	if c.conn != nil {
		errs = append(errs, c.conn.Close())
	}
	return errors.Join(append(errs, c.db.Close())...)
}

// migrate brings the schema of a file up to date.
func migrate(ctx context.Context, path string) error {
	pool, err := sql.Open("sqlite", dsn(path, readWrite))
	if err != nil {
		return err
	}
	defer pool.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	m, err := goose.NewProvider(goose.DialectSQLite3, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return err
}

// newestSchema is the version of the last migration.
func newestSchema() (int64, error) {
	all, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(all) == 0 {
		return 0, fmt.Errorf("there are no migrations: %w", err)
	}
	return goose.NumericComponent(all[len(all)-1])
}

// millis is how a time is kept; 0 is the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf is the reverse of millis.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
