package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// startTime is how long the start waits for a server that may be starting, too, as after a reboot. Whoever starts the process again when it
// has ended needs no more of it.
const startTime = 30 * time.Second

// await opens what needs a server. It waits for one that cannot be reached yet, but not for one that refuses us: that is for a person to
// change.
func await[T any](log *slog.Logger, what string, open func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	told := false
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		opened, err := open(ctx)
		if err == nil || !isPassing(err) {
			return opened, err
		}
		if !told {
			log.Warn("waiting for "+what+" before this node can begin", "for_at_most", startTime.String(), "error", err)
			told = true
		}
		next := time.NewTimer(wait)
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return opened, err
		}
	}
}

// isPassing tells whether an error may be over soon, without anybody changing anything here.
func isPassing(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code[:2] {
		case "08", "53", "57", "25": // connections, resources, being started or stopped, a standby
			return true
		}
		return false
	}
	if e, ok := rueidis.IsRedisErr(err); ok {
		return e.IsLoading() || e.IsClusterDown() || e.IsTryAgain()
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if e, ok := errors.AsType[*hubbub.Error](err); ok && e.Reason == hubbub.Unavailable {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}
