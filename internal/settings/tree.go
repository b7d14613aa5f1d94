package settings

import (
	"errors"
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"
)

// A tree is a value of any form, such as the body of a request: what JSON can say. Aliases are followed, so that a few lines can stand
// for very much, and for something without end.
const (
	maxTreeDepth  = 64
	maxTreeValues = 10_000
)

// tree reads values of any form.
type tree struct{ values int }

// read returns nil, a bool, int, float64 or string, or a []any or map[string]any of such. Its error completes "this must be what
// JSON can say: …".
func (t *tree) read(y *yaml.Node, depth int) (any, error) {
	y = resolve(y)
	if t.values++; t.values > maxTreeValues {
		return nil, fmt.Errorf("it has more than %d values", maxTreeValues)
	}
	if depth > maxTreeDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxTreeDepth)
	}
	switch y.Kind {
	case yaml.SequenceNode:
		return t.list(y, depth)
	case yaml.MappingNode:
		return t.object(y, depth)
	}
	return treeScalar(y)
}

func (t *tree) list(y *yaml.Node, depth int) (any, error) {
	list := make([]any, 0, len(y.Content))
	for _, item := range y.Content {
		v, err := t.read(item, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (t *tree) object(y *yaml.Node, depth int) (any, error) {
	object := make(map[string]any, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		name := resolve(y.Content[i])
		if name.Kind != yaml.ScalarNode || name.Tag == "!!merge" {
			return nil, errors.New("names must be texts")
		}
		if _, double := object[name.Value]; double {
			return nil, fmt.Errorf("%.64q is there twice", name.Value)
		}
		v, err := t.read(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		object[name.Value] = v
	}
	return object, nil
}

// treeScalar takes what YAML has and JSON has not, such as dates, for texts.
func treeScalar(y *yaml.Node) (any, error) {
	var v any
	switch y.Tag {
	case "!!null":
		return nil, nil
	case "!!bool", "!!int", "!!float":
		if err := y.Decode(&v); err != nil {
			return nil, fmt.Errorf("%.64q is not a number", y.Value)
		}
	default:
		return y.Value, nil
	}
	switch n := v.(type) {
	case int64:
		return int(n), nil
	case uint64:
		return float64(n), nil
	case float64:
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, fmt.Errorf("%s is no number of JSON", y.Value)
		}
	}
	return v, nil
}

// tree reads a value of any form; nil means that it is not set, or wrong.
func (l *layer) tree(y *yaml.Node, key string) any {
	v, err := new(tree).read(y, 0)
	if err != nil {
		l.fail(y, key, "this must be what JSON can say: %v", err)
	}
	return v
}
