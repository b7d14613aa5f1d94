package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

type apikeyCommand struct {
	Name  string          `required:"" placeholder:"NAME" help:"Whose key it is, in the gateway's logs and errors."`
	Scope []httpapi.Scope `default:"publish,read" placeholder:"SCOPE,…" help:"What it opens: publish, read, sessions, admin (default ${default})."`
}

// Run prints a new key and the entry of the configuration that makes the gateway know it. The key is kept nowhere.
func (c *apikeyCommand) Run() error {
	secret, key, err := httpapi.NewKey(c.Name, c.Scope...)
	if err != nil {
		return err
	}
	name, err := json.Marshal(key.Name) // JSON's strings are YAML's, whatever is in them
	if err != nil {
		return fmt.Errorf("print the name: %w", err)
	}
	scopes := make([]string, len(key.Scopes))
	for i, s := range key.Scopes {
		scopes[i] = string(s)
	}
	fmt.Printf(`%s

This is the key. It is shown only now: give it to the backend that will call, which sends it
as "Authorization: Bearer KEY". The gateway knows it by its hash, with this in hubbub.yaml,
which it reads when it starts:

api:
  keys:
    - name: %s
      hash: %s
      scopes: [%s]
`, secret, name, key.Hash, strings.Join(scopes, ", "))
	return nil
}
