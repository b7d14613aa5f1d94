package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

type publishCommand struct {
	Data string `arg:"" optional:"" help:"What to send, any JSON value. Without it, or with -, it is read from the standard input."`

	Room   string `xor:"to" required:"" placeholder:"NAME" help:"Send to a room."`
	User   string `xor:"to" required:"" placeholder:"NAME" help:"Send to a user who is online, on all devices."`
	All    bool   `xor:"to" required:"" help:"Send to everybody who is online."`
	Device string `placeholder:"NAME" help:"With --user: only to this device."`

	Key      string `placeholder:"KEY" help:"With --room: sending again with the same key within 5 minutes is the same message."`
	Collapse string `placeholder:"NAME" help:"With --room: the message replaces earlier ones with the same name."`

	URL        string `name:"url" env:"HUBBUB_URL" default:"http://localhost:8080" placeholder:"URL" help:"The gateway (default ${default}, or ${env})."`
	APIKeyFile string `name:"api-key-file" type:"existingfile" placeholder:"FILE" help:"File with the API key. Otherwise it is taken from HUBBUB_API_KEY."`
}

// Help is printed by --help.
func (publishCommand) Help() string {
	return `Sends a message through the gateway's HTTP API and prints the reply: its id, time and position.

  hubbub publish --room lobby '{"text":"hi"}'
  hubbub publish --user ann --device phone '{"text":"look"}'
  date | jq -R . | hubbub publish --all

It ends with 0 if the message was accepted, with 3 if the gateway refused it, with 2 if it cannot be reached.`
}

// Run sends the message.
func (c *publishCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.check(); err != nil {
		return err
	}
	key, err := c.apiKey()
	if err != nil {
		return err
	}
	data, err := c.data()
	if err != nil {
		return err
	}
	sent, err := c.send(ctx, client.API{URL: c.URL, Key: key}, data)
	if err != nil {
		return apiFailed(err)
	}
	return json.NewEncoder(os.Stdout).Encode(sent)
}

// check refuses flags that would be ignored.
func (c *publishCommand) check() error {
	switch {
	case c.Device != "" && c.User == "":
		return errors.New("--device needs --user")
	case (c.Key != "" || c.Collapse != "") && c.Room == "":
		return errors.New("--key and --collapse need --room")
	}
	return nil
}

func (c *publishCommand) send(ctx context.Context, api client.API, data json.RawMessage) (client.Published, error) {
	switch {
	case c.Room != "":
		return api.SendToRoom(ctx, c.Room, data, client.SendOptions{Key: c.Key, Collapse: c.Collapse})
	case c.User != "":
		return api.SendToUser(ctx, c.User, c.Device, data)
	}
	return api.Broadcast(ctx, data)
}

func (c *publishCommand) apiKey() (string, error) {
	key := os.Getenv("HUBBUB_API_KEY")
	if c.APIKeyFile != "" {
		content, err := os.ReadFile(c.APIKeyFile)
		if err != nil {
			return "", err
		}
		key = string(content)
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", errors.New("there is no API key: set HUBBUB_API_KEY, or give --api-key-file; hubbub serve --dev prints one")
	}
	return key, nil
}

// data is the JSON value to send.
func (c *publishCommand) data() (json.RawMessage, error) {
	data := []byte(c.Data)
	if c.Data == "" || c.Data == "-" {
		var err error
		if data, err = io.ReadAll(os.Stdin); err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
	}
	if data = bytes.TrimSpace(data); !json.Valid(data) {
		return nil, errors.New(`the data is not JSON: write a text as '"hi"' or '{"text":"hi"}'`)
	}
	return data, nil
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
