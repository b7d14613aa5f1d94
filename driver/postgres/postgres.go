package postgres

import (
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options configures a [Store]. Only URL must be set.
type Options struct {
	URL string // "postgres://user:password@host:5432/database?sslmode=verify-full", or as libpq writes it: "host=… dbname=…"
	// Schema is that of the tables; it is made if it is not there. "" means "hubbub".
	Schema   string
	MaxConns int // to the server; 0 means 16
	// Exclusive has Open fail while another process uses the schema: for a gateway whose registry is not shared.
	Exclusive bool
	// KeptPerSender is how many bytes of what one user has sent are kept; 0 means 1 GiB, negative any number.
	KeptPerSender int64
	Now           func() time.Time // nil means time.Now
	Logger        *slog.Logger     // nil means slog.Default()
}

// Store implements [hubbub.Store]. Its methods may be called concurrently. Make one with Open.
type Store struct {
	// Immutable after Open.
	o    Options // with defaults
	pool *pgxpool.Pool
}
