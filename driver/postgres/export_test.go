package postgres

import "context"

// Migrate makes the tables in the schema of Options, for a template.
func Migrate(ctx context.Context, o Options) error {
	s, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return s.Close()
}

// Rows counts the messages that are in the database, kept or not.
func (s *Store) Rows(ctx context.Context) (n int, err error) {
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM messages").Scan(&n)
	return n, err
}
