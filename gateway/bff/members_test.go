package bff_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// FuzzMembers holds that members are those of encoding/json.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, ` { } `, `{"a":1}`, `{"a" : "x,\"}" , "b":[1,{"c":"]"}] }`, `{"":null,"\u0061\"":-1.5e3}`, `{"a":{},"a":[]}`, `{"{":"\\"}`, `{"\\":",\\"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		if len(text) == 0 || text[0] != '{' || !json.Valid(text) || !utf8.Valid(text) {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]json.RawMessage{}
		err := bff.EachMember(text, func(name string, value json.RawMessage) error {
			got[name] = value
			return nil
		})
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: got %q, want %q, %v", text, got, want, err)
		}
		for name := range want {
			if !bytes.Equal(got[name], want[name]) {
				t.Fatalf("%s: %q is %q, want %q", text, name, got[name], want[name])
			}
		}
	})
}
