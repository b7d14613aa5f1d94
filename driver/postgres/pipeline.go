package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// pipeline collects statements, and sends them in one round trip.
type pipeline struct{ batch *pgx.Batch }

// add adds a statement. Of one that returns something that is wanted, the result tells it.
func (p *pipeline) add(query string, args ...any) *pgx.QueuedQuery {
	if p.batch == nil {
		p.batch = &pgx.Batch{}
	}
	return p.batch.Queue(query, args...)
}

// begin begins a transaction whose commit does not wait for the disk: for what may be done once more, if the server dies at once.
func (p *pipeline) begin() {
	p.add("begin")
	p.add("set local synchronous_commit = off")
}

func (p *pipeline) flush(ctx context.Context, c *pgx.Conn) error {
	if p.batch == nil {
		return nil
	}
	b := p.batch
	p.batch = nil
	return c.SendBatch(ctx, b).Close()
}

// collect has each row of a result seen.
func collect[Row any](see func(*Row)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[Row])
		for _, row := range all {
			see(row)
		}
		return err
	}
}
