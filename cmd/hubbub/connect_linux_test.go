package main_test

import (
	"fmt"
	"io"
	"os"
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

// TestConnectAtATerminal types: a line, the same line again by an arrow key, a message for another user, and Ctrl-D.
func TestConnectAtATerminal(t *testing.T) {
	s := newShell(t)
	person, program := openTerminal(t)
	cmd := s.command(t, "", "connect", "--room", "lobby", "--user", "bob", s.as("ann"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	var screen display
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&screen, person) // ends with an error when the program does
	}()
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
		if _, err := person.WriteString(step.typed); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, fmt.Sprintf("%q after %q", step.want, step.typed), func() bool { return screen.contains(step.want) })
	}
	if _, err := person.WriteString("\x04"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	<-read
	person.Close()
}
