package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/hubbub-dev/hubbub"
)

// Decode reads JSON as the values of a [Source] are, with numbers as they are written.
func Decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// Walk goes from a value to what names lead to: members of objects and, by number, items of lists. It returns
// [ErrMissing] if there is no such thing.
func Walk(v any, names []string) (any, error) {
	for _, name := range names {
		if raw, ok := v.(json.RawMessage); ok {
			var err error
			if v, err = Decode(raw); err != nil {
				return nil, ErrMissing
			}
		}
		switch in := v.(type) {
		case map[string]any:
			found, ok := in[name]
			if !ok {
				return nil, ErrMissing
			}
			v = found
		case []any:
			at, err := strconv.ParseUint(name, 10, 31)
			if err != nil || int(at) >= len(in) {
				return nil, ErrMissing
			}
			v = in[at]
		default:
			return nil, ErrMissing
		}
	}
	return v, nil
}

// textOf is a value as text.
func textOf(ref Ref, from Source) (string, error) {
	v, err := from(ref)
	if err != nil {
		return "", err
	}
	text, err := scalar(v)
	if errors.Is(err, errNoScalar) {
		return "", hubbub.Errorf(hubbub.Invalid, "%s is a list or an object, which cannot be a text here", ref)
	}
	return text, err
}

var errNoScalar = errors.New("a list or an object")

// scalar is a text, number or boolean as text.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", ErrMissing
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	case json.RawMessage:
		decoded, err := Decode(v)
		if err != nil {
			return "", ErrMissing
		}
		return scalar(decoded)
	}
	return "", errNoScalar
}
