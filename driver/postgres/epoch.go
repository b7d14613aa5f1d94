package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// identify reads the epoch of the streams on a new connection, before it is used.
//
// A standby that takes over, and a backup that is restored, may lack the last messages, and would give their offsets again. Nobody can
// see whether they do, so the streams get a new epoch, which has clients read anew instead of missing something; what is kept stays
// readable. The history of a server, its identity and timeline, tells when that is so.
func (s *Store) identify(ctx context.Context, c *pgx.Conn) error {
	q := db.New(c)
	history, err := q.History(ctx)
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		history, err = "unknown", nil // of a service that is not quite PostgreSQL, or does not let us know
	}
	if err != nil {
		return err
	}
	value, err := q.MetaOf(ctx, "epoch")
	if ignoreNone(err) != nil {
		return err
	}
	if _, of, _ := strings.Cut(value, " "); of != history {
		if value, err = q.Epoch(ctx, db.EpochParams{Fresh: newEpoch(), History: history}); err != nil {
			return fmt.Errorf("set the epoch: %w", err)
		}
	}
	epoch, _, _ := strings.Cut(value, " ")
	s.epoch.Store(&epoch)
	return nil
}

// newEpoch is for streams that go on from nowhere.
func newEpoch() string { return strings.ToLower(rand.Text()[:13]) }

// epochOf is that of the store, until something was erased: what begins then has another one.
func (s *Store) epochOf(st *db.Streams) string {
	epoch := *s.epoch.Load()
	if st.Erased == 0 {
		return epoch
	}
	return epoch + "-" + strconv.FormatInt(st.Erased, 36)
}
