package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/ws"
)

// chat is a session of hubbub.v1 for somebody who types.
type chat struct {
	// Immutable after dialHubbub.
	client *client.Client
	screen *screen
	status *status
	got    chan struct{}
	over   context.Context // ends when nobody counts messages any more

	// Owned by the loop that takes lines.
	rooms  map[string]*client.Room
	to     client.Stream   // where lines go
	listed []client.Notice // by /inbox
}

// dialHubbub opens a session, joins the rooms, and prints what comes.
func (c *connectCommand) dialHubbub(ctx context.Context, target string, o ws.DialOptions, s *screen) (*talker, error) {
	over, end := context.WithCancel(context.Background())
	h := &chat{screen: s, status: &status{screen: s}, got: make(chan struct{}), over: over, rooms: map[string]*client.Room{}}
	t := &talker{got: h.got, ended: make(chan error, 1), say: h.say, line: h.line}
	t.close = func() {
		end()
		h.client.Close()
		<-h.client.Done()
	}
	var err error
	h.client, err = client.Dial(ctx, client.Options{
		URL: target, Device: c.Device, Platform: "terminal", Dial: o, Handlers: h.handlers(),
	})
	if err != nil {
		end()
		return nil, err
	}
	go func() { // ends with the client, which close waits for
		<-h.client.Done()
		t.ended <- endOf(h.client.Err())
	}()
	for _, name := range c.User {
		h.to = h.client.User(name)
	}
	if err := h.joinAll(ctx, c.Room, c.history(s)); err != nil {
		t.close()
		return nil, &exitError{1, err}
	}
	h.start(c)
	return t, nil
}

// history is how many messages to begin with, for client.RoomHandler.
func (c *connectCommand) history(s *screen) int {
	switch {
	case c.History > 0:
		return c.History
	case c.History < 0 && s.editing():
		return 10
	}
	return -1
}

func (h *chat) joinAll(ctx context.Context, names []string, history int) error {
	for _, name := range names {
		room, err := h.client.Join(ctx, name, h.roomHandler(name, history))
		if err != nil {
			return fmt.Errorf("join the room %s: %w", name, err)
		}
		h.rooms[name] = room
	}
	return nil
}

// start sends lines to the first room, or to the first user.
func (h *chat) start(c *connectCommand) {
	if len(c.Room) > 0 {
		h.aim(h.rooms[c.Room[0]].Stream, c.Room[0])
		return
	}
	h.aim(h.client.User(c.User[0]), "@"+c.User[0])
}

func (h *chat) aim(to client.Stream, name string) {
	h.to = to
	h.status.aim(name)
}

// endOf gives the client's end its exit code.
func endOf(err error) error {
	if errors.Is(err, client.ErrClosed) {
		return nil
	}
	if why, ok := errors.AsType[ws.CloseInfo](err); ok {
		return &exitError{exitClosed, why}
	}
	return dialFailed(err)
}

// say sends a message.
func (h *chat) say(ctx context.Context, text string) error {
	if _, err := h.to.Send(ctx, dataOf(text), client.SendOptions{}); err != nil {
		return fmt.Errorf("send to %s: %w", h.to.Name(), err)
	}
	return nil
}

// dataOf is a JSON object or array as it is, and anything else as {"text": …}.
func dataOf(text string) any {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if json.Valid([]byte(trimmed)) {
			return json.RawMessage(trimmed)
		}
	}
	return map[string]string{"text": text}
}

// line takes what was typed. What is wrong with a message is told, and no reason to end, unless the session has ended.
func (h *chat) line(ctx context.Context, line string) error {
	var err error
	switch command, rest, _ := strings.Cut(line, " "); {
	case strings.HasPrefix(line, "//"):
		err = h.say(ctx, line[1:])
	case !strings.HasPrefix(line, "/"):
		err = h.say(ctx, line)
	case command == "/quit":
		return errQuit
	case command == "/to":
		err = h.choose(strings.TrimSpace(rest))
	case command == "/who":
		err = h.who(ctx)
	case command == "/inbox":
		err = h.listInbox(ctx)
	case command == "/read":
		err = h.markRead(ctx, strings.TrimSpace(rest))
	default:
		h.screen.note("/to ROOM, /to @USER, /who, /inbox, /read NUMBER, /read all, /quit; a line that shall begin with / begins with //")
	}
	if err != nil && h.client.Err() == nil && h.screen.editing() {
		h.screen.note(err.Error())
		return nil
	}
	return err
}

func (h *chat) choose(name string) error {
	if user, ok := strings.CutPrefix(name, "@"); ok {
		h.aim(h.client.User(user), name)
		return nil
	}
	room := h.rooms[strings.TrimPrefix(name, "#")]
	if room == nil {
		return fmt.Errorf("you have not joined %q: begin with --room %s; a user is written @%s", name, name, name)
	}
	h.aim(room.Stream, room.Name())
	return nil
}

// who tells who is in the room that lines go to, or whether the user is online.
func (h *chat) who(ctx context.Context) error {
	room := h.rooms[h.to.Name()]
	if room == nil || room.Stream != h.to {
		users, err := h.client.Presence(ctx, h.to.Name())
		if err == nil && len(users) == 1 {
			h.screen.note(fmt.Sprintf("@%s online: %v, devices: %d", users[0].User, users[0].Online, len(users[0].Devices)))
		}
		return err
	}
	page, err := room.Present(ctx, "", 100)
	if err != nil {
		return err
	}
	var names []string
	for _, p := range page.Users {
		names = append(names, p.User)
	}
	h.screen.note(fmt.Sprintf("%d in %s: %s", page.Count, room.Name(), strings.Join(names, ", ")))
	return nil
}
