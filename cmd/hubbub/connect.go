package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

type connectCommand struct {
	URL string `arg:"" help:"Where to connect to: ws://, wss://, or HOST:PORT/PATH, which means ws://."`

	Room []string `sep:"none" placeholder:"NAME" help:"Speak hubbub.v1 and join this room; repeatable. Lines are sent to the first one."`
	User []string `sep:"none" placeholder:"NAME" help:"Speak hubbub.v1 and chat with this user. Lines are sent to the first one if there is no --room."`

	Send    []string      `sep:"none" placeholder:"MESSAGE" help:"Send this instead of lines of the standard input; repeatable."`
	Count   int           `placeholder:"N" help:"End after N messages have been received."`
	Wait    time.Duration `placeholder:"DURATION" help:"End so long after the last message was sent."`
	History int           `placeholder:"N" default:"-1" help:"How many messages that a room has already to begin with (default 10 at a terminal, 0 otherwise)."`

	JSON       bool `name:"json" help:"Print one JSON object per line."`
	Timestamps bool `short:"t" help:"Print the time before each message."`

	Token       string   `env:"HUBBUB_TOKEN" placeholder:"TOKEN" help:"Sent in the header Authorization. A command line can be seen by others on this machine, ${env} cannot."`
	Device      string   `placeholder:"NAME" help:"The device for hubbub.v1; a random one otherwise."`
	Header      []string `sep:"none" short:"H" placeholder:"NAME: VALUE" help:"Send this header with the handshake; repeatable."`
	Subprotocol []string `sep:"none" placeholder:"NAME" help:"Offer this subprotocol; repeatable."`
	Insecure    bool     `help:"Do not check the server's certificate."`
	CA          string   `name:"ca" type:"existingfile" placeholder:"FILE" help:"PEM certificates to trust instead of the system's."`
}

// The exit codes of connect besides 0. 1 is for everything else, and 80 for a command line that is wrong.
const (
	exitUnreachable = 2
	exitRefused     = 3
	exitClosed      = 4
	exitMissing     = 5
)

// Help is printed by --help below the flags' summary.
func (connectCommand) Help() string {
	return `Connects to any WebSocket server. Each line that is typed, or comes from a pipe, is sent as a text message; what the server
sends is printed. At a terminal lines can be edited, and the arrow keys bring earlier ones back; Ctrl-D ends. Without a terminal
it ends when its standard input does, or as --count and --wait say: an echo of the last line needs one of them.

With --room or --user it speaks hubbub.v1 to a hubbub gateway: it reconnects by itself and misses nothing. A line that is a JSON
object or array is sent as it is, any other one as {"text": LINE}. /to NAME and /to @USER choose where lines go, /who tells who is
there, /inbox lists notices, /read NUMBER or /read all marks them, /quit ends, and a line that begins with // is sent with one / less.

Messages go to the standard output, everything else to the standard error.

  hubbub connect ws://localhost:8080/echo
  hubbub connect 'localhost:8080/ws?user=ann' --room lobby --user bob
  hubbub connect localhost:8080/ws --room lobby --send '{"text":"deployed"}'
  hubbub connect wss://example.com/feed --json --count 10 | jq .text

Exit codes:
  0   done: the input ended, --count was reached, --wait is over, or the server closed normally (1000, 1001)
  1   any other error
  2   cannot connect: no such host, nothing listens there, its certificate is bad, no answer
  3   refused: the server answered with an HTTP status, or ended the session because of the credentials before it began
  4   closed by the server with another code, or cut off
  5   --wait was over before --count was reached
  80  the command line is wrong`
}

// exitError ends the program with a code.
type exitError struct {
	code int
	err  error
}

// Error may repeat what a server said, and ends on a terminal.
func (e *exitError) Error() string { return visible(e.err.Error()) }
func (e *exitError) Unwrap() error { return e.err }

// ExitCode is read by kong.
func (e *exitError) ExitCode() int { return e.code }

// Run connects and talks until one side has enough.
func (c *connectCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	target, err := c.target()
	if err != nil {
		return err
	}
	options, err := c.dialOptions()
	if err != nil {
		return err
	}
	s, err := openScreen(c.JSON, c.Timestamps, len(c.Send) == 0)
	if err != nil {
		return err
	}
	defer s.close()
	dial := c.dialRaw
	if c.speaksHubbub() {
		dial = c.dialHubbub
	}
	t, err := dial(ctx, target, options, s)
	if err != nil {
		return dialFailed(err)
	}
	defer t.close()
	return c.talk(ctx, t, s)
}

func (c *connectCommand) speaksHubbub() bool { return len(c.Room)+len(c.User) > 0 }

// target is the URL with what may be left out of it.
func (c *connectCommand) target() (string, error) {
	text := c.URL
	if !strings.Contains(text, "://") {
		text = "ws://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", errors.New("the URL must look like ws://localhost:8080/ws or localhost:8080/ws")
	}
	if c.speaksHubbub() && (u.Path == "" || u.Path == "/") {
		u.Path = "/ws"
	}
	return u.String(), nil
}

func (c *connectCommand) dialOptions() (ws.DialOptions, error) {
	o := ws.DialOptions{Header: http.Header{}, Subprotocols: c.Subprotocol, MaxMessage: 64 << 20}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return o, fmt.Errorf("the header %q has no colon: write it as in --header 'Origin: https://example.com'", name)
		}
		o.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if c.Token != "" {
		o.Header.Set("Authorization", "Bearer "+c.Token)
	}
	o.TLS = &tls.Config{InsecureSkipVerify: c.Insecure} // only if the user asks for it
	if c.CA == "" {
		return o, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return o, err
	}
	o.TLS.RootCAs = x509.NewCertPool()
	if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return o, fmt.Errorf("there is no certificate in %s: it must be PEM, with BEGIN CERTIFICATE", c.CA)
	}
	return o, nil
}

// dialFailed gives the error of a dial its exit code, and says what the server says.
func dialFailed(err error) error {
	var refused *ws.HandshakeError
	var closed ws.CloseInfo
	var known *exitError
	e, domain := errors.AsType[*hubbub.Error](err)
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &refused) && refused.Status != http.StatusSwitchingProtocols:
		return &exitError{exitRefused, errors.New(refusalOf(refused))}
	case errors.As(err, &closed) && domain:
		return &exitError{exitRefused, fmt.Errorf("refused with the close code %d: %s (%s)", closed.Code, e.Message, e.Reason)}
	case errors.As(err, &closed):
		return &exitError{exitClosed, err}
	}
	return &exitError{exitUnreachable, fmt.Errorf("cannot connect: %w%s", err, remedy(err))}
}

// remedy says what to do about the two ways in which people most often miss a server; "" for others.
func remedy(err error) string {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "; nothing listens there: is the server running, and is this its port?"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "; the server speaks no TLS on this port: try ws:// or http://"
	}
	return ""
}
