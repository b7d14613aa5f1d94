package rpc_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// asyncapi is docs/asyncapi.yaml as far as tests read it.
type asyncapi struct {
	Channels struct {
		Hubbub struct {
			Messages map[string]any
			Errors   []struct {
				Code   int
				Reason string
				Status int
			} `json:"x-errors"`
			CloseCodes []struct {
				Code      int
				Reason    string
				Reconnect bool
			} `json:"x-close-codes"`
		}
	}
	Operations map[string]struct {
		Action   string
		Messages []ref
		Reply    struct{ Messages []ref }
	}
	Components struct{ Messages map[string]any }

	schemas map[string]*jsonschema.Schema // of the payloads of the messages; they allow no fields that are not named
}

type ref struct {
	Ref string `json:"$ref"`
}

var document = sync.OnceValues(readDocument)

func readDocument() (*asyncapi, error) {
	text, err := os.ReadFile("../../docs/asyncapi.yaml")
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	doc := &asyncapi{schemas: make(map[string]*jsonschema.Schema)}
	if err := json.Unmarshal(encoded, doc); err != nil {
		return nil, err
	}
	tree, err = jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	closeObjects(tree)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("asyncapi.json", tree); err != nil {
		return nil, err
	}
	for name := range doc.Components.Messages {
		if doc.schemas[name], err = c.Compile("asyncapi.json#/components/messages/" + name + "/payload"); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// closeObjects forbids fields that a schema does not name: clients ignore those, but ours have to be documented.
func closeObjects(tree any) {
	switch tree := tree.(type) {
	case map[string]any:
		if _, names := tree["properties"].(map[string]any); names && tree["type"] == "object" {
			tree["additionalProperties"] = false
		}
		for name, value := range tree {
			if nothing, ok := value.(map[string]any); ok && name == "nothing" {
				nothing["additionalProperties"] = false
			}
			closeObjects(value)
		}
	case []any:
		for _, value := range tree {
			closeObjects(value)
		}
	}
}

// conforms fails the test if a frame is not what the document says of a message.
func conforms(t *testing.T, message, frame string) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	schema := doc.schemas[message]
	if schema == nil {
		t.Fatalf("docs/asyncapi.yaml has no message %q", message)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(frame))
	if err != nil {
		t.Fatalf("%s: %v", frame, err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s is not the %s of docs/asyncapi.yaml: %v", frame, message, err)
	}
}

func TestSchemasAreStrict(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for message, frame := range map[string]string{
		"ping.reply":                `{"jsonrpc":"2.0","id":1,"result":{"time":"now"}}`,
		"room.leave.reply":          `{"jsonrpc":"2.0","id":1,"result":{"more":1}}`,
		"room.message.notification": `{"jsonrpc":"2.0","method":"room.message","params":{"id":"m","data":1,"time":1,"nobody":"knows"}}`,
		"error":                     `{"jsonrpc":"2.0","id":1,"error":{"code":999,"message":"x","data":{"reason":"invalid"}}}`,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(frame))
		if err != nil {
			t.Fatal(err)
		}
		if doc.schemas[message].Validate(value) == nil {
			t.Errorf("%s passes as a %s", frame, message)
		}
	}
}

// names returns the names of messages of a kind, sorted.
func (d *asyncapi) names(kind string) []string {
	var names []string
	for message := range d.Components.Messages {
		if name, ok := strings.CutSuffix(message, "."+kind); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestOperations checks that the parts of the document agree with each other.
func TestOperations(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	const channel = "#/channels/hubbub/messages/"
	used := map[string]bool{"error": true}
	for name, o := range doc.Operations {
		var want, reply []ref
		switch o.Action {
		case "receive":
			want = []ref{{channel + name + ".request"}}
			reply = []ref{{channel + name + ".reply"}, {channel + "error"}}
		case "send":
			want = []ref{{channel + name}}
		}
		if !slices.Equal(o.Messages, want) || !slices.Equal(o.Reply.Messages, reply) {
			t.Errorf("operation %s (%s) has messages %v, reply %v", name, o.Action, o.Messages, o.Reply.Messages)
		}
		for _, r := range append(want, reply...) {
			used[strings.TrimPrefix(r.Ref, channel)] = true
		}
	}
	for name := range doc.Components.Messages {
		if !used[name] || doc.Channels.Hubbub.Messages[name] == nil {
			t.Errorf("message %s is in no operation, or not in the channel", name)
		}
	}
	if len(used) != len(doc.Components.Messages) {
		t.Errorf("operations use %d messages, there are %d", len(used), len(doc.Components.Messages))
	}
}
