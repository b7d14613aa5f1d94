package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// openTerminal returns both ends of a pseudo-terminal: the one of the person and the one of the program.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// display keeps what was printed.
type display struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *display) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(b)
}

func (d *display) contains(s string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Contains(d.text.String(), s)
}

// seated is a command at a terminal.
type seated struct {
	cmd    *exec.Cmd
	person *os.File
	screen display
	read   chan struct{} // closed when all was read
}

// sit starts a command at a terminal.
func sit(t *testing.T, cmd *exec.Cmd) *seated {
	t.Helper()
	person, program := openTerminal(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	s := &seated{cmd: cmd, person: person, read: make(chan struct{})}
	go func() {
		defer close(s.read)
		_, _ = io.Copy(&s.screen, person) // ends with an error when the program does
	}()
	return s
}

// types types, and waits until the screen shows something.
func (s *seated) types(t *testing.T, typed, want string) {
	t.Helper()
	if _, err := s.person.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, fmt.Sprintf("%q after %q", want, typed), func() bool { return s.screen.contains(want) })
}

// leaves types Ctrl-D, which ends the command.
func (s *seated) leaves(t *testing.T) {
	t.Helper()
	if _, err := s.person.WriteString("\x04"); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	<-s.read
	s.person.Close()
}

// TestConnectAtATerminal types: a line, the same line again by an arrow key, a message for another user, and Ctrl-D.
func TestConnectAtATerminal(t *testing.T) {
	s := newShell(t)
	ann := sit(t, s.command(t, "", "connect", "--room", "lobby", "--user", "bob", s.as("ann")))
	for _, step := range []struct{ typed, want string }{
		{"", "lobby> "},
		{"hello\r", "#lobby ann: hello"},
		{"\x1b[A, again\r", `#lobby ann: hello, again`},
		{"/who\r", "* 1 in lobby: ann"},
		{"/to @bob\r", "@bob> "},
		{"psst\r", "@bob ann: psst"},
		{"/to nowhere\r", `have not joined "nowhere"`},
		{"/help\r", "/quit"},
	} {
		ann.types(t, step.typed, step.want)
	}
	ann.leaves(t)
}

// TestInboxAtATerminal shows a notice that waits, and one that comes, and marks them.
func TestInboxAtATerminal(t *testing.T) {
	s := newShell(t)
	s.notice(t, "--user", "ann", "--title", "waited", "--category", "orders", "--link", "/orders/17")
	ann := sit(t, s.command(t, "", "connect", "--room", "lobby", s.as("ann")))
	ann.types(t, "", "unread notices: 1")
	ann.types(t, "", "lobby (1 unread)> ")
	withdrawn := s.notice(t, "--user", "ann", "--title", "a\u202e", "--body", "come")
	ann.types(t, "", `* notice: a\u202e: come`)
	ann.types(t, "", "lobby (2 unread)> ")
	ann.types(t, "/inbox\r", "unseen [orders] waited </orders/17>")
	ann.types(t, "/read 9\r", "a number that /inbox shows")
	ann.types(t, "/read 2\r", "marked as read: 1, still unread: 1")
	ann.types(t, "/inbox\r", "read [orders] waited")
	if _, aside, code := s.run(t, "", "publish", "--withdraw", withdrawn.ID); code != 0 {
		t.Errorf("withdrawing ends with %d: %s", code, aside)
	}
	ann.types(t, "/read all\r", "marked as read: 0, still unread: 0")
	s.notice(t, "--user", "ann", "--title", "last")
	ann.types(t, "", "notice: last")
	ann.types(t, "/read all\r", "marked as read: 1, still unread: 0")
	ann.leaves(t)
}

// TestOthersDoNotControlTheTerminal sends what would clear the screen, turn the direction of writing, and look like somebody else's line.
func TestOthersDoNotControlTheTerminal(t *testing.T) {
	s := newShell(t)
	hostile := s.command(t, "", "connect", "--room", "lobby", "--send", "{\"text\":\"a\\u001b[2J\\u202e\\n#lobby bob: yes\"}", s.as("mallory"))
	if out, err := hostile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ann := sit(t, s.command(t, "", "connect", "--room", "lobby", "--history", "1", s.as("ann")))
	want := "#lobby mallory: a\\x1b[2J\\u202e\r\n    #lobby bob: yes"
	ann.types(t, "", want)
	ann.leaves(t)
}

// TestServersDoNotControlTheTerminal is refused by a server whose reason would set the title of the window.
func TestServersDoNotControlTheTerminal(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"detail":"no\u001b]0;mine\u0007","reason":"unauthorized"}`)
	}))
	defer server.Close()
	out, err := newShell(t).command(t, "", "connect", "--send", "x", strings.Replace(server.URL, "http", "ws", 1)).CombinedOutput()
	if err == nil || strings.Contains(string(out), "\x1b") || !strings.Contains(string(out), `no\x1b]0;mine\x07`) {
		t.Errorf("%v: %q", err, out)
	}
}
