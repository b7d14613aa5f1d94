package rpc_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

func TestDecode(t *testing.T) {
	for frame, want := range map[string]rpc.Request{
		`{"method":"ping"}`:                             {"", "ping", ""},
		`{"id":1,"method":"ping","params":{}}`:          {"1", "ping", "{}"},
		`{"id":"a","method":"ping","params":null}`:      {`"a"`, "ping", ""},
		` {"jsonrpc":"2.0","id":-1.5e+3,"method":"x"} `: {"-1.5e+3", "x", ""},
		`{"m\u0065thod":"p\u0069ng","\u0069d":2}`:       {"2", "ping", ""},
		`{"method":"x","other":[1,{"a":[]}],"id":3}`:    {"3", "x", ""},
		`{"params":{"a":{"b":[true]}},"method":"x"}`:    {"", "x", `{"a":{"b":[true]}}`},
		`{"jsonrpc":null,"method":"x"}`:                 {"", "x", ""},
	} {
		got, code := rpc.Decode([]byte(frame))
		if code != 0 || got != want {
			t.Errorf("%s: %+v, code %d; want %+v", frame, got, code, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := func(levels int) string { // of arrays within the request, its params and the array's member
		return `{"id":1,"method":"x","params":{"a":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}}`
	}
	for _, c := range []struct {
		frame string
		code  int
		id    string
	}{
		{``, -32700, ""},
		{` `, -32700, ""},
		{`{`, -32700, ""},
		{`{"id":1,"method":"x"`, -32700, ""},
		{`{"id":1,"method":"x"}}`, -32700, ""},
		{`{"id":1,"method":"x"} {"id":2,"method":"x"}`, -32700, ""},
		{`{"id":1,"method":"x",}`, -32700, ""},
		{`{"id":01,"method":"x"}`, -32700, ""},
		{`{"id":1,"method":"\x"}`, -32700, ""},
		{"{\"id\":1,\"method\":\"a\nb\"}", -32700, ""},
		{"{\"id\":1,\"method\":\"x\",\"params\":{\"data\":\"\\u\x10\x11\x12\x19\"}}", -32700, ""}, // they differ from digits by one bit
		{`{"id":1,"method":"x","params":{"data":"\u00g0"}}`, -32700, ""},
		{`{"id":1,"method":"x","params":{"data":"\u00"}}`, -32700, ""},
		{`{'id':1}`, -32700, ""},
		{`hello`, -32700, ""},
		{`[`, -32700, ""},
		{`[]`, -32600, ""},
		{`[{"id":1,"method":"ping"}]`, -32600, ""},
		{`"ping"`, -32600, ""},
		{`1`, -32600, ""},
		{`null`, -32600, ""},
		{`{}`, -32600, ""},
		{`{"id":1}`, -32600, "1"},
		{`{"id":1,"method":1}`, -32600, "1"},
		{`{"id":1,"method":""}`, -32600, "1"},
		{`{"id":1,"method":null}`, -32600, "1"},
		{`{"id":1,"result":{}}`, -32600, "1"},
		{`{"id":1,"jsonrpc":"1.0","method":"x"}`, -32600, "1"},
		{`{"id":null,"method":"x"}`, -32600, ""},
		{`{"id":true,"method":"x"}`, -32600, ""},
		{`{"id":{},"method":"x"}`, -32600, ""},
		{`{"id":[1],"method":"x"}`, -32600, ""},
		{`{"id":"` + strings.Repeat("a", 63) + `","method":"x"}`, -32600, ""},
		{`{"id":` + strings.Repeat("1", 65) + `,"method":"x"}`, -32600, ""},
		{`{"id":1,"id":1,"method":"x"}`, -32600, ""},
		{`{"id":1,"method":"x","method":"x"}`, -32600, ""},
		{`{"id":1,"method":"x","params":{},"params":{}}`, -32600, ""},
		{deep(31), -32600, ""},
		{strings.Repeat("[", 100000), -32600, ""},
		{strings.Repeat(`{"a":`, 100000), -32600, ""},
		{`{"id":1,"method":"x","params":[]}`, -32602, "1"},
		{`{"id":1,"method":"x","params":"a"}`, -32602, "1"},
		{`{"id":1,"method":"x","params":1}`, -32602, "1"},
	} {
		got, code := rpc.Decode([]byte(c.frame))
		if code != c.code || got.ID != c.id {
			t.Errorf("%.60s: code %d, id %s; want code %d, id %s", c.frame, code, got.ID, c.code, c.id)
		}
	}
	if _, code := rpc.Decode([]byte(deep(30))); code != 0 {
		t.Errorf("32 levels are refused with %d", code)
	}
}

// FuzzDecode checks that the decoder knows JSON as encoding/json does, and that what it has read it reads again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"room.send","params":{"room":"lobby","data":{"text":"\u00e9\n"},"echo":false}}`,
		`{"id":"\ud800","method":"a\"b","params":{"since":{"epoch":"e","offset":17}}}`,
		`[{"id":1}]`, `{"id":-0.1E-7,"method":"x","params":null}`, `{"id":1,"id":2}`, `{"a":tru}`, `nul`, `"\u12g4"`, `{"":{}}x`,
		strings.Repeat(`{"params":`, 40), `{"params":{"a":1,"a":[{}]},"params":[],"method":"x"}`, "\ufeff{}", "{\"id\":1e5}\n",
		"{\"a\":\"\\u\x10\x11\x12\x19\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !utf8.Valid(frame) {
			return // package ws does not let it through
		}
		got, code := rpc.Decode(frame)
		deep := bytes.Count(frame, []byte("["))+bytes.Count(frame, []byte("{")) > 32
		if valid := json.Valid(frame); valid == (code == -32700) && !(deep && code == -32600) {
			t.Fatalf("valid JSON: %t, but the code is %d", valid, code)
		}
		if code != 0 {
			return
		}
		method, err := json.Marshal(got.Method)
		if err != nil {
			t.Fatal(err)
		}
		again := `{"params":` + or(got.Params, "null") + `,"method":` + string(method)
		if got.ID != "" {
			again += `,"id":` + got.ID
		}
		if repeated, code := rpc.Decode([]byte(again + "}")); code != 0 || repeated != got {
			t.Fatalf("%s: %+v, code %d; the first time %+v", again, repeated, code, got)
		}
	})
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
