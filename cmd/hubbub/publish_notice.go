package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

// noticeFlags are those that make publish put a notice into inboxes.
type noticeFlags struct {
	Title     *string           `placeholder:"TEXT" help:"Publish a notice with this title instead of a message: it waits in the inbox of each --user, of the members of --room, or of --all."`
	Body      string            `placeholder:"TEXT" help:"More text."`
	Category  string            `placeholder:"NAME" help:"By which inboxes are filtered and counted (general otherwise)."`
	Link      string            `placeholder:"URL" help:"Where a click leads: http(s), mailto, or relative."`
	AppData   string            `name:"data" placeholder:"JSON" help:"Any JSON value, for the application."`
	Attr      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"With --all: only those whose last sign-in had this attribute; repeatable."`
	Newcomers bool              `help:"With --all: also those who come for the first time after it was published."`
	At        string            `placeholder:"TIME" help:"When to publish it: 2026-01-02T15:04:05Z, or +10m from now."`
	Expires   string            `placeholder:"TIME" help:"When it is gone: a time, or +24h after it was published."`
	Withdraw  string            `xor:"to" required:"" placeholder:"ID" help:"Remove the notice with this id from all inboxes, or from the schedule."`
}

// given names a flag of a notice that is there, besides its title; "" if none is.
func (n *noticeFlags) given() string {
	switch {
	case n.Body != "":
		return "--body"
	case n.Category != "":
		return "--category"
	case n.Link != "":
		return "--link"
	case n.AppData != "":
		return "--data"
	case len(n.Attr) > 0:
		return "--attr"
	case n.Newcomers:
		return "--newcomers"
	case n.At != "":
		return "--at"
	case n.Expires != "":
		return "--expires"
	}
	return ""
}

// checkNotice refuses flags that would be ignored with --title.
func (c *publishCommand) checkNotice() error {
	switch {
	case c.Data != "":
		return errors.New("with --title there is no message: give what the application shall get as --data JSON, and more text as --body")
	case c.Event != "":
		return errors.New("--event is no notice: the gateway's rules may make one of it, or say with --user, --room or --all who gets this one")
	case c.Device != "":
		return errors.New("--device is for messages: a notice is in the inbox, which all devices show")
	case !c.All && (len(c.Attr) > 0 || c.Newcomers):
		return errors.New("--attr and --newcomers select among --all")
	case c.AppData != "" && !json.Valid([]byte(c.AppData)):
		return errors.New(`--data is not JSON: write a text as '"hi"'`)
	}
	return nil
}

// checkWithdraw refuses flags that would be ignored with --withdraw.
func (c *publishCommand) checkWithdraw() error {
	if c.Title != nil || c.given() != "" || c.Data != "" || c.Device != "" || c.Key != "" || c.Collapse != "" {
		return errors.New("--withdraw needs the id alone")
	}
	return nil
}

// notice is what the flags say.
func (c *publishCommand) notice(now time.Time) (client.NewNotice, error) {
	n := client.NewNotice{
		To: client.NoticeFor{Users: c.User, Room: c.Room, All: c.All, Attrs: c.Attr, Newcomers: c.Newcomers},
		NoticeContent: hubbub.NoticeContent{Category: c.Category, Title: *c.Title, Body: c.Body, Link: c.Link,
			Data: json.RawMessage(c.AppData)},
		Collapse: c.Collapse, Key: c.Key,
	}
	var err error
	if n.At, err = timeOf("--at", c.At, now); err != nil {
		return n, err
	}
	published := n.At
	if published.Before(now) {
		published = now
	}
	n.Expires, err = timeOf("--expires", c.Expires, published)
	return n, err
}

// timeOf reads a time, or how long it is after another one; zero for "".
func timeOf(flag, text string, from time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if after, relative := strings.CutPrefix(text, "+"); relative {
		if d, err := time.ParseDuration(after); err == nil && d >= 0 {
			return from.Add(d), nil
		}
	} else if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%s %s cannot be understood: write a time as 2026-01-02T15:04:05Z, or so much later as +10m or +24h", flag, text)
}

// publish makes the call, and says so where a notice has reached nobody, which is no error.
func (c *publishCommand) publish(ctx context.Context, api client.API, n client.NewNotice) (client.PublishedNotice, error) {
	done, err := api.PublishNotice(ctx, n)
	if err == nil && c.Room != "" && done.Recipients == 0 && !done.Scheduled && !done.Repeated {
		fmt.Fprintf(os.Stderr, "hubbub: the room %s has no members, so that nobody got it; to have joined is not to be a member\n", c.Room)
	}
	return done, err
}
