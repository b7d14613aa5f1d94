package testkit

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
)

// WithShared is tests with something that all of them share. It is for goleak.VerifyTestMain, which then finds nothing of it left.
type WithShared struct {
	M *testing.M
	// Setup starts what is shared, before all tests. What it cleans up, as Redis does, is cleaned up after them.
	Setup func(t testing.TB)
}

// Run starts what is shared, runs the tests, and ends what is shared.
func (w WithShared) Run() (code int) {
	t := &wholeRun{}
	defer t.end()
	w.Setup(t)
	t.code = w.M.Run()
	return t.code
}

// wholeRun is a testing.TB of no test, but of all of a binary. It has what the functions of this package use; everything else panics.
type wholeRun struct {
	testing.TB
	cleanups []func()
	code     int
}

func (t *wholeRun) Helper()                  {}
func (t *wholeRun) Name() string             { return "TestMain" }
func (t *wholeRun) Failed() bool             { return t.code != 0 }
func (t *wholeRun) Context() context.Context { return context.Background() }
func (t *wholeRun) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }
func (t *wholeRun) Logf(f string, a ...any)  { fmt.Fprintf(os.Stderr, f+"\n", a...) }
func (t *wholeRun) Fatal(a ...any)           { t.Fatalf("%s", fmt.Sprintln(a...)) }

// Fatalf ends the process: there are no tests without what they share.
func (t *wholeRun) Fatalf(format string, a ...any) {
	t.Logf(format, a...)
	t.end()
	os.Exit(1)
}

func (t *wholeRun) TempDir() string {
	dir, err := os.MkdirTemp("", "testmain")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (t *wholeRun) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
	t.cleanups = nil
}
