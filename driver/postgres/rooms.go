package postgres

import (
	"context"
	"fmt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// SetOccupied implements [hubbub.RoomStates]. Those who tell it of the same room wait for each other, so that nobody takes a change for
// none because another one, which is the opposite, is not committed yet.
func (s *Store) SetOccupied(ctx context.Context, room string, occupied bool, items []hubbub.OutboxItem) (changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockRoomState(ctx, room); err != nil {
			return err
		}
		set := q.VacateRoom
		if occupied {
			set = q.OccupyRoom
		}
		n, err := set(ctx, room)
		if changed = n > 0; err != nil || !changed {
			return err
		}
		return putItems(ctx, q, items, s.o.Now())
	})
	if err != nil {
		return false, fmt.Errorf("remember whether the room %q is occupied: %w", room, err)
	}
	return changed, nil
}

// OccupiedRooms implements [hubbub.RoomStates].
func (s *Store) OccupiedRooms(ctx context.Context, after string, limit int) (rooms []string, err error) {
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) error {
		rooms, err = q.RoomsAfter(ctx, db.RoomsAfterParams{After: after, Most: int64(max(0, limit))})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the occupied rooms: %w", err)
	}
	return rooms, nil
}
