package hubbub_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestAShorterBlockThatFails has the store fail in the middle of changing a block: the old one holds, also after a restart.
func TestAShorterBlockThatFails(t *testing.T) {
	path := storeFile(t)
	store := &unkept{Store: openMoody(t, path).Store}
	h := start(t, hubbub.Options{Store: store})
	if _, err := h.Block(t.Context(), "ann", time.Time{}); err != nil {
		t.Fatal(err)
	}
	store.broken = true
	if _, err := h.Block(t.Context(), "ann", time.Now().Add(time.Hour)); !errors.Is(err, errFull) {
		t.Errorf("the block that fails: %v", err)
	}
	if blocked, until, err := h.Blocked(t.Context(), "ann"); !blocked || !until.IsZero() || err != nil {
		t.Errorf("blocked: %v until %v, %v", blocked, until, err)
	}
	if rs, _, err := store.KeptRevocations(t.Context(), "", 10); len(rs) != 1 || !rs[0].Until.IsZero() || err != nil {
		t.Errorf("kept is %+v, %v", rs, err)
	}
}

// unkept is a store that keeps no revocation when it is broken.
type unkept struct {
	*sqlite.Store
	broken bool
}

func (u *unkept) KeepRevocation(ctx context.Context, r hubbub.Revocation) error {
	if u.broken {
		return errFull
	}
	return u.Store.KeepRevocation(ctx, r)
}

func (u *unkept) KeepBlock(ctx context.Context, user string, until time.Time) error {
	if u.broken {
		return errFull
	}
	return u.Store.KeepBlock(ctx, user, until)
}
