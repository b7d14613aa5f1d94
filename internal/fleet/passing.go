package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// What follows is passed on to what is in memory.

// Append implements [hubbub.Log].
func (d *Driver) Append(ctx context.Context, draft hubbub.Draft) (r hubbub.Appended, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Append(ctx, draft)
}

// After implements [hubbub.Log].
func (d *Driver) After(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (r hubbub.Page, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.After(ctx, s, p, limit)
}

// Before implements [hubbub.Log].
func (d *Driver) Before(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (r hubbub.Page, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Before(ctx, s, p, limit)
}

// Trim implements [hubbub.Log].
func (d *Driver) Trim(ctx context.Context, limit int) (r bool, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Trim(ctx, limit)
}

// Conversations implements [hubbub.Conversations].
func (d *Driver) Conversations(ctx context.Context, user, before string, limit int) (r hubbub.ConversationPage, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Conversations(ctx, user, before, limit)
}

// MarkRead implements [hubbub.Conversations].
func (d *Driver) MarkRead(ctx context.Context, user string, s hubbub.Stream, p hubbub.Position) (r bool, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.MarkRead(ctx, user, s, p)
}

// Revoked implements [hubbub.Revocations].
func (d *Driver) Revoked(ctx context.Context, s hubbub.SessionRecord) (r bool, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Revoked(ctx, s)
}

// Unblock implements [hubbub.Revocations].
func (d *Driver) Unblock(ctx context.Context, user string) (r bool, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Unblock(ctx, user)
}

// Presences implements [hubbub.Directory].
func (d *Driver) Presences(ctx context.Context, users []string) (r []hubbub.Presence, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Presences(ctx, users)
}

// Count implements [hubbub.Directory].
func (d *Driver) Count(ctx context.Context) (r hubbub.Counts, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Count(ctx)
}

// Online implements [hubbub.Directory].
func (d *Driver) Online(ctx context.Context, f hubbub.Filter, after string, limit int) (r hubbub.PresencePage, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Online(ctx, f, after, limit)
}

// SessionsOf implements [hubbub.Directory].
func (d *Driver) SessionsOf(ctx context.Context, user string) (r []hubbub.SessionRecord, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.SessionsOf(ctx, user)
}

// Occupied implements [hubbub.Occupancy].
func (d *Driver) Occupied(ctx context.Context, after string, limit int) (r hubbub.RoomPage, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Occupied(ctx, after, limit)
}

// Erase implements [hubbub.Eraser].
func (d *Driver) Erase(ctx context.Context, user string) (r bool, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return r, err
	}
	return to.Erase(ctx, user)
}

// Revoke implements [hubbub.Revocations].
func (d *Driver) Revoke(ctx context.Context, r hubbub.Revocation) error {
	to, err := d.at(ctx)
	if err != nil {
		return err
	}
	return to.Revoke(ctx, r)
}

// Blocked implements [hubbub.Revocations].
func (d *Driver) Blocked(ctx context.Context, user string) (blocked bool, until time.Time, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return false, time.Time{}, err
	}
	return to.Blocked(ctx, user)
}

// Enter implements [hubbub.Occupancy].
func (d *Driver) Enter(ctx context.Context, room, user, session string) (first bool, count int, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return false, 0, err
	}
	first, count, err = to.Enter(ctx, room, user, session)
	if err == nil {
		d.fleet.mu.Lock()
		defer d.fleet.mu.Unlock()
		if rooms := d.fleet.rooms; !slices.Contains(rooms[session], room) {
			rooms[session] = append(rooms[session], room)
		}
	}
	return first, count, err
}

// Leave implements [hubbub.Occupancy].
func (d *Driver) Leave(ctx context.Context, room, user, session string) (last bool, count int, err error) {
	to, err := d.at(ctx)
	if err != nil {
		return false, 0, err
	}
	last, count, err = to.Leave(ctx, room, user, session)
	if err == nil {
		d.fleet.mu.Lock()
		defer d.fleet.mu.Unlock()
		same := func(name string) bool { return name == room }
		d.fleet.rooms[session] = slices.DeleteFunc(d.fleet.rooms[session], same)
	}
	return last, count, err
}
