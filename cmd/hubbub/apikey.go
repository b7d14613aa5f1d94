package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

type apikeyCommand struct {
	Name  string          `required:"" placeholder:"NAME" help:"Whose key it is, in the gateway's logs and errors."`
	Scope []httpapi.Scope `default:"publish,read" placeholder:"SCOPE,…" help:"What it opens: publish, read, sessions, admin (default ${default})."`
	File  string          `type:"path" placeholder:"FILE" help:"Add the key to this file, which the gateway reads again when it changes (the setting api.file). It is made if there is none."`
}

// Run prints a new key and the entry of the configuration that makes the gateway know it. The key is kept nowhere.
func (c *apikeyCommand) Run() error {
	secret, key, err := httpapi.NewKey(c.Name, c.Scope...)
	if err != nil {
		return err
	}
	if c.File != "" {
		return c.add(secret, key)
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

// add adds the key to the file and prints it. A file that the gateway could not read is left alone.
func (c *apikeyCommand) add(secret string, key httpapi.Key) error {
	text := "# API keys of backends, each with its name, the hash of the key, and what it opens. Made by: hubbub apikey --file\n"
	same := 0
	keys, err := httpapi.LoadKeys(c.File)
	switch {
	case err == nil:
		text = ""
		for _, k := range keys {
			if k.Name == key.Name {
				same++
			}
		}
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the key is not added: %w", err)
	}
	if err := appendLine(c.File, text, key.Line()); err != nil {
		return fmt.Errorf("add the key: %w", err)
	}
	fmt.Printf(`%s

This is the key. It is shown only now: give it to the backend that will call, which sends it
as "Authorization: Bearer KEY". Its hash is in %s, which the gateway
reads within a second if its setting api.file names it.
`, secret, c.File)
	if same > 0 {
		fmt.Printf("There are %d keys named %s now. When the backend uses this one, remove the lines before it.\n", same+1, key.Name)
	}
	return nil
}

// appendLine adds text and a line to a file in one write, so that nobody reads a half of it.
func appendLine(path, text, line string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	last := []byte("\n")
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		text = "\n" + text
	}
	_, err = f.WriteString(text + line + "\n")
	return err
}
