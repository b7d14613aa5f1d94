package drivertest

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
)

func modelLog(*testing.T, func(*testing.T, *Clock) hubbub.Driver)      {}
func modelRegistry(*testing.T, func(*testing.T, *Clock) hubbub.Driver) {}
