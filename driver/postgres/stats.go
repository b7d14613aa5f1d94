package postgres

import "context"

// Stats are figures of the connections to the server.
type Stats struct {
	Max     int    // that there may be
	Open    int    // that there are
	InUse   int    // that calls have now
	Waits   uint64 // how often a call had to wait for one
	GivenUp uint64 // how often one was not got in time
}

// Stats tells how the connections are used.
func (s *Store) Stats() Stats {
	p := s.pool.Stat()
	return Stats{Max: int(p.MaxConns()), Open: int(p.TotalConns()), InUse: int(p.AcquiredConns()), Waits: uint64(p.EmptyAcquireCount()),
		GivenUp: uint64(p.CanceledAcquireCount())}
}

// Ping tells whether the server answers; its error is Unavailable.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return unavailable(err, explain(err))
	}
	return nil
}
