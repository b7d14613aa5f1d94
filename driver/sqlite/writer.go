package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// writer owns the only connection that writes. Writes wait in its queue while a commit runs, and share the next one.
type writer struct {
	// Immutable after startWriter.
	logger   *slog.Logger
	maxBatch int
	queue    chan *write // bounded by Options.Queue
	ended    chan struct{}
	readers  *readers // which are there before the first write
	wal      string   // PATH-wal

	mu     sync.RWMutex // held for reading while a write is queued, so that none comes after the queue was closed
	closed bool

	// Owned by the goroutine that writes.
	conn               *conn
	save, undo, accept *sql.Stmt     // of savepoints
	took               time.Duration // by the last commit
	failing            bool          // the last commit has failed
	tally              tally
	tolerated          int64 // bytes of PATH-wal up to which shrink does nothing

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
func (s *Store) Stats() Stats {
	return Stats{s.writer.commits.Load(), s.writer.writes.Load(), s.writer.failed.Load()}
}

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

func startWriter(ctx context.Context, c *conn, o *Options, t tally, r *readers) (*writer, error) {
	w := &writer{
		logger: o.Logger, maxBatch: o.MaxBatch, conn: c, tally: t, readers: r, wal: o.Path + "-wal", tolerated: walBytes,
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
	for want := 0; ; {
		if batch = w.gather(batch[:0], want); len(batch) == 0 {
			return
		}
		began := time.Now()
		err := w.commit(batch)
		w.took = time.Since(began)
		if err != nil {
			w.failed.Add(uint64(len(batch)))
		}
		w.report(err)
		want = w.expect(len(batch))
		for _, one := range batch {
			if err != nil {
				one.err = err
			}
			if one.err == nil && one.then != nil {
				one.then()
			}
			one.done <- one.err
		}
		w.shrink()
	}
}

// expect returns how many writes there will be soon, when some are about to be answered; 0 if nothing is known.
//
// Those whose writes were just committed often write again at once. Without waiting for them, the senders would fall into two
// halves that take turns, each with its own commit. So if a batch had more than one write, the next one waits for as many new
// ones as were answered, beside those that are queued already. But it waits no longer than four times what the last commit took,
// nor than maxPatience: what they wait here they save by sharing a commit. (With only once or twice that, 64 who wrote over
// sockets on one core did not all come in time, and fell into halves.) Who writes alone never waits.
func (w *writer) expect(answered int) int {
	if answered <= 1 {
		return 0
	}
	return answered + len(w.queue)
}

const maxPatience = 10 * time.Millisecond

// report logs when the store ceases to commit, and when it does so again. Those who write get each error.
func (w *writer) report(err error) {
	switch {
	case err != nil && !w.failing:
		w.logger.Error("the store cannot write", "reason", explain(err), "error", err)
	case err == nil && w.failing:
		w.logger.Info("the store writes again")
	}
	w.failing = err != nil
}

// gather waits for writes and adds those of the next commit to a batch that is empty; none if the queue is closed and empty.
// It takes those that are queued, and waits a moment if more are expected.
func (w *writer) gather(batch []*write, expected int) []*write {
	one, ok := <-w.queue
	if !ok {
		return batch
	}
	batch = append(batch, one)
	batch = w.fill(batch, len(batch)+len(w.queue), nil)
	if len(batch) < min(expected, w.maxBatch) {
		patience := time.NewTimer(min(4*w.took, maxPatience))
		defer patience.Stop()
		batch = w.fill(batch, expected, patience.C)
	}
	return batch
}

// fill adds writes to a batch until it has as many as wanted, or the most that one may have, or patience ends.
func (w *writer) fill(batch []*write, want int, patience <-chan time.Time) []*write {
	for len(batch) < min(want, w.maxBatch) {
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

// shrink lets PATH-wal begin anew when it has grown beyond what it should. The database does that by itself when everything in it is
// written back and nobody reads from it. Where reads never cease there is always one that began before the last commit, so here
// they have to wait for a moment. Other processes, such as one that makes a backup, are not waited for: then it is tried again
// when the file has grown by as much as is written back at a time.
func (w *writer) shrink() {
	info, err := os.Stat(w.wal)
	if err != nil || info.Size() <= walBytes {
		w.tolerated = walBytes
		return
	}
	if info.Size() <= w.tolerated {
		return
	}
	w.tolerated = info.Size() + walBytes/4
	resume, ok := w.readers.pause()
	defer resume()
	if ok {
		// What cannot be written back stays where it is.
		w.conn.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
	}
}

// commit runs a batch in one transaction. Its error concerns all of the batch: nothing of it has taken effect.
func (w *writer) commit(batch []*write) (err error) {
	ctx := context.Background()
	_, err = w.conn.begin.ExecContext(ctx)
	for i := 0; i < len(batch) && err == nil; i++ {
		err = w.apply(batch[i])
	}
	commits := w.tally.commits + 1
	if err == nil {
		err = w.conn.q.SetMeta(ctx, db.SetMetaParams{Name: "commits", Value: strconv.FormatUint(commits, 10)})
	}
	if err == nil {
		_, err = w.conn.commit.ExecContext(ctx)
	}
	if err != nil {
		// The database may have ended the transaction already, as it does when the disk is full; then this is an error that says
		// nothing new.
		w.conn.rollback.ExecContext(ctx)
		return err
	}
	w.tally.set(commits)
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
			if _, ok := errors.AsType[*hubbub.Error](one.err); ok {
				return err // what is wrong with this write is not what is wrong with all
			}
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
