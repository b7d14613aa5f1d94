package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"

	"github.com/hubbub-dev/hubbub/ws"
)

// screen is what connect reads from and prints to: a terminal with line editing, or pipes. Its methods may be called
// concurrently.
type screen struct {
	// Immutable.
	json, times bool
	escape      bool           // the output is a terminal, which messages must not control
	terminal    *term.Terminal // nil without line editing
	before      *term.State    // of the terminal

	mu sync.Mutex
}

// openScreen prepares the terminal, if there is one and lines are to be typed.
func openScreen(asJSON, times, typed bool) (*screen, error) {
	in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
	s := &screen{json: asJSON, times: times, escape: term.IsTerminal(out)}
	if !typed || !s.escape || !term.IsTerminal(in) {
		return s, nil
	}
	before, err := term.MakeRaw(in)
	if err != nil {
		return nil, fmt.Errorf("prepare the terminal: %w", err)
	}
	s.before = before
	s.terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, "> ")
	return s, nil
}

// editing tells whether somebody types at a terminal.
func (s *screen) editing() bool { return s.terminal != nil }

// close gives the terminal back.
func (s *screen) close() {
	if s.before == nil {
		return
	}
	s.prompt("")
	_ = term.Restore(int(os.Stdin.Fd()), s.before) // nothing can be done about it
	fmt.Println()
}

// prompt says where lines go, at once.
func (s *screen) prompt(p string) {
	if s.terminal == nil {
		return
	}
	s.terminal.SetPrompt(p)
	_, _ = s.terminal.Write(nil) // paints it; fails if the output does
}

// maxLine is the longest line that is read.
const maxLine = 64 << 20

// lines begins to read what is typed, or piped. The channel is closed at the end. Nobody waits for the goroutine, since reading
// from the standard input cannot be interrupted; it ends with the program.
func (s *screen) lines() <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		if s.terminal != nil {
			s.edit(lines)
			return
		}
		in := bufio.NewScanner(os.Stdin)
		in.Buffer(nil, maxLine)
		for in.Scan() {
			lines <- in.Text()
		}
		if err := in.Err(); err != nil {
			s.note("the standard input cannot be read any further: " + err.Error())
		}
	}()
	return lines
}

func (s *screen) edit(lines chan<- string) {
	for {
		if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 {
			_ = s.terminal.SetSize(width, height) // fails if the output does
		}
		line, err := s.terminal.ReadLine()
		if err != nil {
			return
		}
		if line != "" {
			lines <- line
		}
	}
}

// write prints a line to the standard output, or to the standard error for what is no message.
func (s *screen) write(aside bool, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var to io.Writer = os.Stdout
	switch {
	case s.terminal != nil:
		to = s.terminal
	case aside:
		to = os.Stderr
	}
	_, _ = io.WriteString(to, line+"\n") // a reader who is gone is told by a signal
}

// note tells the user something about the connection. With JSON it tells it on the standard error.
func (s *screen) note(text string) { s.write(true, s.clean(s.stamp(time.Now())+"* "+text)) }

// message prints a message for people, with the time at which it was sent or came.
func (s *screen) message(at time.Time, text string) { s.write(false, s.clean(s.stamp(at)+text)) }

// stamp is a time, if it is wanted.
func (s *screen) stamp(at time.Time) string {
	if !s.times {
		return ""
	}
	return at.Local().Format("15:04:05.000 ")
}

// clean makes a text visible for a terminal.
func (s *screen) clean(text string) string {
	if !s.escape {
		return text
	}
	return visible(text)
}

// visible makes control characters and changes of the direction of writing visible, so that what others wrote cannot do things to the
// user's terminal, and indents lines after the first, so that a message cannot look like several.
func visible(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			out.WriteString("\n    ")
		case r != '\t' && unicode.IsControl(r):
			fmt.Fprintf(&out, "\\x%02x", r)
		case unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			fmt.Fprintf(&out, "\\u%04x", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// event is a line for scripts.
type event struct {
	Event  string  `json:"event"`
	Time   int64   `json:"time"` // when it came, in Unix milliseconds
	Text   *string `json:"text,omitempty"`
	Binary []byte  `json:"binary,omitempty"` // base64
	Params any     `json:"params,omitempty"`
}

func (s *screen) event(e event) {
	e.Time = time.Now().UnixMilli()
	line, err := json.Marshal(e)
	if err != nil {
		s.note("a message cannot be printed: " + err.Error())
		return
	}
	s.write(false, string(line))
}

// raw prints a message of a server of which nothing is known.
func (s *screen) raw(m ws.Message) {
	now := time.Now()
	switch text := m.String(); {
	case s.json && m.Binary:
		s.event(event{Event: "message", Binary: m.Data})
	case s.json:
		s.event(event{Event: "message", Text: &text})
	case m.Binary:
		s.message(now, fmt.Sprintf("binary message of %d bytes: %x", len(m.Data), m.Data[:min(len(m.Data), 64)]))
	case s.terminal != nil:
		s.message(now, "< "+text)
	default:
		s.message(now, text)
	}
}
