package hubbub

import (
	"context"
	"encoding/json"
)

// asking is what those who are asked about a session get as a context: it ends with the conn, so that no answer is waited for that
// nobody needs any more.
type asking struct {
	context context.Context
	stop    func()
}

// ask calls a function of the options with a context that also ends with the session.
func (s *Session) ask(ctx context.Context, f func(context.Context) error) error {
	over := s.askingNow()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(over, stop)()
	err := f(ctx)
	if over.Err() != nil {
		return errEnded()
	}
	return err
}

// askingNow returns the context of the session, which ends at once if the conn is gone.
func (s *Session) askingNow() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking == nil {
		over, stop := context.WithCancel(s.hub.context)
		s.asking = &asking{over, stop}
	}
	if s.gone {
		s.asking.stop()
	}
	return s.asking.context
}

func errEnded() error { return Errorf(NotFound, "this session has ended; open a new one") }

// mayJoin asks Options.MayJoin.
func (s *Session) mayJoin(ctx context.Context, room string) error {
	may := s.hub.o.MayJoin
	if may == nil {
		return nil
	}
	return s.ask(ctx, func(ctx context.Context) error { return may(ctx, s, room) })
}

// maySend asks Options.MaySend about a message whose data may have at most max bytes. It may change the data, and then returns what
// they were.
func (s *Session) maySend(ctx context.Context, room, to string, m *Outgoing, max int) (original json.RawMessage, err error) {
	may := s.hub.o.MaySend
	if may == nil {
		return nil, nil
	}
	var changed json.RawMessage
	err = s.ask(ctx, func(ctx context.Context) (err error) {
		changed, err = may(ctx, Sending{Session: s.id, From: s.Identity(), Room: room, To: to, Data: m.Data, Key: m.Key})
		return err
	})
	if err != nil || changed == nil {
		return nil, err
	}
	if len(changed) > max || !json.Valid(changed) {
		return nil, Errorf(Unavailable, "the server's rule for messages made %d bytes of this one; it must make valid JSON of at most %d", len(changed), max)
	}
	original, m.Data = m.Data, changed
	return original, nil
}
