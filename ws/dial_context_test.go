package ws_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

func TestDialContext(t *testing.T) {
	enough := errors.New("enough")
	silent := func(string) string { return "" }
	half := func(string) string { return "HTTP/1.1 101 Switching Protocols\r\nUpg" }
	for name, tt := range map[string]struct {
		reply   func(string) string
		scheme  string
		options ws.DialOptions
		limit   func(context.Context) (context.Context, context.CancelFunc)
		want    error
	}{
		"deadline, no answer":   {reply: silent, limit: deadline, want: context.DeadlineExceeded},
		"deadline, half header": {reply: half, limit: deadline, want: context.DeadlineExceeded},
		"deadline in TLS":       {reply: silent, scheme: "wss", limit: deadline, want: context.DeadlineExceeded},
		"timeout":               {reply: half, options: ws.DialOptions{Timeout: 50 * time.Millisecond}, limit: context.WithCancel, want: context.DeadlineExceeded},
		"cancelled before": {reply: silent, want: enough, limit: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(enough)
			return ctx, func() {}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			ctx, cancel := tt.limit(t.Context())
			defer cancel()
			address := byHand(t, tt.reply)
			if tt.scheme != "" {
				address = tt.scheme + strings.TrimPrefix(address, "ws")
			}
			c, err := ws.Dial(ctx, address, tt.options)
			if c != nil || !errors.Is(err, tt.want) {
				t.Errorf("Dial: %v, want %v", err, tt.want)
			}
		})
	}
}

func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 50*time.Millisecond)
}

// The server dribbles for as long as it is let, and each byte is in time.
func TestDialContextAgainstADribble(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	served := make(chan struct{})
	_, err := ws.Dial(ctx, "ws://dribble.invalid", ws.DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer close(served)
			defer server.Close()
			http.ReadRequest(bufio.NewReader(server))
			text := switching("", strings.Repeat("A: b\r\n", 1000))
			for i := range len(text) {
				if i == 200 {
					cancel(enough)
				}
				if _, err := io.WriteString(server, text[i:i+1]); err != nil {
					return
				}
			}
		}()
		return client, nil
	}})
	if !errors.Is(err, enough) {
		t.Errorf("Dial: %v", err)
	}
	<-served
}

func TestDialContextDoesNotMatterAfterwards(t *testing.T) {
	noLeaks(t)
	addr, roots := secure(t, ws.Listen)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := ws.Dial(ctx, "wss://"+addr, ws.DialOptions{TLS: &tls.Config{RootCAs: roots}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	echoes(t, c)
}
