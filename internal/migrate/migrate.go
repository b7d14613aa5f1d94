package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// Options says what is moved. From and To must be set.
type Options struct {
	From   string // path of the file
	To     string // URL of the database
	Schema string // of the tables there; "" means "hubbub"
	// Progress is told how many rows of a table were copied, every few thousand and at its end. It must not block. nil means nobody.
	Progress func(table string, rows int64)
}

// Moved is what has become of one table.
type Moved struct {
	Table string
	Rows  int64
	Hash  string // the same on both sides
}

// Result says what was moved.
type Result struct {
	Tables []Moved
	// Cleaned is in how many rows a text had a character that no text of PostgreSQL can have, U+0000 or no UTF-8, which is U+FFFD now.
	Cleaned int64
}

// Run moves a store. Neither gateways of the file nor of the database may run; it refuses to begin if they do, and if the database has
// anything of a store already. When it fails the database is as empty as before.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Schema == "" {
		o.Schema = "hubbub"
	}
	if o.Progress == nil {
		o.Progress = func(string, int64) {}
	}
	from, err := sqlite.OpenOffline(ctx, o.From)
	if err != nil {
		return Result{}, err
	}
	defer from.Close() // it was only read
	// This makes the tables, and keeps gateways away.
	store, err := postgres.Open(ctx, postgres.Options{URL: o.To, Schema: o.Schema, MaxConns: 1, Exclusive: true})
	if err != nil {
		return Result{}, err
	}
	defer store.Close()
	to, err := connect(ctx, o)
	if err != nil {
		return Result{}, fmt.Errorf("connect to the database: %w", err)
	}
	defer to.Close(context.WithoutCancel(ctx))
	m := mover{o: o, from: from.DB()}
	err = pgx.BeginFunc(ctx, to, func(tx pgx.Tx) error {
		m.to = tx
		return m.move(ctx)
	})
	if err != nil {
		return Result{}, fmt.Errorf("move %s: %w; nothing was changed: the file and the database are as they were", o.From, err)
	}
	return m.result, nil
}

func connect(ctx context.Context, o Options) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(o.To)
	if err != nil {
		return nil, errors.New("the URL cannot be understood") // and may have a password
	}
	c.RuntimeParams["search_path"] = pgx.Identifier{o.Schema}.Sanitize()
	c.RuntimeParams["application_name"] = "hubbub migrate"
	return pgx.ConnectConfig(ctx, c)
}

// mover is one move.
type mover struct {
	o      Options
	from   *sql.DB
	to     pgx.Tx
	result Result
}

