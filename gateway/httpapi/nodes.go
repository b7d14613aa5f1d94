package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Node is a running gateway process.
type Node struct {
	Node     string  `json:"node" doc:"Its name, and something random that each start adds." example:"eu1-4QZK7MWB2T"`
	Version  string  `json:"version,omitempty" doc:"Of the program."`
	Started  int64   `json:"started,omitempty" doc:"In Unix milliseconds." example:"1767225600000"`
	Sessions int     `json:"sessions" doc:"That are open there."`
	Rooms    int     `json:"rooms" doc:"That those are in."`
	CPU      float64 `json:"cpu" doc:"Cores that it keeps busy." example:"0.4"`
	Memory   int64   `json:"memory" doc:"Bytes that it has from the system." example:"83886080"`
}

// Nodes is the reply to GET /nodes.
type Nodes struct {
	Nodes []Node `json:"nodes" nullable:"false" doc:"By name."`
}

// counting registers the call about nodes.
func (a *API) counting() {
	handle(a, Admin, huma.Operation{
		OperationID: "list-nodes", Method: http.MethodGet, Path: "/nodes", Tags: []string{"nodes"},
		Summary: "List the nodes that serve", Description: "What each has to do is some seconds old. A node that died is there until its lease has " +
			"run out, by default 10 seconds.",
	}, a.listNodes)
}

func (a *API) listNodes(ctx context.Context, _ *struct{}) (Nodes, error) {
	found, err := a.o.Hub.Nodes(ctx)
	if err != nil {
		return Nodes{}, err
	}
	out := Nodes{Nodes: make([]Node, 0, len(found))}
	for _, n := range found {
		out.Nodes = append(out.Nodes, Node{Node: n.Node, Version: n.Version, Started: millis(n.Started), Sessions: n.Sessions, Rooms: n.Rooms,
			CPU: n.CPU, Memory: n.Memory})
	}
	return out, nil
}
