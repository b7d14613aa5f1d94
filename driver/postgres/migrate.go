package postgres

import (
	"context"
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
	if err := makeSchema(ctx, config, schema); err != nil {
		return err
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
	if _, err := m.Up(ctx); err != nil {
		return err
	}
	current, newest, err := m.GetVersions(ctx)
	if err != nil || current <= newest {
		return err
	}
	return fmt.Errorf("the schema %q was made by a newer hubbub; run that one, or set another schema", schema)
}

// makeSchema makes the schema if it is not there, which needs rights that one who has the schema already need not have. It also refuses a
// database that cannot hold what people write.
func makeSchema(ctx context.Context, config *pgx.ConnConfig, schema string) error {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if encoding := c.PgConn().ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database %q has the encoding %s; make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
			config.Database, encoding)
	}
	var there bool
	err = c.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", schema).Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = c.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize())
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == uniqueViolation || e.Code == duplicateSchema) {
		return nil // another process has made it at the same time
	}
	return err
}

// lockID names an advisory lock, which are of the whole database.
func lockID(what, schema string) int64 {
	h := fnv.New64a()
	h.Write([]byte("hubbub " + what + " " + schema))
	return int64(h.Sum64())
}
