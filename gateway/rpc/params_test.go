package rpc_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// FuzzInboxParams checks that what is read of params is within the limits, and is read again from what it says.
func FuzzInboxParams(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"state":"read","ids":["n1","n2"]}`, `{"state":"unread","category":"orders","until":1767225600000}`,
		`{"state":"seen","all":true,"until":0}`, `{"state":"seen","all":true,"until":9007199254740991}`, `{"state":"read","until":1e309,"all":true}`,
		`{"state":"unread","category":"orders","before":"MTc2NzIyNTYwMDAwMC5uMQ","limit":50}`, `{"category":"\u0000"}`, `{"state":"\ud800"}`,
		`{"state":"read","ids":["\ud800","\"","\\"]}`, `{"state":"read","ids":[["n"]]}`, `{"st\u0061te":"read","\u0069ds":["n"]}`,
		`{"state":"read","ids":[` + strings.Repeat(`"n",`, 1000) + `"n"]}`, `{"state":"read","all":true,"all":true}`, `{"limit":18446744073709551617}`,
		`{"state":"read","ids":["n",null]}`, `{"before":""}`, `{"until":-0,"state":"read","all":true}`, `{"state":"read","ids":[],"all":true}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, params string) {
		if !utf8.ValidString(params) {
			return // package ws does not let it through
		}
		if q, ok := rpc.Query(params); ok {
			if len(q.Category) > 128 || len(q.State) > 64 || len(q.Before) > 1024 || q.Limit < 0 || q.Limit > 1000 {
				t.Fatalf("%s is read as %+v", params, q)
			}
		}
		m, ok := rpc.Mark(params)
		if !ok {
			return
		}
		if m.State == "" || len(m.State) > 64 || len(m.IDs) > 1000 || m.IDs != nil && len(m.IDs) == 0 || len(m.Category) > 128 {
			t.Fatalf("%s is read as %+v", params, m)
		}
		said := map[string]any{"state": m.State, "all": m.All, "ids": m.IDs}
		if m.Category != "" {
			said["category"] = m.Category
		}
		if !m.Until.IsZero() {
			said["until"] = m.Until.UnixMilli()
		}
		text, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		if again, ok := rpc.Mark(string(text)); !ok || !reflect.DeepEqual(again, m) {
			t.Fatalf("%s is read as %+v, and %s as %+v", params, m, text, again)
		}
	})
}
