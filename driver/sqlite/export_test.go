package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// Write runs a write that does what a test wants. set changes a value of the store in it.
func (s *Store) Write(ctx context.Context, f func(set func(name, value string) error) error) error {
	return s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		return f(func(name, value string) error { return q.SetMeta(ctx, db.SetMetaParams{Name: name, Value: value}) })
	})
}

// Read runs a read that does what a test wants. get returns a value of the store in it, "" if there is none.
func (s *Store) Read(ctx context.Context, f func(get func(name string) string) error) error {
	return s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		return f(func(name string) string {
			value, err := q.Meta(ctx, name)
			if ignoreNone(err) != nil {
				return err.Error()
			}
			return value
		})
	})
}

// Queued is how many writes wait for the next commit.
func (s *Store) Queued() int { return len(s.writer.queue) }

// LimitGrowth has the file grow by no more than some pages, as a full disk would. Nothing must be written meanwhile.
func (s *Store) LimitGrowth(ctx context.Context, pages int) error {
	var n int
	if err := s.writer.conn.conn.QueryRowContext(ctx, "PRAGMA page_count").Scan(&n); err != nil {
		return err
	}
	_, err := s.writer.conn.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", n+pages))
	return err
}

// Rows is how many messages the file has, dropped or not.
func (s *Store) Rows(ctx context.Context) (n int, err error) {
	c := <-s.readers.free
	defer func() { s.readers.free <- c }()
	err = c.conn.QueryRowContext(ctx, "SELECT count(*) FROM messages").Scan(&n)
	return n, err
}

// FindWALEnd tells how much of a WAL the database takes, and how much of it is a commit that did not become whole.
func FindWALEnd(wal []byte) (kept, torn int64) {
	end := findWALEnd(bytes.NewReader(wal), int64(len(wal)))
	return end.kept, end.torn
}

// ReadMany runs f as the read of a long list.
func (s *Store) ReadMany(ctx context.Context, f func()) error {
	return s.readMany(ctx, func(context.Context, *db.Queries) error { f(); return nil })
}

// Plans tells how the database goes about each query of the store.
func (s *Store) Plans(ctx context.Context) (map[string][]string, error) {
	c := <-s.readers.free
	defer func() { s.readers.free <- c }()
	all := recorder{Conn: c.conn}
	q, err := db.Prepare(ctx, &all)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	plans := make(map[string][]string)
	for _, text := range all.texts {
		if plans[text], err = plan(ctx, c.conn, text); err != nil {
			return nil, fmt.Errorf("%w in %s", err, text)
		}
	}
	return plans, nil
}

// recorder takes down which queries are prepared.
type recorder struct {
	*sql.Conn
	texts []string
}

func (r *recorder) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	r.texts = append(r.texts, text)
	return r.Conn.PrepareContext(ctx, text)
}

func plan(ctx context.Context, c *sql.Conn, text string) (steps []string, err error) {
	text = strings.ReplaceAll(text, "/*SLICE:names*/?", "?")
	args := make([]any, strings.Count(text, "?"))
	rows, err := c.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}
