package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemaLock is the lock of a schema, which is a session's advisory lock on a connection of its own, so it ends with the process whatever
// happens to that. Stores that are exclusive have it alone, all others share it, so that the two kinds keep each other away. Its goroutine
// ends with close.
//
// When the connection is lost the lock is, too, and another process may take it. So from then on an exclusive store answers Unavailable,
// until the lock is taken again, which is tried as long as it takes. What this process knows of the store in memory is not older than that,
// since nobody else had the lock: unless another one did have it meanwhile, which is logged as an error. A store that shares goes on
// without the lock, since all that it knows is in the database, until it finds that an exclusive one has it.
type schemaLock struct {
	// Immutable.
	config *pgx.ConnConfig
	schema string
	shared bool
	id     int64
	logger *slog.Logger
	stop   context.CancelFunc
	ended  chan struct{}
	// Safe for concurrent use.
	state atomic.Int32
}

// The states of the lock.
const (
	lockHeld = iota
	lockLost
	lockTaken // by another process
)

const (
	lockPatience = 2 * time.Second        // for a process that has just ended, whose end the server is about to notice
	lockPause    = 200 * time.Millisecond // between two attempts
	lockCheck    = 5 * time.Second        // between two looks at a silent connection
)

// lockSchema takes the lock, alone or as one of those who share it. Its error says who has it.
func lockSchema(ctx context.Context, c *pgx.ConnConfig, o *Options) (*schemaLock, error) {
	e := &schemaLock{config: c.Copy(), schema: o.Schema, shared: !o.Exclusive, id: lockID("store", o.Schema), logger: o.Logger, ended: make(chan struct{})}
	e.config.RuntimeParams["application_name"] += " (lock)"
	deadline := time.Now().Add(lockPatience)
	for {
		conn, err := e.take(ctx)
		if err != nil {
			return nil, err
		}
		if conn != nil {
			ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
			e.stop = stop
			go e.keep(ctx, conn)
			return e, nil
		}
		if time.Now().After(deadline) {
			return nil, e.refusal()
		}
		if err := wait(ctx, lockPause); err != nil {
			return nil, err
		}
	}
}

// refusal is the error of a store that may not begin since another one has the lock.
func (e *schemaLock) refusal() error {
	if e.shared {
		return fmt.Errorf("a hubbub without Redis, or hubbub migrate, uses the schema %q alone; stop it, or give it the same Redis, "+
			"so that they share the store", e.schema)
	}
	return fmt.Errorf("another hubbub uses the schema %q; stop it, or set another schema for this one, "+
		"or give all of them the same Redis, so that they share the store", e.schema)
}

// take returns a connection that has the lock, nil if another process has it.
func (e *schemaLock) take(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, e.config)
	if err != nil {
		return nil, err
	}
	query := "SELECT pg_try_advisory_lock($1)"
	if e.shared {
		query = "SELECT pg_try_advisory_lock_shared($1)"
	}
	var locked bool
	err = conn.QueryRow(ctx, query, e.id).Scan(&locked)
	if err == nil && locked {
		return conn, nil
	}
	_ = conn.Close(ctx)
	return nil, err
}

// keep watches the connection and takes the lock again when it is lost.
func (e *schemaLock) keep(ctx context.Context, conn *pgx.Conn) {
	defer close(e.ended)
	for {
		err := watch(ctx, conn)
		_ = conn.Close(context.WithoutCancel(ctx))
		if ctx.Err() != nil {
			return
		}
		if !e.shared {
			e.state.Store(lockLost)
			e.logger.Warn("the store has lost its lock, and answers as unavailable until it has it again", "schema", e.schema, "error", err)
		}
		if conn = e.takeAgain(ctx); conn == nil {
			return
		}
		if e.state.Swap(lockHeld) != lockHeld {
			e.logger.Info("the store has its lock again", "schema", e.schema)
		}
	}
}

// takeAgain takes the lock, however long it takes; nil if the store is closed meanwhile.
func (e *schemaLock) takeAgain(ctx context.Context) *pgx.Conn {
	for wait(ctx, lockPause) == nil {
		conn, err := e.take(ctx)
		if conn != nil {
			return conn
		}
		if err == nil && e.state.Swap(lockTaken) != lockTaken {
			e.logger.Error("another hubbub has taken the store; this one answers as unavailable until that one is stopped, and should be "+
				"restarted then", "schema", e.schema)
		}
	}
	return nil
}

// watch returns when the connection is lost, or ctx ends.
func watch(ctx context.Context, conn *pgx.Conn) error {
	for {
		silent, cancel := context.WithTimeout(ctx, lockCheck)
		_, err := conn.WaitForNotification(silent) // there is none: it returns when the connection ends
		cancel()
		if ctx.Err() != nil || err != nil && silent.Err() == nil {
			return err
		}
		ping, cancel := context.WithTimeout(ctx, dialTime)
		err = conn.Ping(ping)
		cancel()
		if err != nil {
			return err
		}
	}
}

// held tells whether the store may be used.
func (e *schemaLock) held() error {
	switch e.state.Load() {
	case lockHeld:
		return nil
	case lockTaken:
		return unavailable(nil, "another hubbub uses the store; stop one of them")
	}
	return unavailable(nil, "the store is not connected; try again")
}

func (e *schemaLock) close() {
	e.stop()
	<-e.ended
}

// wait waits for a while, or until ctx ends, whose error it returns then.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
