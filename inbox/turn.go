package inbox

import (
	"context"
	"sync"
)

// turns lets those who mark notices of one user do it one after the other. What is made of announcements depends on what was made
// before; and a mark takes many steps, of which those of another one in the opposite direction would make new work without end.
// Marks of different users do not wait for each other.
type turns struct {
	mu    sync.Mutex
	users map[string]*turn // of those who mark something now
}

type turn struct {
	free chan struct{} // holds a token while nobody has the turn
	uses int           // by who has it and who waits; guarded by mu of turns
}

// take waits for the turn of a user until ctx ends, whose error it returns then. Otherwise done must be called.
func (t *turns) take(ctx context.Context, user string) (done func(), err error) {
	mine := t.enter(user)
	select {
	case <-mine.free:
		return func() {
			mine.free <- struct{}{}
			t.leave(user, mine)
		}, nil
	case <-ctx.Done():
		t.leave(user, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) enter(user string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users == nil {
		t.users = make(map[string]*turn)
	}
	mine := t.users[user]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.users[user] = mine
	}
	mine.uses++
	return mine
}

func (t *turns) leave(user string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.uses--; mine.uses == 0 {
		delete(t.users, user)
	}
}
