package main

import (
	"os"

	"github.com/hubbub-dev/hubbub/gateway"
)

// sourceFlags are the flags of all commands that need a configuration.
type sourceFlags struct {
	Config string   `placeholder:"FILE" help:"YAML file with the configuration (default: $$HUBBUB_CONFIG, or hubbub.yaml if it is there)."`
	Set    []string `placeholder:"NAME=VALUE" sep:"none" help:"Set anything, for example --set heartbeat.ping=10s. May be repeated."`
}

// load puts the configuration together. flags are settings, as "key=value".
func (f *sourceFlags) load(flags ...string) (*gateway.LoadedConfig, error) {
	return gateway.Load(gateway.ConfigSources{File: f.Config, Environ: os.Environ(), Set: f.Set, Flags: flags})
}

// settingsFlags are those of the commands for which it matters how the gateway is reached, too.
type settingsFlags struct {
	sourceFlags
	Addr string `placeholder:"HOST:PORT" help:"Address to listen on (default :8080). Without a host: every address; with --dev, loopback only."`
	Dev  bool   `help:"Development mode: anyone may connect under any name, and the demo chat is at /."`
}

// load puts the configuration together.
func (f *settingsFlags) load() (*gateway.LoadedConfig, error) {
	var flags []string
	if f.Addr != "" {
		flags = append(flags, "addr="+f.Addr)
	}
	if f.Dev {
		flags = append(flags, "dev=true")
	}
	return f.sourceFlags.load(flags...)
}
