package hubbub

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// maxDirty is how many rooms may wait to be looked at. If there are more, all rooms are.
	maxDirty = 1 << 16
	// roomsAtOnce is how many are looked at together, so that they share a transaction.
	roomsAtOnce = 64
	// maxChanges is how often a room may have changed while it was looked at, before others get their turn.
	maxChanges = 8
)

// vacancies tells by [RoomChanged] which rooms somebody is in. What it goes by is not who comes and goes, but how many are there when
// it looks: a room that somebody came into or left is looked at again, and the store knows what was told of it last. So nothing
// is told twice or left out for good, even if the process dies or the store is away for a while. Of several nodes each looks at the rooms
// that its own decisions have filled or emptied, and again after it has told a change: whoever has told the last one has seen that it
// holds. All rooms are looked at by one of them, see reconciler.
type vacancies struct {
	hub  *Hub          // immutable
	wake chan struct{} // buffered; a room must be looked at

	mu    sync.Mutex
	dirty map[string]struct{} // rooms that must be looked at; at most maxDirty
	all   bool                // all rooms must be
}

// newVacancies returns nil if nobody wants to know.
func newVacancies(h *Hub) *vacancies {
	if h.o.Report == nil {
		return nil
	}
	v := &vacancies{hub: h, wake: make(chan struct{}, 1)}
	if h.shared == nil {
		v.noteAll() // what was told before the process began may be over
	}
	return v
}

// note has a room looked at, after somebody has come into it first or left it last.
func (v *vacancies) note(room string) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.dirty == nil {
		v.dirty = map[string]struct{}{}
	}
	if v.dirty[room] = struct{}{}; len(v.dirty) > maxDirty {
		v.dirty, v.all = nil, true
	}
	signal(v.wake)
}

func (v *vacancies) noteAll() {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dirty, v.all = nil, true
	signal(v.wake)
}

// keep looks at rooms until the hub is closed.
func (v *vacancies) keep() {
	for pause := firstPause; ; {
		select {
		case <-v.hub.context.Done():
			return
		case <-v.wake:
		}
		if err := v.look(v.hub.context); err != nil {
			v.hub.complain("tell which rooms somebody is in", err)
			if !v.hub.rest(&pause) {
				return
			}
			continue
		}
		pause = firstPause
	}
}

// look looks at the rooms that were noted. If that fails, those that are left are noted again.
func (v *vacancies) look(ctx context.Context) error {
	v.mu.Lock()
	dirty, all := v.dirty, v.all
	v.dirty, v.all = nil, false
	v.mu.Unlock()
	if all {
		if err := v.lookAtAll(ctx); err != nil {
			v.noteAll()
			return err
		}
	}
	rooms := make([]string, 0, len(dirty))
	for room := range dirty {
		rooms = append(rooms, room)
	}
	return v.lookAt(ctx, rooms)
}

// lookAtAll looks at the rooms that were told to be occupied, and at those that are.
func (v *vacancies) lookAtAll(ctx context.Context) error {
	for after := ""; ; {
		rooms, err := v.hub.store.OccupiedRooms(ctx, after, maxPage)
		if err != nil {
			return err
		}
		if len(rooms) == 0 {
			break
		}
		if err := v.lookAt(ctx, rooms); err != nil {
			return err
		}
		after = rooms[len(rooms)-1]
	}
	for after := ""; ; {
		page, err := v.hub.driver.Occupied(ctx, after, maxPage)
		if err != nil {
			return err
		}
		rooms := make([]string, len(page.Rooms))
		for i, r := range page.Rooms {
			rooms[i] = r.Room
		}
		if err := v.lookAt(ctx, rooms); err != nil || page.Next == "" {
			return err
		}
		after = page.Next
	}
}

// lookAt looks at each of the rooms, many at once, but one room never twice at the same time.
func (v *vacancies) lookAt(ctx context.Context, rooms []string) error {
	var failed []error
	for some := range slices.Chunk(rooms, roomsAtOnce) {
		errs := make([]error, len(some))
		var all sync.WaitGroup
		for i, room := range some {
			all.Go(func() {
				if errs[i] = v.lookInto(ctx, room); errs[i] != nil {
					v.note(room)
				}
			})
		}
		all.Wait()
		failed = append(failed, errors.Join(errs...))
	}
	return errors.Join(failed...)
}

// lookInto tells whether somebody is in a room, if that was not told last, until that is what it finds.
func (v *vacancies) lookInto(ctx context.Context, room string) error {
	for range maxChanges {
		if changed, err := v.tell(ctx, room); err != nil || !changed || v.hub.shared == nil {
			return err
		}
	}
	v.note(room)
	return nil
}

// tell tells whether somebody is in a room, if that was not told last, and returns whether it was not.
func (v *vacancies) tell(ctx context.Context, room string) (changed bool, err error) {
	page, err := v.hub.driver.Online(ctx, Filter{Room: room}, "", 1)
	if err != nil {
		return false, err
	}
	fact := RoomChanged{ID: rand.Text(), Room: room, Occupied: page.Total > 0, Time: time.Now()}
	items := v.hub.o.Report(fact)
	if vacated := (RoomChanged{ID: fact.ID, Room: room, Time: fact.Time}); fact.Occupied && len(items) == 0 && len(v.hub.o.Report(vacated)) == 0 {
		return false, nil // nobody wants to know of this room: save the transaction
	}
	return v.hub.store.SetOccupied(ctx, room, fact.Occupied, items)
}
