package postgres_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// TestErrorsOfConnectionsAreOneLine wants an error that stands in a log to have one line, and to say of each address once what is wrong, not
// first with TLS and then without.
func TestErrorsOfConnectionsAreOneLine(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	answers := refusing(t)
	for url, want := range map[string]string{
		"postgres://ann:secret@" + nobody + "/hub":                     nobody + " (",
		"postgres://ann:secret@" + answers + "/hub":                    "FATAL: no such luck",
		"postgres://ann:secret@" + answers + "/hub?sslmode=require":    "server refused TLS",
		"postgres://ann:secret@" + nobody + "," + answers + "/hub":     "FATAL: no such luck",
		"postgres://ann:secret@" + nobody + "," + nobody + "/anything": nobody + " (",
	} {
		_, err := postgres.Open(t.Context(), postgres.Options{URL: url})
		if err == nil {
			t.Fatalf("%s was opened", url)
		}
		said := err.Error()
		if strings.Count(said, want) != 1 || strings.ContainsAny(said, "\n\t") || strings.Contains(said, "secret") {
			t.Errorf("%s: want %q once and in one line, got %q", url, want, said)
		}
		if !strings.Contains(url, "require") && strings.Contains(said, "TLS") {
			t.Errorf("%s: TLS is not what is wrong: %q", url, said)
		}
		if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
			t.Errorf("%s: the cause is not to be found in %v", url, err)
		}
	}
}

// refusing is a server that speaks no TLS and refuses everybody.
func refusing(t *testing.T) (addr string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				request := make([]byte, 1024)
				n, err := c.Read(request)
				if err == nil && n == 8 { // for TLS
					c.Write([]byte("N"))
					return
				}
				if err == nil {
					c.Write([]byte("E\x00\x00\x00\x28SFATAL\x00VFATAL\x00C28000\x00Mno such luck\x00\x00"))
				}
			}()
		}
	}()
	return l.Addr().String()
}
