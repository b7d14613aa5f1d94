package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/gateway"
)

type nodesCommand struct {
	JSON bool `name:"json" help:"Print JSON, as the HTTP API answers."`
	apiFlags
}

// Help is printed by --help.
func (nodesCommand) Help() string {
	return `Lists the nodes that serve, with what each has to do, through the HTTP API of any of them. The API key needs the scope admin.

  hubbub nodes
  hubbub nodes --json | jq '.nodes[] | select(.sessions == 0)'

CPU is how many cores the node keeps busy. A node that died is in the list until its lease has run out (presence.lease).`
}

// Run makes the call.
func (c *nodesCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	api, err := c.api()
	if err != nil {
		return err
	}
	nodes, err := api.Nodes(ctx)
	if err != nil {
		return apiFailed(err)
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"nodes": nodes})
	}
	return printNodes(os.Stdout, nodes, time.Now())
}

// printNodes writes a table.
func printNodes(w io.Writer, nodes []client.Node, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tVERSION\tUP\tSESSIONS\tROOMS\tCPU\tMEMORY")
	sessions := 0
	for _, n := range nodes {
		up := "?"
		if !n.Started.IsZero() {
			up = max(now.Sub(n.Started.Time), 0).Round(time.Second).String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%.2f\t%v\n", n.Node, n.Version, up, n.Sessions, n.Rooms, n.CPU, gateway.Size(n.Memory>>20<<20))
		sessions += n.Sessions
	}
	if len(nodes) > 1 {
		fmt.Fprintf(table, "%d nodes\t\t\t%d\t\t\t\n", len(nodes), sessions)
	}
	return table.Flush() // its writer keeps the first error
}
