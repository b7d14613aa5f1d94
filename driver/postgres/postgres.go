package postgres

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options configures a [Store]. Only URL must be set.
type Options struct {
	// URL says where the database is: "postgres://user:password@host:5432/database?sslmode=verify-full", or as libpq writes it:
	// "host=… dbname=…". What it leaves out comes from the environment (PGHOST, PGPASSWORD, …), as with all programs for PostgreSQL. With
	// several hosts, "postgres://user@one,two/database", the one that can be written is used.
	URL string
	// Schema is that of the tables; it is made if it is not there. "" means "hubbub".
	Schema   string
	MaxConns int // to the server; 0 means 16. Further calls wait for up to 5 s and are Unavailable then
	// Exclusive has Open fail while another process uses the schema: for a gateway whose registry is not shared. Without it Open fails
	// only while an exclusive one does.
	Exclusive bool
	// KeptPerSender is how many bytes of one user's messages are kept, in all streams together; more is refused as TooLarge. 0
	// means 1 GiB, negative no limit. What backends send does not count.
	KeptPerSender int64
	Now           func() time.Time // nil means time.Now
	Logger        *slog.Logger     // nil means slog.Default()
}

func (o *Options) setDefaults() {
	if o.Schema == "" {
		o.Schema = "hubbub"
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 16
	}
	if o.KeptPerSender == 0 {
		o.KeptPerSender = 1 << 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// Store implements [hubbub.Store]. Its methods may be called concurrently. Make one with [Open].
type Store struct {
	// Immutable after Open.
	o       Options // with defaults
	claimer int64   // who it is to the outbox, not 0
	pool    *pgxpool.Pool
	lock    *schemaLock

	// Safe for concurrent use.
	epoch  atomic.Pointer[string] // of the streams
	closed atomic.Bool
	close  func() // once
	lanes  lanes
	claims claims
}

// Open connects to a database, and makes or upgrades its tables first if need be, which several processes may do at the same time. Its
// error says what to do.
func Open(ctx context.Context, o Options) (*Store, error) {
	o.setDefaults()
	config, err := parse(&o)
	if err != nil {
		return nil, err
	}
	s := &Store{o: o, claimer: 1 + rand.Int64N(math.MaxInt64)}
	s.close = sync.OnceFunc(s.closeAll)
	if err := s.open(ctx, config); err != nil {
		s.Close()
		return nil, errOpen(config.ConnConfig, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, config *pgxpool.Config) (err error) {
	if s.lock, err = lockSchema(ctx, config.ConnConfig, &s.o); err != nil {
		return err
	}
	if err := migrate(ctx, config.ConnConfig, s.o.Schema); err != nil {
		return err
	}
	config.AfterConnect = s.identify
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	return s.pool.Ping(ctx)
}

// Close lets calls that have begun come to an end, and closes the connections. The store must not be used any more; what still comes is
// refused as Unavailable.
func (s *Store) Close() error {
	s.close()
	return nil
}

func (s *Store) closeAll() {
	s.closed.Store(true)
	if s.pool != nil {
		s.pool.Close()
	}
	if s.lock != nil {
		s.lock.close()
	}
}

// ignoreNone takes an error that there is no such row for none.
func ignoreNone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
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
