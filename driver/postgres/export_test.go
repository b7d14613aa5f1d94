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
