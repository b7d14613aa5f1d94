package hubbub

import (
	"context"
	"runtime/metrics"
	"time"
)

// tally is what a node says of itself when it renews its lease. The hub's mu guards it.
type tally struct {
	last NodeStatus    // what was said last
	busy time.Duration // CPU time that the process had taken then
	at   time.Time
}

// status says how the node is now, and what has changed since it was asked last.
func (h *Hub) status() NodeStatus {
	sessions, rooms := h.Len(), h.Rooms()
	now, busy := time.Now(), cpuTime()
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &h.tally
	s := NodeStatus{Node: h.node, Version: h.o.Version, Started: h.started, Sessions: sessions, Rooms: rooms, Memory: memory(), CPU: t.last.CPU}
	if passed := now.Sub(t.at); passed > 0 {
		s.CPU = (busy - t.busy).Seconds() / passed.Seconds()
	}
	t.last, t.busy, t.at = s, busy, now
	return s
}

// memory is how many bytes the process has from the system.
func memory() int64 {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(all)
	for _, s := range all {
		if s.Value.Kind() != metrics.KindUint64 {
			return 0
		}
	}
	return int64(all[0].Value.Uint64() - all[1].Value.Uint64())
}

// Nodes lists the nodes that live, in ascending order of their names, each as it said when it renewed its lease last. With a driver that
// is not [Shared] this node is the only one.
func (h *Hub) Nodes(ctx context.Context) ([]NodeStatus, error) {
	if h.shared != nil {
		return h.shared.Nodes(ctx)
	}
	sessions, rooms := h.Len(), h.Rooms()
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.tally.last
	s.Sessions, s.Rooms = sessions, rooms
	return []NodeStatus{s}, nil
}
