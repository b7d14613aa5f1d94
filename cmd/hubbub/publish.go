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
	"syscall"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

type publishCommand struct {
	Data string `arg:"" optional:"" help:"What to send, any JSON value. Without it, or with -, it is read from the standard input."`

	Room   string   `xor:"to" required:"" placeholder:"NAME" help:"Send to a room."`
	User   []string `xor:"to" required:"" placeholder:"NAME" help:"Send to users who are online, on all devices; with --title online or not. For several repeat it, or separate them by commas; a comma in a name is written \\,."`
	Event  string   `xor:"to" required:"" placeholder:"TYPE" help:"Tell that something has happened: the gateway's rules say who gets what."`
	All    bool     `xor:"to" required:"" help:"Send to everybody who is online. With --title to everybody."`
	Device string   `placeholder:"NAME" help:"With --user: only to this device."`

	Key      string `placeholder:"KEY" help:"Sending again with the same key is the same message for 5 minutes, the same notice for 24 hours."`
	Collapse string `placeholder:"NAME" help:"With --room or --title: it replaces earlier ones with the same name."`

	noticeFlags `embed:"" group:"Notices"`

	apiFlags
}

// Help is printed by --help.
func (publishCommand) Help() string {
	return `Sends a message through the gateway's HTTP API and prints the reply: its id, time and position. With --title it publishes a
notice, which waits in inboxes until it is read.

  hubbub publish --room lobby '{"text":"hi"}'
  hubbub publish --user ann --device phone '{"text":"look"}'
  date | jq -R . | hubbub publish --all
  hubbub publish --event product.listed --key product-17 '{"id":17}'
  hubbub publish --user ann,bob --title "Your order has shipped" --link /orders/17
  hubbub publish --all --attr plan=pro --title "Maintenance tonight" --at +10m --expires +24h

It ends with 0 if it was accepted, with 3 if the gateway refused it, with 2 if it cannot be reached.`
}

// Run makes the call.
func (c *publishCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.check(); err != nil {
		return err
	}
	api, err := c.api()
	if err != nil {
		return err
	}
	call, err := c.call()
	if err != nil {
		return err
	}
	reply, err := call(ctx, api)
	if err != nil {
		return apiFailed(err)
	}
	return json.NewEncoder(os.Stdout).Encode(reply)
}

// check refuses flags that would be ignored.
func (c *publishCommand) check() error {
	switch {
	case c.Withdraw != "":
		return c.checkWithdraw()
	case c.Title != nil:
		return c.checkNotice()
	case c.given() != "":
		return fmt.Errorf("%s needs --title, which makes it a notice", c.given())
	case c.Device != "" && len(c.User) != 1:
		return errors.New("--device needs one --user")
	case c.Collapse != "" && c.Room == "":
		return errors.New("--collapse needs --room or --title")
	}
	return nil
}

// call is the call that the flags describe.
func (c *publishCommand) call() (func(context.Context, client.API) (any, error), error) {
	if c.Withdraw != "" {
		return func(ctx context.Context, api client.API) (any, error) {
			return struct{}{}, api.WithdrawNotice(ctx, c.Withdraw)
		}, nil
	}
	if c.Title != nil {
		n, err := c.notice(time.Now())
		return func(ctx context.Context, api client.API) (any, error) { return c.publish(ctx, api, n) }, err
	}
	data, err := c.data()
	return func(ctx context.Context, api client.API) (any, error) { return c.send(ctx, api, data) }, err
}

func (c *publishCommand) send(ctx context.Context, api client.API, data json.RawMessage) (any, error) {
	api = api.Once(c.Key)
	switch {
	case c.Event != "":
		return c.tell(ctx, api, data)
	case c.Room != "":
		return api.SendToRoom(ctx, c.Room, data, client.SendOptions{Collapse: c.Collapse})
	case len(c.User) == 1:
		return api.SendToUser(ctx, c.User[0], c.Device, data)
	case len(c.User) > 1:
		sent, offline, err := api.SendToUsers(ctx, c.User, data)
		return struct {
			client.Published
			Offline []string `json:"offline"`
		}{sent, offline}, err
	}
	return api.Broadcast(ctx, data)
}

// tell tells of an event. It fails if something that follows from it has failed.
func (c *publishCommand) tell(ctx context.Context, api client.API, data json.RawMessage) (any, error) {
	steps, err := api.Event(ctx, c.Event, data)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		if err := s.Err(); err != nil {
			e := hubbub.AsError(err)
			return nil, hubbub.Errorf(e.Reason, "%s: %s; others may have been made", s.Call, e.Message)
		}
	}
	return map[string]any{"results": steps}, nil
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
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return nil, errors.New("there is nothing to send: give a message such as '{\"text\":\"hi\"}', or a notice by --title")
	}
	if !json.Valid(data) {
		return nil, errors.New(`the data is not JSON: write a text as '"hi"' or '{"text":"hi"}'`)
	}
	return data, nil
}
