package bff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
)

// maxParams is how many bytes the params of a call may have, as they are written.
const maxParams = 64 << 10

// param is a declared param.
type param struct {
	name     string
	kind     string
	required bool
	fallback any // nil means none
}

// errNotJSON is Invalid, and answered with 400 over HTTP.
var errNotJSON = hubbub.Errorf(hubbub.Invalid, `the params are not a JSON object such as {"id": 7}`)

// fromJSON reads params from a JSON object; nothing and null are no params. The values are in the order of the
// declaration, nil for what is missing.
func (r *route) fromJSON(text json.RawMessage) ([]any, error) {
	if len(text) > maxParams {
		return nil, tooManyBytes(len(text))
	}
	values := make([]any, len(r.params))
	text = bytes.TrimSpace(text)
	if len(text) == 0 || string(text) == "null" {
		return r.complete(values)
	}
	if text[0] != '{' || !json.Valid(text) || !utf8.Valid(text) {
		return nil, errNotJSON
	}
	err := eachMember(text, func(name string, member json.RawMessage) error {
		i, err := r.param(name)
		if err == nil {
			values[i], err = r.params[i].fromJSON(member)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.complete(values)
}

func tooManyBytes(n int) error {
	return hubbub.Errorf(hubbub.TooLarge, "the params have %d bytes; at most %d are allowed", n, maxParams)
}

// fromQuery reads params from the query of a URL.
func (r *route) fromQuery(query string, signIn []string) ([]any, error) {
	if len(query) > maxParams {
		return nil, tooManyBytes(len(query))
	}
	given, err := url.ParseQuery(query)
	if err != nil {
		return nil, &hubbub.Error{Reason: hubbub.Invalid, Message: "the query of the URL is not well escaped", Err: err}
	}
	values := make([]any, len(r.params))
	for name, texts := range given {
		i, err := r.param(name)
		switch {
		case err != nil && slices.Contains(signIn, name):
			continue
		case err != nil:
			return nil, err
		case len(texts) > 1:
			return nil, hubbub.Errorf(hubbub.Invalid, "the param %q is there %d times", name, len(texts))
		}
		if values[i], err = r.params[i].fromText(texts[0]); err != nil {
			return nil, err
		}
	}
	return r.complete(values)
}

// param finds a declared param.
func (r *route) param(name string) (int, error) {
	for i := range r.params {
		if r.params[i].name == name {
			return i, nil
		}
	}
	return 0, hubbub.Errorf(hubbub.Invalid, "there is no param %.70q; %s", name, r.known())
}

// known says which params there are.
func (r *route) known() string {
	if len(r.params) == 0 {
		return "there are none"
	}
	names := make([]string, len(r.params))
	for i := range r.params {
		names[i] = r.params[i].name
	}
	return "known are " + strings.Join(names, ", ")
}

// complete puts in what was left out.
func (r *route) complete(values []any) ([]any, error) {
	for i := range values {
		p := &r.params[i]
		if values[i] == nil {
			values[i] = p.fallback
		}
		if values[i] == nil && p.required {
			return nil, hubbub.Errorf(hubbub.Invalid, "the param %q is missing", p.name)
		}
	}
	return values, nil
}

// fromJSON reads a value. It is nil for null.
func (p *param) fromJSON(text json.RawMessage) (any, error) {
	text = bytes.TrimSpace(text)
	if string(text) == "null" {
		return nil, nil
	}
	switch first := text[0]; {
	case p.kind == "json":
		return text, nil
	case p.kind == "string" && first == '"':
		var s string
		err := json.Unmarshal(text, &s)
		return s, err
	case p.kind == "bool" && (first == 't' || first == 'f'):
		return first == 't', nil
	case p.kind == "number" && isNumber(first):
		return json.Number(text), nil
	case p.kind == "int" && isNumber(first):
		return p.int(string(text))
	}
	return nil, p.wrong()
}

func isNumber(first byte) bool { return first == '-' || '0' <= first && first <= '9' }

// fromText reads a value of a query.
func (p *param) fromText(text string) (any, error) {
	switch {
	case !utf8.ValidString(text):
		return nil, hubbub.Errorf(hubbub.Invalid, "the param %q is not UTF-8", p.name)
	case p.kind == "string":
		return text, nil
	case p.kind == "int":
		return p.int(text)
	case p.kind == "bool" && (text == "true" || text == "false"):
		return text == "true", nil
	case p.kind == "number" && text != "" && isNumber(text[0]) && json.Valid([]byte(text)):
		return json.Number(text), nil
	case p.kind == "json" && json.Valid([]byte(text)):
		return p.fromJSON(json.RawMessage(text))
	}
	return nil, p.wrong()
}

func (p *param) int(text string) (any, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' {
		return nil, p.wrong()
	}
	return json.Number(strconv.FormatInt(n, 10)), nil
}

// wrong says what the param must be.
func (p *param) wrong() error {
	what := map[string]string{"string": "a text", "int": "a whole number", "number": "a number", "bool": "true or false", "json": "JSON"}
	return hubbub.Errorf(hubbub.Invalid, "the param %q must be %s", p.name, what[p.kind])
}

// compileParams checks the declared params.
func compileParams(of []Param) ([]param, error) {
	all := make([]param, 0, len(of))
	for _, d := range of {
		p := param{name: d.Name, kind: d.Type, required: d.Required}
		if p.kind == "" {
			p.kind = "string"
		}
		switch {
		case !isName(p.name, ""):
			return nil, fmt.Errorf("the param %q must have a name of 1 to 64 letters, digits, _ and -", p.name)
		case slices.ContainsFunc(all, func(other param) bool { return other.name == p.name }):
			return nil, fmt.Errorf("the param %q is there twice", p.name)
		case !slices.Contains([]string{"string", "int", "number", "bool", "json"}, p.kind):
			return nil, fmt.Errorf("the param %q has the type %q; known are string, int, number, bool and json", p.name, p.kind)
		case p.required && d.Default != nil:
			return nil, fmt.Errorf("the param %q is required and has a default; leave one of them out", p.name)
		}
		text, err := json.Marshal(d.Default)
		if err != nil {
			return nil, fmt.Errorf("the default of the param %q cannot be written as JSON: %w", p.name, err)
		}
		if p.fallback, err = p.fromJSON(text); err != nil {
			return nil, fmt.Errorf("the default: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}
