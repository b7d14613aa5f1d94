package bff_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// FuzzSimpleParams shows that what the quick way of reading params takes is read the same in the other way.
func FuzzSimpleParams(f *testing.F) {
	for _, text := range []string{`{"id":"7"}`, ` {"id":"7"}`, `{ "id" : "7" , "q":"é"}`, `{"id":"7"} `, `{"id":"7",}`, `{"id":"7"`, `{"id":7}`, `{"id":"\n"}`, "{\"id\":\"\n\"}",
		"{\"id\":\"\xff\"}", `{"x":"7"}`, `{"n":"7"}`, `{"id":"a","id":"b"}`, `{}`, `{"id":null}`, `{"id" "7"}`, `{"id":"a"}}`, "{\"id\"\x00:\"7\"}", `{"i\u0064":"7"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := bff.SimpleTexts(text)
		if !ok {
			return
		}
		var want map[string]string
		if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v, %v", text, got, want, err)
		}
	})
}
