package gateway_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain has property tests try fewer cases than rapid would: each of them takes a real server's time. -rapid.checks overrides it.
func TestMain(m *testing.M) {
	checks := flag.Lookup("rapid.checks")
	if err := checks.Value.Set("20"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}