func (m *mover) move(ctx context.Context) error {
	all := tables()
	if err := m.lock(ctx, all); err != nil {
		return err
	}
	for _, t := range all {
		if err := m.copy(ctx, t); err != nil {
			return fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	for name, statement := range derived() {
		if _, err := m.to.Exec(ctx, statement); err != nil {
			return fmt.Errorf("fill %s: %w", name, err)
		}
	}
	if err := m.goOn(ctx); err != nil {
		return err
	}
	for _, t := range all {
		// By now it has its triggers back, which see only what comes.
		if _, err := m.to.Exec(ctx, "ALTER TABLE "+t.name+" ENABLE TRIGGER USER"); err != nil {
			return err
		}
	}
	return nil
}

// lock keeps everybody from the tables until the end, and makes sure that they are empty. What triggers would do was done in the source.
func (m *mover) lock(ctx context.Context, all []table) error {
	names := []string{"meta"}
	for _, t := range all {
		names = append(names, t.name)
	}
	for name := range derived() {
		names = append(names, name)
	}
	names = append(names, empty)
	if _, err := m.to.Exec(ctx, "LOCK TABLE "+strings.Join(names, ", ")+" IN ACCESS EXCLUSIVE MODE NOWAIT"); err != nil {
		return fmt.Errorf("the database is in use: stop the gateways that use it (%w)", err)
	}
	if _, err := m.to.Exec(ctx, "DELETE FROM announcement_clock WHERE seq = 0 AND revision = 0"); err != nil { // that of a new store
		return err
	}
	for _, name := range names[1:] {
		var used bool
		if err := m.to.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+name+")").Scan(&used); err != nil {
			return err
		}
		if used {
			return fmt.Errorf("the database is not empty, there is something in %s.%s: name another database, or empty this one by "+
				"DROP SCHEMA %[1]s CASCADE if nobody needs what is in it", m.o.Schema, name)
		}
	}
	for _, t := range all {
		if _, err := m.to.Exec(ctx, "ALTER TABLE "+t.name+" DISABLE TRIGGER USER"); err != nil {
			return err
		}
	}
	return nil
}

// copy copies a table, and compares the copy with it.
func (m *mover) copy(ctx context.Context, t table) error {
	rows, err := m.from.QueryContext(ctx, t.query())
	if err != nil {
		return err
	}
	defer rows.Close()
	r := &reader{table: t, rows: rows, progress: m.o.Progress}
	if _, err := m.to.CopyFrom(ctx, pgx.Identifier{t.name}, t.names(), r); err != nil {
		return err
	}
	m.o.Progress(t.name, r.digest.Rows)
	m.result.Cleaned += r.cleaned
	there, err := m.read(ctx, t)
	if err != nil {
		return fmt.Errorf("read it again: %w", err)
	}
	if there != r.digest {
		return fmt.Errorf("the copy is not the same: %d rows with the hash %s are %d with %s", r.digest.Rows, r.digest.Hash(), there.Rows, there.Hash())
	}
	m.result.Tables = append(m.result.Tables, Moved{t.name, there.Rows, there.Hash()})
	return nil
}

// read computes the digest of a table of the target.
func (m *mover) read(ctx context.Context, t table) (digest, error) {
	var d digest
	rows, err := m.to.Query(ctx, t.back())
	if err != nil {
		return d, err
	}
	defer rows.Close()
	for rows.Next() {
		row, err := rows.Values()
		if err != nil {
			return d, err
		}
		if err := d.add(t.columns, row); err != nil {
			return d, err
		}
	}
	return d, rows.Err()
}

// goOn has the target go on where the source was: with its epoch, so that positions hold, and with higher numbers than it has given.
func (m *mover) goOn(ctx context.Context) error {
	for _, s := range sequences() {
		var last int64
		if err := m.from.QueryRowContext(ctx, s.last).Scan(&last); err != nil {
			return fmt.Errorf("find the last number of %s: %w", s.name, err)
		}
		if last == 0 {
			continue
		}
		if _, err := m.to.Exec(ctx, "SELECT setval("+s.name+", $1)", last); err != nil {
			return fmt.Errorf("go on after the last number of %s: %w", s.name, err)
		}
	}
	var epoch, erased string
	if err := m.from.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'epoch'").Scan(&epoch); err != nil {
		return fmt.Errorf("read the epoch: %w", err)
	}
	err := m.from.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'erased'").Scan(&erased)
	if errors.Is(err, sql.ErrNoRows) {
		erased, err = "0", nil
	}
	if err != nil {
		return fmt.Errorf("read how often something was erased: %w", err)
	}
	// Behind the epoch is what tells the server from one that was restored.
	tag, err := m.to.Exec(ctx, "UPDATE meta SET value = $1 || substr(value, strpos(value, ' ')) WHERE name = 'epoch' AND strpos(value, ' ') > 0", epoch)
	if err != nil || tag.RowsAffected() != 1 {
		return fmt.Errorf("set the epoch: %w", errors.Join(err, errors.New("there is none")))
	}
	_, err = m.to.Exec(ctx, "INSERT INTO meta (name, value) VALUES ('erased', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value", erased)
	return err
}

// reader reads a table of the source for pgx, and computes its digest.
type reader struct {
	table    table
	rows     *sql.Rows
	progress func(string, int64)

	digest  digest
	cleaned int64
	row     []any
	err     error
}

// step is after how many rows progress is told.
const step = 5000

// Next reads the next row.
func (r *reader) Next() bool {
	if r.err != nil || !r.rows.Next() {
		return false
	}
	r.row, r.err = r.read()
	if r.err == nil && r.digest.Rows%step == 0 {
		r.progress(r.table.name, r.digest.Rows)
	}
	return true // Values tells the error
}

func (r *reader) read() ([]any, error) {
	row := make([]any, len(r.table.columns))
	into := make([]any, len(row))
	for i := range row {
		into[i] = &row[i]
	}
	if err := r.rows.Scan(into...); err != nil {
		return nil, err
	}
	changed := false
	for i, c := range r.table.columns {
		v, other, err := as(c.kind, row[i])
		if err != nil {
			return nil, fmt.Errorf("column %s %w", c.name, err)
		}
		row[i], changed = v, changed || other
	}
	if changed {
		r.cleaned++
	}
	return row, r.digest.add(r.table.columns, row)
}

// Values returns the row.
func (r *reader) Values() ([]any, error) { return r.row, r.err }

// Err returns what kept it from reading all rows.
func (r *reader) Err() error { return errors.Join(r.err, r.rows.Err()) }
