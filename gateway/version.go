package gateway

import "runtime/debug"

// Version is the module's version as the go command recorded it, "(devel)" where it did not.
func Version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok || b.Main.Version == "" {
		return "(devel)"
	}
	return b.Main.Version
}
