package hubbub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"slices"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// printer is the smallest transport there is: its conns print what they are told.
type printer struct{ name string }

func (p *printer) Send(e hubbub.Event) {
	if m, ok := e.(hubbub.Posted); ok {
		fmt.Printf("%s hears %s say %s\n", p.name, m.Message.From.User, m.Message.Data)
	}
}

func (p *printer) Close(why hubbub.EndReason, _ hubbub.Retry) { fmt.Println(p.name, "is closed:", why) }

// printers is that transport, and printing an audience of it. A real one encodes an event once for all of its conns.
type (
	printers struct{}
	printing struct{ members []hubbub.Conn }
)

func (printers) Audience(string, hubbub.SlowPolicy) hubbub.Audience { return &printing{} }

func (a *printing) Add(c hubbub.Conn) { a.members = append(a.members, c) }

func (a *printing) Remove(c hubbub.Conn) {
	a.members = slices.DeleteFunc(a.members, func(member hubbub.Conn) bool { return member == c })
}

func (a *printing) Deliver(e hubbub.Event, except []hubbub.Conn) {
	for _, c := range a.members {
		if !slices.Contains(except, c) {
			c.Send(e)
		}
	}
}

// A hub on the memory of this process, with two people in a room. The second device of one of them logs the first one out.
func Example() {
	ctx := context.Background()
	hub, err := hubbub.New(ctx, hubbub.Options{
		Driver:  memory.New(memory.Options{}),
		Devices: hubbub.DeviceLimit{Max: 1},
	})
	if err != nil {
		log.Fatal(err)
	}
	arrive := func(user, device string) *hubbub.Session {
		s, err := hub.Open(ctx, hubbub.Arrival{
			Identity:  hubbub.Identity{User: user, Device: device},
			Conn:      &printer{user + "'s " + device},
			Transport: printers{},
		})
		if err != nil {
			log.Fatal(err)
		}
		return s
	}
	reply := func(r hubbub.JoinResult) { fmt.Println("in the room:", r.Present) }

	ann := arrive("ann", "phone")
	if err := ann.Join(ctx, "lobby", hubbub.JoinOptions{}, reply); err != nil {
		log.Fatal(err)
	}
	bob := arrive("bob", "laptop")
	if err := bob.Join(ctx, "lobby", hubbub.JoinOptions{}, reply); err != nil {
		log.Fatal(err)
	}
	if _, err := ann.SendRoom(ctx, "lobby", hubbub.Outgoing{Data: json.RawMessage(`"hello"`), NoEcho: true}); err != nil {
		log.Fatal(err)
	}
	if _, err := bob.SendRoom(ctx, "library", hubbub.Outgoing{Data: json.RawMessage(`"psst"`)}); err != nil {
		fmt.Println(hubbub.AsError(err).Reason)
	}
	arrive("bob", "phone")
	bob.Closed() // its transport says so, when the conn is gone

	if err := hub.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// in the room: 1
	// in the room: 2
	// bob's laptop hears ann say "hello"
	// forbidden
	// bob's laptop is closed: signed_in_elsewhere
	// ann's phone is closed: draining
	// bob's phone is closed: draining
}
