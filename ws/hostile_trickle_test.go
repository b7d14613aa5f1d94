package ws_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// TestCloseBehindLargeMessage closes behind one message that a slow but willing client takes longer to read than
// CloseTimeout.
func TestCloseBehindLargeMessage(t *testing.T) {
	const timeout = 600 * time.Millisecond
	big := strings.Repeat("b", 2<<20)
	for _, encrypted := range []bool{false, true} {
		s := serveRaw(t, rawSetup{tight: true, tls: encrypted, Options: ws.Options{CloseTimeout: timeout}}, func(c *ws.Conn) {
			c.OnMessage(func(ws.Message) {
				c.Send(ws.Text(big))
				c.Close(3000, "done")
			})
		})
		c := rawDialMaybeTLS(t, s.addr, encrypted)
		c.tcp().SetReadBuffer(64 << 10)
		c.text("go")
		tick := time.NewTicker(timeout / 20)
		defer tick.Stop()
		const header = 10
		for left := int64(header + len(big)); left > 0; {
			<-tick.C
			n, err := io.CopyN(io.Discard, c.r, min(left, 40<<10))
			if left -= n; err != nil {
				t.Fatalf("TLS %v: with %d bytes to come: %v", encrypted, left, err)
			}
		}
		c.wantClose(3000)
		c.write(maskedClose(3000, ""))
		c.wantEnd()
		if info := s.wantEnded(3000); info.Err != nil {
			t.Errorf("the conn ended with %v", info)
		}
	}
}
