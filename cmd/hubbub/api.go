package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

// apiFlags are those of the commands that call the HTTP API.
type apiFlags struct {
	URL        string `name:"url" env:"HUBBUB_URL" default:"http://localhost:8080" placeholder:"URL" help:"The gateway (default ${default}, or ${env})."`
	APIKeyFile string `name:"api-key-file" type:"existingfile" placeholder:"FILE" help:"File with the API key. Otherwise it is taken from HUBBUB_API_KEY."`
}

// api is the gateway that the flags name.
func (f *apiFlags) api() (client.API, error) {
	key := os.Getenv("HUBBUB_API_KEY")
	if f.APIKeyFile != "" {
		content, err := os.ReadFile(f.APIKeyFile)
		if err != nil {
			return client.API{}, err
		}
		key = string(content)
	}
	if key = strings.TrimSpace(key); key == "" {
		return client.API{}, errors.New("there is no API key: set HUBBUB_API_KEY, or give --api-key-file; hubbub serve --dev prints one")
	}
	return client.API{URL: f.URL, Key: key}, nil
}

// apiFailed gives the error of a call its exit code.
func apiFailed(err error) error {
	e, ok := errors.AsType[*hubbub.Error](err)
	if !ok {
		return err
	}
	if e.Err != nil { // no answer of the gateway, whose errors have no cause
		return &exitError{exitUnreachable, fmt.Errorf("%w%s", err, remedy(err))}
	}
	return &exitError{exitRefused, fmt.Errorf("refused: %s (%s)", e.Message, e.Reason)}
}
