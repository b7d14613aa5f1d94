package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// pipeline collects statements that return nothing, and sends them in one round trip.
type pipeline struct{ batch *pgx.Batch }

func (p *pipeline) add(query string, args ...any) {
	if p.batch == nil {
		p.batch = &pgx.Batch{}
	}
	p.batch.Queue(query, args...)
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
