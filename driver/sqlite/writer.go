package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// writer owns the only connection that writes. Writes wait in its queue while a commit runs, and share the next one.
type writer struct {
	// Immutable after startWriter.
	logger   *slog.Logger
	maxBatch int
	queue    chan *write // bounded by Options.Queue
	ended    chan struct{}

	mu     sync.RWMutex // held for reading while a write is queued, so that none comes after the queue was closed
	closed bool

	// Owned by the goroutine that writes.
	conn               *conn
	save, undo, accept *sql.Stmt // of savepoints
	took               time.Duration

	// Safe for concurrent use.
	commits, writes, failed atomic.Uint64
}

// write is one unit of work: all of it takes effect, or nothing.
type write struct {
	ctx  context.Context
	f    func(ctx context.Context, q *db.Queries) error
	then func() // called after the commit, in the order of the writes; nil means nothing
	err  error  // of f; its savepoint is taken back then
	done chan error
}

// Stats counts what was written since the store was opened.
type Stats struct {
	Commits uint64 // transactions
	Writes  uint64 // that have taken part in them
	Failed  uint64 // writes whose commit has failed
}

// Stats tells how many commits and writes there were.
func (s *Store) Stats() Stats { return Stats{s.writer.commits.Load(), s.writer.writes.Load(), s.writer.failed.Load()} }

// write runs f once in the transaction of the next commit, and returns when it is on the disk. An error of f, which is
// returned, takes back what f has done, and nothing else; f must return the first error that a query gives. Where the commit
// fails, all writes of it fail. ctx only counts until the write is queued: after that it is finished, and f gets a context
// without end. Writes run one after the other, so f must do nothing but query.
func (s *Store) write(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	return s.writeThen(ctx, f, nil)
}

// writeThen is write, and calls then after the commit and before it returns. The calls are made one after the other, in the order
// in which the writes took effect, by the goroutine that writes, so then must not block.
func (s *Store) writeThen(ctx context.Context, f func(ctx context.Context, q *db.Queries) error, then func()) error {
	w := &write{ctx: context.WithoutCancel(ctx), f: f, then: then, done: make(chan error, 1)}
	if err := s.writer.enqueue(ctx, w); err != nil {
		return err
	}
	return domain(<-w.done)
}

func (w *writer) enqueue(ctx context.Context, one *write) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case w.queue <- one:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func startWriter(ctx context.Context, c *conn, o *Options) (*writer, error) {
	w := &writer{
		logger: o.Logger, maxBatch: o.MaxBatch, conn: c,
		queue: make(chan *write, o.Queue), ended: make(chan struct{}),
	}
	var err error
	if w.save, err = c.conn.PrepareContext(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	if w.undo, err = c.conn.PrepareContext(ctx, "ROLLBACK TO one"); err != nil {
		return nil, err
	}
	if w.accept, err = c.conn.PrepareContext(ctx, "RELEASE one"); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

// close commits what is queued and closes the connection.
func (w *writer) close() error {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if !closed {
		close(w.queue)
	}
	<-w.ended
	if closed {
		return nil
	}
	return errors.Join(w.save.Close(), w.undo.Close(), w.accept.Close(), w.conn.close())
}

func (w *writer) run() {
	defer close(w.ended)
	batch := make([]*write, 0, w.maxBatch)
	for {
		batch = w.gather(batch)
		if len(batch) == 0 {
			return
		}
		began := time.Now()
		err := w.commit(batch)
		w.took = time.Since(began)
		if err != nil {
			w.failed.Add(uint64(len(batch)))
		}
		for _, one := range batch {
			if err != nil {
				one.err = err
			}
			if one.err == nil && one.then != nil {
				one.then()
			}
			one.done <- one.err
		}
	}
}

// gather waits for writes and returns those of the next commit; none if the queue is closed and empty. last is the batch
// before.
//
// Those whose writes were just committed often write again at once. Without waiting for them, the senders would fall into two
// halves that take turns, each with its own commit. So if the last batch had more than one write, the next one waits until as
// many new ones have come as were answered, but no longer than the last commit took: what they wait here they save by
// sharing a commit. Who writes alone never waits.
func (w *writer) gather(last []*write) []*write {
	answered := len(last)
	batch := last[:0]
	one, ok := <-w.queue
	if !ok {
		return nil
	}
	batch = append(batch, one)
	if w.maxBatch == 1 {
		return batch
	}
	want := min(w.maxBatch, len(w.queue)+answered)
	if answered <= 1 {
		want = 0
	}
	var patience <-chan time.Time
	if want > 0 {
		timer := time.NewTimer(w.took)
		defer timer.Stop()
		patience = timer.C
	}
	for len(batch) < w.maxBatch {
		select {
		case one, ok := <-w.queue:
			if !ok {
				return batch
			}
			batch = append(batch, one)
			continue
		default:
		}
		if len(batch) >= want {
			return batch
		}
		select {
		case one, ok := <-w.queue:
			if !ok {
				return batch
			}
			batch = append(batch, one)
		case <-patience:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction. Its error concerns all of the batch: nothing of it has taken effect.
func (w *writer) commit(batch []*write) (err error) {
	ctx := context.Background()
	if _, err := w.conn.begin.ExecContext(ctx); err != nil {
		return err
	}
	for _, one := range batch {
		if err = w.apply(one); err != nil {
			break
		}
	}
	if err == nil {
		_, err = w.conn.commit.ExecContext(ctx)
	}
	if err != nil {
		// A full disk, for example, may have ended the transaction already; then this is an error that says nothing new.
		w.conn.rollback.ExecContext(ctx)
		return err
	}
	w.commits.Add(1)
	w.writes.Add(uint64(len(batch)))
	return nil
}

// apply runs one write within its savepoint. It returns an error if that cannot be taken back alone, since the database has
// taken back the whole transaction or is in no state to go on.
func (w *writer) apply(one *write) error {
	one.err = nil
	if _, err := w.save.ExecContext(one.ctx); err != nil {
		return err
	}
	if one.err = call(one, w.conn.q); one.err != nil {
		if _, err := w.undo.ExecContext(one.ctx); err != nil {
			return errors.Join(one.err, err)
		}
	}
	_, err := w.accept.ExecContext(one.ctx)
	return err
}

// call makes an error of a panic: otherwise all who wait for the batch would wait for ever, or the process would end.
func call(one *write, q *db.Queries) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return one.f(one.ctx, q)
}
