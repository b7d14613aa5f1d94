package main

import (
	"os"

	"github.com/hubbub-dev/hubbub/gateway"
)

// settingsFlags are the flags of all commands that need a configuration.
type settingsFlags struct {
	Config string   `placeholder:"FILE" help:"YAML file with the configuration (default: $$HUBBUB_CONFIG, or hubbub.yaml if it is there)."`
	Addr   string   `placeholder:"HOST:PORT" help:"Address to listen on (default :8080). Without a host: every address; with --dev, loopback only."`
	Dev    bool     `help:"Development mode: anyone may connect under any name, and the demo chat is at /."`
	Set    []string `placeholder:"NAME=VALUE" sep:"none" help:"Set anything, for example --set heartbeat.ping=10s. May be repeated."`
}

// load puts the configuration together.
func (f *settingsFlags) load() (*gateway.LoadedConfig, error) {
	s := gateway.ConfigSources{File: f.Config, Environ: os.Environ(), Set: f.Set}
	if f.Addr != "" {
		s.Flags = append(s.Flags, "addr="+f.Addr)
	}
	if f.Dev {
		s.Flags = append(s.Flags, "dev=true")
	}
	return gateway.Load(s)
}
