package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationTime is how long a migration may take, and how long one waits for another process that is at it.
const migrationTime = 10 * time.Minute

// migrate makes the schema, and brings its tables up to date. Of several processes one does it, and the others wait for it.
func migrate(ctx context.Context, config *pgx.ConnConfig, schema string) error {
	ctx, cancel := context.WithTimeout(ctx, migrationTime)
	defer cancel()
	config = config.Copy()
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		delete(config.RuntimeParams, name)
	}
	pool := stdlib.OpenDB(*config)
	defer pool.Close()
	version, err := prepare(ctx, pool, config.Database, schema)
	if err != nil {
		return err
	}
	newest, err := newestSchema()
	if err != nil || version == newest {
		return err
	}
	if version > newest {
		return fmt.Errorf("the schema %q was made by a newer hubbub; run that one, or set another schema", schema)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID("migrations", schema)), lock.WithLockTimeout(1, uint64(migrationTime.Seconds())))
	if err != nil {
		return err
	}
	m, err := goose.NewProvider(goose.DialectPostgres, pool, files, goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
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

// prepare makes the schema if it is not there, which needs rights that one who has the schema already need not have, and returns the
// version of its tables, 0 if there are none. It refuses a database that cannot hold what people write.
func prepare(ctx context.Context, pool *sql.DB, database, schema string) (version int64, err error) {
	var encoding string
	var there, tables bool
	err = pool.QueryRowContext(ctx, `SELECT current_setting('server_encoding'), EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1),
		EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = $2)`, schema, goose.DefaultTablename).Scan(&encoding, &there, &tables)
	switch {
	case err != nil:
		return 0, err
	case encoding != "UTF8":
		return 0, fmt.Errorf("the database %q has the encoding %s; make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
			database, encoding)
	case tables:
		err = pool.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+goose.DefaultTablename).Scan(&version)
		return version, err
	case there:
		return 0, nil
	}
	_, err = pool.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize())
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == uniqueViolation || e.Code == duplicateSchema) {
		return 0, nil // another process has made it at the same time
	}
	return 0, err
}

// lockID names an advisory lock, which are of the whole database.
func lockID(what, schema string) int64 {
	h := fnv.New64a()
	h.Write([]byte("hubbub " + what + " " + schema))
	return int64(h.Sum64())
}
