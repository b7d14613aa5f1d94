package sqlite

import (
	"context"
	"errors"

	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// readers are the connections for reading.
type readers struct {
	closing chan struct{}
	free    chan *conn
	many    chan struct{} // has room for those who may read many rows at a time
	number  int           // of all of them
}

// read runs f once in a transaction that sees the store as it was at one moment, between two commits. It waits for a free
// connection for as long as ctx says. f gets a context without end, since the driver would start a goroutine for each query
// of another one; so what f reads must be bounded. What f gets of the database must not be used after it has returned.
func (s *Store) read(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.readers.closing:
		return errClosed()
	case c = <-s.readers.free:
	}
	defer func() { s.readers.free <- c }() // has room for all
	return domain(c.read(context.WithoutCancel(ctx), f))
}

// read runs f in a transaction, which ends also if f panics: a connection that stays in one is lost, and keeps PATH-wal from shrinking.
func (c *conn) read(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) (err error) {
	if _, err := c.begin.ExecContext(ctx); err != nil {
		return err
	}
	defer func() {
		_, end := c.rollback.ExecContext(ctx) // there is nothing to commit
		err = errors.Join(err, end)
	}()
	return f(ctx, c.q)
}

// pause waits for the reads that are running and lets none begin until resume is called. It tells false if the store is closed
// meanwhile.
func (r *readers) pause() (resume func(), ok bool) {
	held := make([]*conn, 0, r.number)
	resume = func() {
		for _, c := range held {
			r.free <- c
		}
	}
	for range r.number {
		select {
		case c := <-r.free:
			held = append(held, c)
		case <-r.closing:
			return resume, false
		}
	}
	return resume, true
}

// readMany is read for f that may read many rows. One connection always remains for those who read little, since a sign-in and
// each change of a member waits for one.
func (s *Store) readMany(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	select {
	case s.readers.many <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.readers.many }()
	return s.read(ctx, f)
}

// close waits for the reads that are running.
func (r *readers) close() error {
	if r.closing == nil {
		return nil
	}
	close(r.closing)
	var errs []error
	for range r.number {
		errs = append(errs, (<-r.free).close())
	}
	return errors.Join(errs...)
}
