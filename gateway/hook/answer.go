package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
)

// maxMessage is how many bytes of a refusal's message a client gets.
const maxMessage = 300

// answer is what a backend said. The errors of reading it never repeat anything of it.
type answer struct {
	allow  bool
	fields map[string]json.RawMessage
}

// parse reads an answer. The names of fields are taken as they are written, unlike encoding/json does for structs: {"Allow": true}
// allows nothing.
func parse(body []byte) (answer, error) {
	a := answer{}
	if !utf8.Valid(body) {
		return a, errors.New("its answer is not UTF-8")
	}
	if err := json.Unmarshal(body, &a.fields); err != nil {
		return a, errors.New("its answer is not a JSON object")
	}
	switch string(a.fields["allow"]) {
	case "true":
		a.allow = true
	case "false":
	default:
		return a, errors.New(`its answer says neither "allow": true nor "allow": false`)
	}
	return a, nil
}

// read reads a field, if there is one.
func (a answer) read(name string, into any) error {
	raw, ok := a.fields[name]
	if !ok || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("the field %s of its answer has a type that it cannot have", name)
	}
	return nil
}

// refusal makes the error of an answer that does not allow.
func (a answer) refusal(on string) error {
	var reason, message string
	if a.read("reason", &reason) != nil || reason != string(hubbub.Unauthorized) {
		reason = string(hubbub.Forbidden)
	}
	if a.read("message", &message) != nil {
		message = ""
	}
	if message = presentable(message); message == "" {
		message = "you may not " + deed(on)
	}
	return &hubbub.Error{Reason: hubbub.Reason(reason), Message: message}
}

// presentable makes a message of a backend one that fits into a line.
func presentable(message string) string {
	message = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, message))
	if len(message) <= maxMessage {
		return message
	}
	cut := maxMessage
	for !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut]
}

// attributes are strings, numbers and booleans, all kept as text, as in tokens.
type attributes map[string]string

// UnmarshalJSON reads an object of scalars.
func (a *attributes) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*a = make(attributes, len(raw))
	for name, value := range raw {
		text := string(value)
		switch value[0] {
		case '"':
			if err := json.Unmarshal(value, &text); err != nil {
				return err
			}
		case '{', '[', 'n':
			return errors.New("an attribute is neither a string nor a number nor a boolean")
		}
		(*a)[name] = text
	}
	return nil
}
