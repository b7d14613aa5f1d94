package chaos_test

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// longest is how much a trail keeps.
const longest = 600

// trail is what has happened last to something, each with its time. The zero value is empty. Its methods may be called concurrently.
type trail struct {
	mu    sync.Mutex
	lines []string
	next  int // where the next line goes, once there are as many as are kept
}

func (t *trail) add(format string, args ...any) {
	line := time.Now().Format("15:04:05.000 ") + fmt.Sprintf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) < longest {
		t.lines = append(t.lines, line)
		return
	}
	t.lines[t.next] = line
	t.next = (t.next + 1) % longest
}

// about returns the lines that have one of the words, the oldest first.
func (t *trail) about(words ...string) (lines []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.lines {
		line := t.lines[(t.next+i)%len(t.lines)]
		for _, word := range words {
			if strings.Contains(line, word) {
				lines = append(lines, line)
				break
			}
		}
	}
	return lines
}

// explain prints what was heard of the streams that something is wrong with: by those whom it concerns, what was accepted, and when their
// connections came and went; and of users that something is wrong with what was told, and what the store has.
func (w *world) explain(wrong []string) {
	all := strings.Join(wrong, "\n")
	for _, user := range w.users() {
		if !strings.Contains(all+" ", user+" ") {
			continue
		}
		w.t.Logf("told of %s:\n%s", user, strings.Join(w.ear.trail.about(user+"  "), "\n"))
		if w.servers.kept != nil {
			w.t.Logf("the store has of %s:\n%s", user, w.servers.kept(user))
		}
	}
	var who []string
	for _, s := range append([]*seat{w.keeper}, w.seats...) {
		if strings.Contains(all, s.String()+" ") {
			who = append(who, s.String()+" ")
			w.t.Logf("connections of %s:\n%s", s, strings.Join(s.trail.about(""), "\n"))
		}
	}
	for name, s := range w.streams {
		if strings.Contains(all, name+": ") {
			w.t.Logf("%s:\n%s", name, strings.Join(s.trail.about(append(who, "accepted ")...), "\n"))
		}
	}
}
