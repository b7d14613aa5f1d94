package hook_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/hook"
)

// FuzzAnswer shows that what is taken from an answer is fit for others, and that nobody becomes somebody else.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{`{}`, `null`, `{"allow":true}`, `{"allow":false,"reason":"unauthorized","message":"no\u0000"}`, `{"allow":true,"data":[1,"a"]}`,
		`{"allow":true,"user":"bob","device":"d","platform":"ios","info":{"a":1},"attrs":{"a":1,"b":"c","d":false},"rooms":{"join":["*"]},"expires":4102444800000}`,
		`{"allow":true,"allow":false}`, `{"ALLOW":true}`, `{"allow":true,"data":null,"expires":-1}`, `{"allow":true,"attrs":{"a":null}}`,
		`{"allow":false,"message":"` + strings.Repeat("é", 200) + `"}`} {
		f.Add([]byte(body), true)
		f.Add([]byte(body), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, known bool) {
		var id *hubbub.Identity
		if known {
			one := ann
			id = &one
		}
		allow, refusal, data, who, err := hook.Decode(body, id)
		if allow && !json.Valid(body) || !utf8.Valid(body) && (allow || err == nil) {
			t.Fatalf("%q is taken for an answer", body)
		}
		if refusal != nil {
			e := hubbub.AsError(refusal)
			if e.Reason != hubbub.Forbidden && e.Reason != hubbub.Unauthorized || e.Message == "" || len(e.Message) > 300 ||
				!utf8.ValidString(e.Message) || strings.ContainsFunc(e.Message, unicode.IsControl) {
				t.Fatalf("refused by %#v", e)
			}
		}
		if data != nil && (!json.Valid(data) || !utf8.Valid(data)) {
			t.Fatalf("would send %q", data)
		}
		if !allow || err != nil {
			return
		}
		if err := who.Check(); err != nil {
			t.Fatalf("would let in %+v: %v", who, err)
		}
		if known && (who.User != ann.User || who.Device != ann.Device || who.Platform != ann.Platform || who.Expires.After(ann.Expires)) {
			t.Fatalf("ann has become %+v", who)
		}
	})
}
