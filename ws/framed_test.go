package ws_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

// framed is a message with its frame.
func framed(text string) ws.Message {
	return ws.Framed(append(make([]byte, ws.Headroom, ws.Headroom+len(text)), text...))
}

// TestFramedMessagesAreLikeOthers has messages of all sizes of header sent both ways, to one and to many, with compression and without.
func TestFramedMessagesAreLikeOthers(t *testing.T) {
	for name, compression := range map[string]ws.Compression{
		"plain": {}, "shared": {Mode: ws.CompressionShared}, "own": {Mode: ws.CompressionTakeover},
	} {
		t.Run(name, func(t *testing.T) {
			srv := ws.NewServer(ws.Options{Compression: compression})
			t.Cleanup(func() { _ = srv.Shutdown(t.Context()) })
			s := wstest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, err := srv.Upgrade(w, r)
				if err != nil {
					t.Error(err)
					return
				}
				_ = srv.Group("all").Add(c)
				c.OnMessage(func(m ws.Message) {
					_ = c.Send(framed(m.String()))
					_ = srv.Group("all").Broadcast(framed(m.String()))
				})
			}))
			c := s.Dial(t, "/", ws.DialOptions{Compression: compression})
			var mu sync.Mutex
			var got []string
			c.OnMessage(func(m ws.Message) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, m.String())
			})
			for i, size := range []int{0, 1, 125, 126, 65535, 65536, 100_000} {
				text := strings.Repeat("é", size/2) + strings.Repeat("x", size%2)
				if err := c.Send(framed(text)); err != nil {
					t.Fatal(err)
				}
				testkit.Eventually(t, "the message to come back twice", func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(got) == 2*(i+1)
				})
				mu.Lock()
				if got[2*i] != text || got[2*i+1] != text {
					t.Errorf("%d bytes came back as %d and %d", len(text), len(got[2*i]), len(got[2*i+1]))
				}
				mu.Unlock()
			}
		})
	}
}

func TestFramedMessagesMustBeText(t *testing.T) {
	srv := ws.NewServer(ws.Options{})
	if err := srv.Broadcast(framed("\xff")); err == nil {
		t.Error("what is no text was taken for it")
	}
}
