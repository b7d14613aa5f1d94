package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// people signs in ann with two devices, bob and carol.
func people(s *stand) {
	s.sit(hubbub.Identity{User: "ann", Device: "phone", Platform: "ios", Info: json.RawMessage(`{"name":"Ann"}`),
		Attrs: map[string]string{"plan": "pro"}}, "lobby", "eu/north")
	s.sit(hubbub.Identity{User: "ann", Device: "laptop", Info: json.RawMessage(`{"name":"Ann"}`), Attrs: map[string]string{"plan": "pro"}})
	s.sit(hubbub.Identity{User: "bob", Device: "b1", Attrs: map[string]string{"plan": "free:trial"}}, "lobby")
	s.sit(hubbub.Identity{User: "carol", Device: "c1", Platform: "ios"})
}

func TestCount(t *testing.T) {
	s := start(t, set{})
	people(s)
	testkit.Eventually(t, "the count", func() bool {
		return ok[hubbub.Counts](s, "GET", "/online", "") == hubbub.Counts{Users: 3, Sessions: 4}
	})
}

func TestListUsers(t *testing.T) {
	s := start(t, set{})
	people(s)
	for query, want := range map[string]string{
		"":                            "ann bob carol, 3",
		"?room=lobby":                 "ann bob, 2",
		"?room=eu%2Fnorth":            "ann, 1",
		"?room=empty":                 ", 0",
		"?platform=ios":               "ann carol, 2",
		"?attr=plan:pro":              "ann, 1",
		"?attr=plan:free:trial":       "bob, 1",
		"?attr=plan:":                 ", 0",
		"?room=lobby&platform=ios":    "ann, 1",
		"?limit=2":                    "ann bob, 3, more",
		"?limit=2&after=bob":          "carol, 3",
		"?limit=1000&platform=ios":    "ann carol, 2",
		"?room=lobby&attr=plan%3Apro": "ann, 1",
	} {
		if got := names(ok[httpapi.UserPage](s, "GET", "/users"+query, "")); got != want {
			t.Errorf("%s lists %s, want %s", query, got, want)
		}
	}
	for query, says := range map[string]string{
		"?limit=0":      "query.limit",
		"?limit=1001":   "query.limit",
		"?limit=x":      "query.limit",
		"?attr=plan":    "NAME:VALUE",
		"?attr=:pro":    "NAME:VALUE",
		"?room=a%20b":   "room",
		"?platfrom=ios": "query.platfrom",
	} {
		s.refuse(refused{422, hubbub.Invalid, says}, "GET", "/users"+query, "")
	}
}

// names are those of a page's users, the count, and whether there is more.
func names(p httpapi.UserPage) string {
	var of []string
	for _, u := range p.Users {
		of = append(of, u.User)
	}
	more := ""
	if p.Next != "" {
		more = ", more"
	}
	return fmt.Sprintf("%s, %d%s", strings.Join(of, " "), p.Count, more)
}

func TestGetUser(t *testing.T) {
	s := start(t, set{})
	people(s)
	ann := ok[httpapi.User](s, "GET", "/users/ann", "")
	if !ann.Online || string(ann.Info) != `{"name":"Ann"}` || ann.LastSeen != 0 {
		t.Errorf("ann is %+v", ann)
	}
	want := []hubbub.DeviceInfo{{Device: "phone", Platform: "ios", Sessions: 1}, {Device: "laptop", Platform: "web", Sessions: 1}}
	if !slices.Equal(ann.Devices, want) {
		t.Errorf("ann's devices are %+v", ann.Devices)
	}
	if len(ann.Sessions) != 2 || ann.Sessions[0].Device != "phone" || ann.Sessions[0].Session == "" ||
		ann.Sessions[0].Connected == 0 || ann.Sessions[0].Address != "192.0.2.7" || ann.Sessions[1].Platform != "web" {
		t.Errorf("ann's sessions are %+v", ann.Sessions)
	}
	if a := s.call("GET", "/users/nobody", ""); string(a.body) != `{"user":"nobody","online":false,"devices":[],"sessions":[]}`+"\n" {
		t.Errorf("who was never seen is %s", a.body)
	}
	s.refuse(refused{422, hubbub.Invalid, "user"}, "GET", "/users/a%20b", "")

	ok[httpapi.Ended](s, "DELETE", "/users/ann/sessions", "")
	if ann = ok[httpapi.User](s, "GET", "/users/ann", ""); ann.Online || ann.LastSeen == 0 || len(ann.Sessions) != 0 {
		t.Errorf("ann has left, and is %+v", ann)
	}
}

