package main_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/client"
)

func TestNodes(t *testing.T) {
	s := newShell(t)
	out, aside, code := s.run(t, "", "nodes")
	row := regexp.MustCompile(`(?m)^NODE +VERSION +UP +SESSIONS +ROOMS +CPU +MEMORY\nnode-\w{10}  +\S+ +\d+s +0 +0 +\d\.\d\d +\d+MiB\n$`)
	if code != 0 || !row.MatchString(out) {
		t.Errorf("nodes ends with %d and prints\n%s%s", code, out, aside)
	}
	out, aside, code = s.run(t, "", "nodes", "--json")
	var all struct{ Nodes []client.Node }
	if err := json.Unmarshal([]byte(out), &all); code != 0 || err != nil || len(all.Nodes) != 1 || !strings.HasPrefix(all.Nodes[0].Node, "node-") {
		t.Errorf("nodes --json ends with %d and prints\n%s%s", code, out, aside)
	}
	s.key = "hub_wrong"
	if _, aside, code := s.run(t, "", "nodes"); code != 3 || !strings.Contains(aside, "unauthorized") {
		t.Errorf("with a wrong key it ends with %d and says %q", code, aside)
	}
}
