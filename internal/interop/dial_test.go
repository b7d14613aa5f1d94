package interop_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

func TestDialNode(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		node := testkit.Node(t, "testdata/node", "server.mjs")
		base := "ws://127.0.0.1:" + node.Line(t, "port ")
		dialServer(t, node, base, ws.DialOptions{})

		t.Run("pinged", func(t *testing.T) {
			p := dial(t, base+"/ping", ws.DialOptions{})
			if m := testkit.Receive(t, "the pong's echo", p.messages); string(m.Data) != "pong are you there?" {
				t.Errorf("got %s", brief(m))
			}
		})
	})
	for mode, o := range deflating {
		for _, accept := range []string{
			`true`,
			`{"serverNoContextTakeover": true, "clientNoContextTakeover": true}`,
			`{"threshold": 0}`,
		} {
			t.Run(mode+" "+accept, func(t *testing.T) {
				node := testkit.Node(t, "testdata/node", "server.mjs", accept)
				dialServer(t, node, "ws://127.0.0.1:"+node.Line(t, "port "), ws.DialOptions{Compression: o.Compression})
			})
		}
	}
}

func TestDialPython(t *testing.T) {
	script := filepath.Join("testdata", "server.py")
	t.Run("plain", func(t *testing.T) {
		python := testkit.Python(t, script)
		dialServer(t, python, "ws://127.0.0.1:"+python.Line(t, "port "), ws.DialOptions{})
	})
	for mode, o := range deflating {
		t.Run(mode, func(t *testing.T) {
			python := testkit.Python(t, script, "deflate")
			dialServer(t, python, "ws://127.0.0.1:"+python.Line(t, "port "), ws.DialOptions{Compression: o.Compression})
		})
	}
}

// dialServer has hubbub's client talk to a program's echo server.
func dialServer(t *testing.T, program *testkit.Process, base string, o ws.DialOptions) {
	t.Helper()
	o.Subprotocols = []string{"other", "hubbub.test"}
	p := dial(t, base+"/echo", o)
	if got := p.Subprotocol(); got != "hubbub.test" {
		t.Errorf("subprotocol %q", got)
	}
	if compressed := strings.Contains(p.Extensions(), "permessage-deflate"); compressed != (o.Compression.Mode != ws.CompressionOff) {
		t.Errorf("extensions %q with compression mode %d", p.Extensions(), o.Compression.Mode)
	}
	for _, text := range []string{"häß € 𝄞", "", strings.Repeat("abc", 1000), strings.Repeat("abc", 1001), strings.Repeat("z", 1<<20-16)} {
		p.expectEcho(t, ws.Message{Data: []byte(text)})
	}
	p.expectEcho(t, ws.Message{Data: bytes.Repeat([]byte{0, 1, 2, 255}, 50_000), Binary: true})
	p.Ping([]byte("abc"))
	if got := testkit.Receive(t, "the pong", p.pongs); string(got) != "abc" {
		t.Errorf("got pong %q", got)
	}
	p.Close(4321, "I häve to go")
	if got := program.Line(t, "closed "); got != "4321 I häve to go" {
		t.Errorf("the program saw close %s", got)
	}
	if why := testkit.Receive(t, "the close", p.closed); why.Code != 4321 || why.Err != nil {
		t.Errorf("got close %+v", why)
	}

	p = dial(t, base+"/close", o)
	if why := testkit.Receive(t, "the close", p.closed); why.Code != 4400 || why.Reason != "enough" || why.Err != nil {
		t.Errorf("got close %+v, want 4400 and enough", why)
	}
	p = dial(t, base+"/fragments", o)
	if m := testkit.Receive(t, "a fragmented message", p.messages); string(m.Data) != "one, two" || m.Binary {
		t.Errorf("got %s", brief(m))
	}
	if body := refused(t, base+"/refuse", o, 401); body != "who are you?" {
		t.Errorf("got body %q", body)
	}
}
