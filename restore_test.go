package hubbub_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// absent is a store that does not answer what was revoked while it is away.
type absent struct {
	*archive
	away bool
}

func (a *absent) KeptRevocations(ctx context.Context, after string, limit int) ([]hubbub.Revocation, string, error) {
	a.mu.Lock()
	away := a.away
	a.mu.Unlock()
	if away {
		<-ctx.Done()
		return nil, "", ctx.Err()
	}
	return a.archive.KeptRevocations(ctx, after, limit)
}

// TestSessionsAreRestoredWhileTheStoreIsAway: otherwise their users would be taken for offline meanwhile.
func TestSessionsAreRestoredWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &absent{archive: newArchive()}
		f, a, b := nodes(t, hubbub.Options{Store: store, Grace: grace})
		ann, bob := open(t, a.Hub, "ann"), open(t, b.Hub, "bob")
		pass(time.Second)
		store.mu.Lock()
		store.away, store.revoked, store.blocks["bob"] = true, []hubbub.Revocation{{User: "bob"}}, time.Time{}
		store.mu.Unlock()
		f.Empty()
		pass(lease)
		if len(a.sessions(t, "ann")) != 1 || len(a.sessions(t, "bob")) != 1 {
			t.Errorf("the registry knows %q and %q while the store is away", a.sessions(t, "ann"), a.sessions(t, "bob"))
		}
		store.mu.Lock()
		store.away = false
		store.mu.Unlock()
		pass(2 * lease)
		if ann.closed() != "" || bob.closed() != hubbub.EndRevoked {
			t.Errorf("closed are %q and %q", ann.closed(), bob.closed())
		}
	})
}
