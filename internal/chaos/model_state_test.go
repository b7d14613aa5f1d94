package chaos_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// session is one that a client is connected with.
type session struct {
	id, user, device, platform, node string
	in                               []string // rooms
}

// truth is who is connected, as the clients know it.
type truth []session

func (t truth) sessions() map[string]string {
	all := map[string]string{}
	for _, s := range t {
		all[s.id] = s.user
	}
	return all
}

func (t truth) users() map[string]bool {
	all := map[string]bool{}
	for _, s := range t {
		all[s.user] = true
	}
	return all
}

func (t truth) rooms() map[string]bool {
	all := map[string]bool{}
	for _, s := range t {
		for _, room := range s.in {
			all[room] = true
		}
	}
	return all
}

// present are those who are in a room.
func (t truth) present(room string) map[string]bool {
	all := map[string]bool{}
	for _, s := range t {
		if slices.Contains(s.in, room) {
			all[s.user] = true
		}
	}
	return all
}

// devices are those of each user, with the number of their sessions: "laptop/web*1 phone/ios*1".
func (t truth) devices() map[string]string {
	count := map[string]map[string]int{}
	for _, s := range t {
		if count[s.user] == nil {
			count[s.user] = map[string]int{}
		}
		count[s.user][s.device+"/"+s.platform]++
	}
	all := map[string]string{}
	for user, devices := range count {
		all[user] = written(devices)
	}
	return all
}

func written(devices map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		parts = append(parts, fmt.Sprintf("%s*%d", name, devices[name]))
	}
	return strings.Join(parts, " ")
}

// view is the same as a node tells it.
type view struct {
	node            string
	users, sessions int                        // counted
	devices         map[string]string          // by user who is online, as truth has it
	present         map[string]map[string]bool // by room
	rooms           map[string]int             // users in each room
}

// differs compares what a node tells with what is.
func (v view) differs(now truth) (wrong []string) {
	if users := len(now.users()); v.users != users || v.sessions != len(now) {
		wrong = append(wrong, fmt.Sprintf("%d users with %d sessions, and there are %d with %d", v.users, v.sessions, users, len(now)))
	}
	wrong = append(wrong, differ("online with", v.devices, now.devices())...)
	rooms := map[string]int{}
	for room := range now.rooms() {
		rooms[room] = len(now.present(room))
		wrong = append(wrong, differ("in "+room, v.present[room], now.present(room))...)
	}
	wrong = append(wrong, differ("a room", v.rooms, rooms)...)
	for i := range wrong {
		wrong[i] = v.node + " says: " + wrong[i]
	}
	return wrong
}

// journal is what a store takes for open.
type journal struct {
	sessions map[string]string // ids: whose
	online   map[string]bool
}

func (j journal) differs(now truth) []string {
	wrong := differ("a session in the journal", j.sessions, now.sessions())
	return append(wrong, differ("online in the journal", j.online, now.users())...)
}

// crowded says which of the users who may have one device of each platform are connected with more, or with none.
func (t truth) crowded(users []string) (wrong []string) {
	for _, user := range users {
		devices := map[string]map[string]bool{} // by platform
		for _, s := range t {
			if s.user != user {
				continue
			}
			if devices[s.platform] == nil {
				devices[s.platform] = map[string]bool{}
			}
			devices[s.platform][s.device] = true
		}
		if len(devices) == 0 {
			wrong = append(wrong, user+" is signed in nowhere: both devices had to give way")
		}
		for platform, of := range devices {
			if len(of) > 1 {
				wrong = append(wrong, fmt.Sprintf("%s is signed in with %v of the platform %s", user, slices.Sorted(maps.Keys(of)), platform))
			}
		}
	}
	return wrong
}

// ended says which sessions go on that were signed out, and whose users were blocked.
func (t truth) ended(sessions, blocked map[string]bool) (wrong []string) {
	for _, s := range t {
		if sessions[s.id] {
			wrong = append(wrong, fmt.Sprintf("the session %s of %s goes on, and was ended", s.id, s.user))
		}
		if blocked[s.user] {
			wrong = append(wrong, fmt.Sprintf("%s is here with the session %s, and is blocked", s.user, s.id))
		}
	}
	return wrong
}

// inbox compares the notices in an inbox, each by id and title, and its count, with those that were published.
func inbox(user string, found [][2]string, unread int, published map[string]string) (wrong []string) {
	here, titles := map[string]bool{}, map[string]bool{}
	for _, n := range found {
		if here[n[0]] || titles[n[1]] {
			wrong = append(wrong, fmt.Sprintf("the notice %v is in the inbox of %s twice", n, user))
		}
		here[n[0]], titles[n[1]] = true, true
	}
	for id, title := range published {
		if !here[id] || !titles[title] {
			wrong = append(wrong, fmt.Sprintf("the notice %s, %s, was published, and is not in the inbox of %s", id, title, user))
		}
	}
	if unread != len(found) {
		wrong = append(wrong, fmt.Sprintf("%d notices of %s are counted, and there are %d", unread, user, len(found)))
	}
	slices.Sort(wrong)
	return wrong
}
