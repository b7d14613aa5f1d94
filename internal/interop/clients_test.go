package interop_test

import (
	"path/filepath"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// deflating are the compressing servers that clients meet.
var deflating = map[string]ws.Options{
	"shared":   {Compression: ws.Compression{Mode: ws.CompressionShared}},
	"takeover": {Compression: ws.Compression{Mode: ws.CompressionTakeover}},
}

// The close frame that each scenario leaves with the server. 1000 where none is named.
var leaves = map[string]ws.Code{"closes": 4321, "closesWithoutCode": ws.CodeNoStatus, "closed": 4400}

func TestNodeClient(t *testing.T) {
	s := serve(t, ws.Options{Subprotocols: []string{"hubbub.test"}})
	for _, scenario := range []string{
		"text", "binary", "pipelined", "ping", "pinged", "fragments", "large", "closes", "closesWithoutCode", "closed", "subprotocol",
	} {
		t.Run(scenario, func(t *testing.T) {
			testkit.Node(t, "testdata/node", "client.mjs", scenario, "ws://"+s.addr).Succeed(t)
			expectLeaving(t, s, scenario)
		})
	}
	t.Run("declined", func(t *testing.T) {
		testkit.Node(t, "testdata/node", "client.mjs", "declined", "ws://"+s.addr, "true").Succeed(t)
		s.expectClose(t, ws.CodeNormal, "")
	})
	for scenario, code := range map[string]ws.Code{"tooLarge": ws.CodeTooBig, "notUTF8": ws.CodeInvalidData} {
		t.Run(scenario, func(t *testing.T) {
			testkit.Node(t, "testdata/node", "client.mjs", scenario, "ws://"+s.addr).Succeed(t)
			if why := testkit.Receive(t, "the server to see the close", s.closed); why.Code != code || why.Err == nil {
				t.Errorf("server saw close %d, error %v; want %d and an error", why.Code, why.Err, code)
			}
		})
	}
}

func TestNodeClientDeflate(t *testing.T) {
	for mode, o := range deflating {
		s := serve(t, o)
		for _, offer := range []string{
			`true`, // ws's own: client_max_window_bits
			`{"serverNoContextTakeover": true, "clientNoContextTakeover": true}`,
			`{"serverMaxWindowBits": 15, "clientMaxWindowBits": 10}`,
			`{"threshold": 0}`,
		} {
			t.Run(mode+" "+offer, func(t *testing.T) {
				testkit.Node(t, "testdata/node", "client.mjs", "deflate", "ws://"+s.addr, offer).Succeed(t)
				s.expectClose(t, ws.CodeNormal, "")
			})
		}
	}
}

func TestPythonClient(t *testing.T) {
	s := serve(t, ws.Options{Subprotocols: []string{"hubbub.test"}})
	for _, scenario := range []string{"messages", "fragments", "closes", "closed", "subprotocol"} {
		t.Run(scenario, func(t *testing.T) {
			testkit.Python(t, filepath.Join("testdata", "client.py"), scenario, "ws://"+s.addr).Succeed(t)
			expectLeaving(t, s, scenario)
		})
	}
	t.Run("ping", func(t *testing.T) {
		testkit.Python(t, filepath.Join("testdata", "client.py"), "ping", "ws://"+s.addr).Succeed(t)
		s.expectClose(t, ws.CodeNormal, "")
		s.expectClose(t, ws.CodeNormal, "")
	})
	for mode, o := range deflating {
		t.Run("deflate "+mode, func(t *testing.T) {
			s := serve(t, o)
			testkit.Python(t, filepath.Join("testdata", "client.py"), "deflate", "ws://"+s.addr, "deflate").Succeed(t)
			s.expectClose(t, ws.CodeNormal, "")
		})
	}
}

// expectLeaving waits for the end of the scenario's conn as the server saw it.
func expectLeaving(t *testing.T, s *server, scenario string) {
	t.Helper()
	code, ok := leaves[scenario]
	reason := map[string]string{"closes": "I häve to go", "closed": "enough"}[scenario]
	if !ok {
		code = ws.CodeNormal
	}
	s.expectClose(t, code, reason)
}
