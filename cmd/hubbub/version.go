package main

import (
	"fmt"
	"runtime"

	"github.com/hubbub-dev/hubbub/gateway"
)

type versionCommand struct{}

// Run prints the version and what it was built with and for, on one line.
func (versionCommand) Run() error {
	fmt.Printf("hubbub %s %s %s/%s\n", gateway.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
