package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/hubbub-dev/hubbub/gateway"
)

type serveCommand struct {
	settingsFlags
}

// Run serves until SIGINT or SIGTERM, then ends every conn in order. A second signal ends the process at once.
func (c *serveCommand) Run() error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	tuneCollector()
	cfg := loaded.Config
	cfg.Logger = gateway.NewLogger(cfg.Log)
	g, err := gateway.New(cfg)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := g.Listen(ctx)
	if err != nil {
		return err
	}
	if cfg.Dev {
		announce(g, l.Addr())
	} else {
		cfg.Logger.Info("hubbub is serving", "version", gateway.Version(), "node", g.Node(), "url", g.URL(l.Addr()), "addr", l.Addr().String())
	}
	defer context.AfterFunc(ctx, func() {
		stop()
		if cfg.Dev {
			fmt.Fprintln(os.Stderr, "hubbub: shutting down; press Ctrl-C again to end at once")
		}
	})()
	if err := g.Serve(ctx, l); err != nil {
		return err
	}
	if !cfg.Dev {
		cfg.Logger.Info("hubbub has ended", "node", g.Node())
	}
	return nil
}

// announce says where to go, and what development mode means for whoever can reach the address.
func announce(g *gateway.Gateway, a net.Addr) {
	reach := "Only this machine can connect."
	if gateway.Exposed(a) {
		reach = "OTHER MACHINES CAN CONNECT: it listens on " + a.String() + "."
	}
	data := "in memory, lost when the server ends (store.path is off)"
	if place := g.StorePlace(); place != "" {
		data = place
	}
	if path := g.StorePath(); path != "" {
		data = path + "  (it lasts; to begin anew stop the server and rm " + filepath.Base(path) + "*)"
	}
	fmt.Fprintf(os.Stderr, "\n  hubbub, DEVELOPMENT MODE: anyone may connect under any name. %s\n\n  Open  %s\n\n"+
		"  Key   %s  (for backends, this time only: Authorization: Bearer …)\n\n  Data  %s\n\n", reach, g.URL(a), g.DevKey(), data)
}
