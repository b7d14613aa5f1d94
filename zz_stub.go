package hubbub

import "context"

// Nodes will be another branch's.
func (h *Hub) Nodes(ctx context.Context) ([]NodeStatus, error) {
	return []NodeStatus{{Node: h.node, Sessions: h.Len(), Rooms: h.Rooms()}}, nil
}
