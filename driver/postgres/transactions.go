package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// attempts is how often a transaction is tried that the database has taken back for the sake of another one.
const attempts = 8

// acquire returns a connection, for which it waits for a while.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, acquireTime)
	defer cancel()
	c, err := s.pool.Acquire(wait)
	switch {
	case err == nil:
		return c, nil
	case s.closed.Load():
		return nil, errClosed()
	case ctx.Err() == nil && wait.Err() != nil && s.pool.Stat().AcquiredConns() >= s.pool.Config().MaxConns:
		return nil, unavailable(err, "all connections of the store are in use; try again, or allow it more of them")
	}
	return nil, domain(ctx, err)
}

// usable tells whether the store may be used now.
func (s *Store) usable(ctx context.Context) error {
	if s.closed.Load() {
		return errClosed()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.lock != nil {
		return s.lock.held()
	}
	return nil
}

// read runs f in a transaction that sees the store as it was at one moment. f must return the first error that a query gives, and may be
// run again, from its beginning, when the database has taken the transaction back.
func (s *Store) read(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	return s.transact(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}

// readOne is read for f that has one query, and so needs no transaction.
func (s *Store) readOne(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	bound, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return domain(ctx, f(bound, db.New(c)))
}

// write runs f in a transaction, and returns when it is committed. Each statement of f sees what was committed before it, so what must not
// change between two statements has to be locked, in the order that doc.go gives. An error of f, which is returned, takes back what
// f has done; f must return the first error that a query gives, and may be run again, from its beginning, when the database has taken
// the transaction back. ctx only counts until the transaction begins: after that it is finished, within a bound.
//
// When the connection is lost while it commits, nobody knows whether it did. That is Unavailable, and what was written may be there: so
// whoever tries again should use what makes that harmless, such as the key of a message.
func (s *Store) write(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	return s.transact(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, f)
}

// writeOne is write for f that has one statement, and so needs no transaction.
func (s *Store) writeOne(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	return s.retry(ctx, func(ctx context.Context, c *pgx.Conn) error {
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		return f(bound, db.New(c))
	})
}

func (s *Store) transact(ctx context.Context, o pgx.TxOptions, f func(ctx context.Context, q *db.Queries) error) error {
	return s.retry(ctx, func(ctx context.Context, c *pgx.Conn) error {
		if o.AccessMode != pgx.ReadOnly {
			ctx = context.WithoutCancel(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		return pgx.BeginTxFunc(ctx, c, o, func(tx pgx.Tx) error { return f(ctx, db.New(tx)) })
	})
}

// batched is write for f that begins and ends its transaction itself, in the round trips that it makes anyway.
func (s *Store) batched(ctx context.Context, f func(ctx context.Context, c *pgx.Conn) error) error {
	return s.retry(ctx, func(ctx context.Context, c *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		defer func() {
			if c.PgConn().TxStatus() != 'I' && !c.IsClosed() {
				_, _ = c.Exec(ctx, "rollback") // a connection on which that fails is not used again
			}
		}()
		return f(ctx, c)
	})
}

// retry runs f with a connection, and again while it fails because the database has taken back what it did for the sake of another
// transaction, or nothing was sent.
func (s *Store) retry(ctx context.Context, f func(ctx context.Context, c *pgx.Conn) error) error {
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, f)
		if err == nil || attempt >= attempts || !mayRetry(err) {
			return domain(ctx, err)
		}
		if err := wait(ctx, time.Duration(rand.Int64N(int64(attempt)*int64(10*time.Millisecond)))); err != nil {
			return err
		}
	}
}

func (s *Store) once(ctx context.Context, f func(ctx context.Context, c *pgx.Conn) error) error {
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return f(ctx, c.Conn())
}

// mayRetry tells whether nothing of a transaction that has failed took effect, and another run may succeed.
func mayRetry(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == serializationFailed || e.Code == deadlockDetected
	}
	return pgconn.SafeToRetry(err)
}
