package client

import (
	"context"
	"net/http"
)

// Node is a running gateway process, and what it had to do some seconds ago.
type Node struct {
	Node     string  `json:"node"` // its name, and something random that each start adds
	Version  string  `json:"version,omitempty"`
	Started  Time    `json:"started,omitzero"`
	Sessions int     `json:"sessions"`
	Rooms    int     `json:"rooms"`  // that its sessions are in
	CPU      float64 `json:"cpu"`    // cores that it keeps busy
	Memory   int64   `json:"memory"` // bytes that it has from the system
}

// Nodes lists the nodes that serve, by name.
func (a API) Nodes(ctx context.Context) ([]Node, error) {
	var reply struct {
		Nodes []Node `json:"nodes"`
	}
	err := a.call(ctx, http.MethodGet, path("nodes"), nil, &reply)
	return reply.Nodes, err
}
