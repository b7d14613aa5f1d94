//go:build !linux

package sqlite_test

// runChild tells that there is nothing else that a test may start this program for.
func runChild(string) bool { return false }