func TestPresences(t *testing.T) {
	s := start(t, set{})
	people(s)
	found := ok[httpapi.Presences](s, "POST", "/presence", `{"users": ["bob", "zoe", "ann", "bob"]}`)
	var said []string
	for _, p := range found.Users {
		said = append(said, fmt.Sprintf("%s %t %d,", p.User, p.Online, len(p.Devices)))
	}
	if got := strings.Join(said, " "); got != "bob true 1, zoe false 0, ann true 2," {
		t.Errorf("got %s", got)
	}
	if found := ok[httpapi.Presences](s, "POST", "/presence", `{"users": []}`); len(found.Users) != 0 {
		t.Errorf("asked for nobody and got %+v", found)
	}

	many := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("%q", fmt.Sprint("u", i)))
		}
		return `{"users": [` + strings.Join(names, ",") + `]}`
	}
	if found := ok[httpapi.Presences](s, "POST", "/presence", many(1000)); len(found.Users) != 1000 {
		t.Errorf("asked for 1000 and got %d", len(found.Users))
	}
	s.refuse(refused{413, hubbub.TooLarge, "1001"}, "POST", "/presence", many(1001))
	s.refuse(refused{422, hubbub.Invalid, "user"}, "POST", "/presence", `{"users": ["a b"]}`)
	s.refuse(refused{422, hubbub.Invalid, "body.users[1]"}, "POST", "/presence", `{"users": ["a", 7]}`)
	s.refuse(refused{422, hubbub.Invalid, "body.users"}, "POST", "/presence", `{"users": null}`)
	s.refuse(refused{422, hubbub.Invalid, "users"}, "POST", "/presence", `{}`)
}

func TestRooms(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "lobby"}, {Match: "eu/*"}}}})
	people(s)
	page := ok[httpapi.RoomPage](s, "GET", "/rooms", "")
	if want := []hubbub.RoomCount{{Room: "eu/north", Users: 1}, {Room: "lobby", Users: 2}}; !slices.Equal(page.Rooms, want) || page.Next != "" {
		t.Errorf("the rooms are %+v", page)
	}
	page = ok[httpapi.RoomPage](s, "GET", "/rooms?limit=1", "")
	if len(page.Rooms) != 1 || page.Next == "" {
		t.Errorf("the first page of rooms is %+v", page)
	}
	page = ok[httpapi.RoomPage](s, "GET", "/rooms?limit=1&after="+page.Next, "")
	if len(page.Rooms) != 1 || page.Rooms[0].Room != "lobby" || page.Next != "" {
		t.Errorf("the second page of rooms is %+v", page)
	}

	for path, want := range map[string]string{
		"/rooms/lobby":                   "lobby: ann bob, 2",
		"/rooms/lobby?limit=1":           "lobby: ann, 2, more",
		"/rooms/lobby?limit=1&after=ann": "lobby: bob, 2",
		"/rooms/eu%2Fnorth":              "eu/north: ann, 1",
		"/rooms/eu%2Fsouth":              "eu/south: , 0",
	} {
		room := ok[httpapi.Room](s, "GET", path, "")
		if got := room.Room + ": " + names(room.UserPage); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	s.refuse(refused{404, hubbub.NotFound, "no rule"}, "GET", "/rooms/us", "")
	s.refuse(refused{422, hubbub.Invalid, "room"}, "GET", "/rooms/%7B", "")
	s.refuse(refused{422, hubbub.Invalid, "query.limit"}, "GET", "/rooms?limit=-1", "")
}
