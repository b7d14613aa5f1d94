package httpapi_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// TestGuide runs the commands of docs/http-api.md from top to bottom. Each must succeed, and say as much as the guide shows.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/http-api.md")
	if err != nil {
		t.Fatal(err)
	}
	ticket := func(context.Context, hubbub.Identity, time.Duration) (string, time.Time, error) {
		return "once", time.Now(), nil
	}
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}, api: httpapi.Options{IssueTicket: ticket}})
	s.sit(hubbub.Identity{User: "ann", Device: "phone", Platform: "ios"})
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```\n(?:\n```json\n(.*?)```)?").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 5 {
		t.Fatalf("the guide has only %d blocks", len(blocks))
	}
	for _, block := range blocks {
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", "curl() { command curl -sS --fail-with-body \"$@\"; }\n"+block[1])
		cmd.Env = append(os.Environ(), "API="+s.url+httpapi.Prefix, "KEY="+s.key)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v\n%s", block[1], err, out)
			continue
		}
		if shown := block[2]; shown != "" && fields(t, shown) != fields(t, string(out)) {
			t.Errorf("%s\nanswers\n%s\nand the guide shows\n%s", block[1], out, shown)
		}
	}
}

// fields are the names of the fields of each object that a text is made of.
func fields(t *testing.T, text string) string {
	t.Helper()
	var all []string
	for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
		var object map[string]json.RawMessage
		if err := d.Decode(&object); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		all = append(all, strings.Join(slices.Sorted(maps.Keys(object)), " "))
	}
	return strings.Join(all, "; ")
}
