package hook_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/hook"
)

func TestConnectAsksWhatTheRuleLists(t *testing.T) {
	d := &decider{answer: says(`{"allow": true, "user": "ann"}`)}
	h := d.hooks(t, hook.Rule{On: hook.OnConnect, Headers: []string{"cookie", "X-Shop", "X-Absent"}})
	c := hook.Connection{Header: http.Header{"Cookie": {"a=b", "c=d"}, "X-Shop": {"7"}, "Authorization": {"Bearer hunter2"}},
		Query: url.Values{"lang": {"de"}}, Path: "/ws", Address: "203.0.113.7"}
	if _, err := h.Connect(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	got, _ := d.last()
	const nobody = `{"address":"203.0.113.7","headers":{"Cookie":["a=b","c=d"],"X-Shop":["7"]},"hook":"connect","path":"/ws","query":{"lang":["de"]}}`
	if got != nobody {
		t.Errorf("asked %s\nwant  %s", got, nobody)
	}
	if d.header.Get("Hubbub-User") != "" || d.header.Get("Cookie") != "" {
		t.Errorf("asked with %v", d.header)
	}
	id := ann
	id.Rooms.Join = []string{"shop-*"}
	if _, err := h.Connect(t.Context(), hook.Connection{Identity: &id}); err != nil {
		t.Fatal(err)
	}
	got, _ = d.last()
	const known = `{"address":"","headers":{},"hook":"connect","identity":{"attrs":{"plan":"pro"},"device":"d1","expires":4102444800000,"info":{"name":"Ann"},` +
		`"platform":"web","rooms":{"join":["shop-*"]},"user":"ann"},"path":"","query":{}}`
	if got != known {
		t.Errorf("asked %s\nwant  %s", got, known)
	}
	if d.header.Get("Hubbub-User") != "ann" {
		t.Errorf("asked with %v", d.header)
	}
}

// TestConnectAnswers shows what a backend may say of somebody who has been signed in, who is anonymous, and whom nobody knows.
func TestConnectAnswers(t *testing.T) {
	guest := hubbub.Identity{User: "guest-1", Anonymous: true}
	bare := hubbub.Identity{User: "ann"}
	for name, c := range map[string]struct {
		known *hubbub.Identity
		body  string
		want  *hubbub.Identity // nil means that it is a failure
	}{
		"known, no more":       {&ann, `{"allow":true}`, &ann},
		"known, repeated":      {&ann, `{"allow":true,"user":"ann","device":"d1","platform":"web"}`, &ann},
		"known, all new":       {&ann, `{"allow":true,"info":{"name":"A"},"attrs":{"plan":"free","n":7,"b":true},"rooms":{"join":["a"],"send":["b*"]},"expires":4102444799000}`, &hubbub.Identity{User: "ann", Device: "d1", Platform: "web", Info: json.RawMessage(`{"name":"A"}`), Attrs: map[string]string{"plan": "free", "n": "7", "b": "true"}, Rooms: hubbub.Permissions{Join: []string{"a"}, Send: []string{"b*"}}, Expires: time.UnixMilli(4102444799000), Issued: ann.Issued}},
		"known, nulls":         {&ann, `{"allow":true,"user":null,"info":null,"attrs":null,"rooms":null,"expires":null}`, &ann},
		"known, not longer":    {&ann, `{"allow":true,"expires":4102444801000}`, &ann},
		"known, filled up":     {&bare, `{"allow":true,"device":"d2","platform":"ios"}`, &hubbub.Identity{User: "ann", Device: "d2", Platform: "ios"}},
		"known, another user":  {&ann, `{"allow":true,"user":"root"}`, nil},
		"known, other device":  {&ann, `{"allow":true,"device":"d2"}`, nil},
		"known, platform":      {&ann, `{"allow":true,"platform":"ios"}`, nil},
		"anonymous":            {&guest, `{"allow":true}`, &guest},
		"anonymous, named":     {&guest, `{"allow":true,"user":"bob"}`, &hubbub.Identity{User: "bob", Issued: time.Now()}},
		"nobody, named":        {nil, `{"allow":true,"user":"bob","device":"d3","expires":4102444800000}`, &hubbub.Identity{User: "bob", Device: "d3", Expires: ann.Expires, Issued: time.Now()}},
		"nobody, still":        {nil, `{"allow":true}`, nil},
		"nobody, odd name":     {nil, `{"allow":true,"user":"a b"}`, nil},
		"nobody, long name":    {nil, `{"allow":true,"user":"` + strings.Repeat("x", 129) + `"}`, nil},
		"user of a wrong type": {nil, `{"allow":true,"user":7}`, nil},
		"info is a list":       {&ann, `{"allow":true,"info":[]}`, nil},
		"info is too long":     {&ann, `{"allow":true,"info":{"a":"` + strings.Repeat("x", 2048) + `"}}`, nil},
		"attrs in attrs":       {&ann, `{"allow":true,"attrs":{"a":{}}}`, nil},
		"attrs without end":    {&ann, `{"allow":true,"attrs":{"a":"` + strings.Repeat("x", 16<<10) + `"}}`, nil},
		"rooms are a word":     {&ann, `{"allow":true,"rooms":"all"}`, nil},
		"ended already":        {&ann, `{"allow":true,"expires":1772366400}`, nil},
		"ends at a word":       {&ann, `{"allow":true,"expires":"tomorrow"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := &decider{answer: says(c.body)}
			var before hubbub.Identity
			if c.known != nil {
				before = *c.known
				before.Info = append(json.RawMessage(nil), c.known.Info...)
			}
			got, err := d.hooks(t, hook.Rule{On: hook.OnConnect}).Connect(t.Context(), hook.Connection{Identity: c.known})
			if c.want == nil {
				want(t, err, hubbub.Unavailable, "whether you may connect cannot be found out right now; try again")
			} else {
				if since := time.Since(got.Issued); c.want.Issued.Year() > 2000 && !got.Issued.Equal(c.want.Issued) && (since < 0 || since > time.Minute) {
					t.Errorf("issued %s", got.Issued)
				}
				got.Issued = c.want.Issued
				if err != nil || !reflect.DeepEqual(got, *c.want) {
					t.Errorf("got  %+v, %v\nwant %+v", got, err, *c.want)
				}
			}
			if c.known != nil && !reflect.DeepEqual(before, *c.known) {
				t.Errorf("the identity was changed to %+v", *c.known)
			}
			// With on_failure allow those who are known come in as they are, and others do not.
			got, err = d.hooks(t, hook.Rule{On: hook.OnConnect, OnFailure: hook.Allow}).Connect(t.Context(), hook.Connection{Identity: c.known})
			switch {
			case c.want == nil && c.known == nil:
				want(t, err, hubbub.Unavailable, "")
			case c.want == nil && (err != nil || !reflect.DeepEqual(got, *c.known)):
				t.Errorf("got %+v, %v, want who is known", got, err)
			}
		})
	}
}

func TestConnectRefused(t *testing.T) {
	d := &decider{answer: says(`{"allow": false, "reason": "unauthorized", "message": "the cookie is old"}`)}
	h := d.hooks(t, hook.Rule{On: hook.OnConnect, OnFailure: hook.Allow})
	_, err := h.Connect(t.Context(), hook.Connection{Identity: &ann})
	want(t, err, hubbub.Unauthorized, "the cookie is old")
}

func TestConnectWithoutRule(t *testing.T) {
	h, err := hook.New(hook.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Connect(t.Context(), hook.Connection{Identity: &ann}); err != nil || !reflect.DeepEqual(got, ann) {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = h.Connect(t.Context(), hook.Connection{})
	want(t, err, hubbub.Unauthorized, "")
}
