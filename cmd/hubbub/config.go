package main

import (
	"fmt"

	"github.com/hubbub-dev/hubbub/gateway"
)

type configCommand struct {
	Check     configCheck     `cmd:"" help:"Say ok, or everything that is wrong, with lines."`
	Show      configShow      `cmd:"" help:"Print what is in effect and where each value was set, without secrets."`
	Default   configDefault   `cmd:"" help:"Print a file with every setting, its description and its default."`
	Reference configReference `cmd:"" hidden:"" help:"Print the reference of docs/configuration.md."`
}

type configCheck struct{ settingsFlags }

// Run finds all that would keep the gateway from starting, short of opening its ports.
func (c *configCheck) Run() error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	if err := loaded.Verify(); err != nil {
		return err
	}
	fmt.Println("ok")
	return nil
}

type configShow struct{ settingsFlags }

// Run prints a configuration that is well-formed, even if nobody could sign in with it.
func (c *configShow) Run() error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	fmt.Print(loaded.Show())
	return nil
}

type configDefault struct{}

// Run prints the commented file.
func (configDefault) Run() error {
	fmt.Print(gateway.DefaultConfigFile())
	return nil
}

type configReference struct{}

// Run prints the reference.
func (configReference) Run() error {
	fmt.Print(gateway.ConfigReference())
	return nil
}
