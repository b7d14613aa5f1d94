package ws

import (
	"strings"
	"testing"
)

var (
	shared   = Compression{Mode: CompressionShared}
	takeover = Compression{Mode: CompressionTakeover}
)

func TestAcceptDeflate(t *testing.T) {
	const bothOff = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	noTakeover := deflateParams{enabled: true, sendBits: 15, receiveBits: 15}
	full := deflateParams{enabled: true, sendTakeover: true, receiveTakeover: true, sendBits: 15, receiveBits: 15}
	for _, test := range []struct {
		name     string
		offers   []string
		c        Compression
		response string // "" is a refusal
		params   deflateParams
	}{
		{"off", []string{"permessage-deflate"}, Compression{}, "", deflateParams{}},
		{"no offer", nil, shared, "", deflateParams{}},
		{"shared, browser", []string{"permessage-deflate; client_max_window_bits"}, shared, bothOff, noTakeover},
		{"shared, small client window", []string{"permessage-deflate; client_max_window_bits=10"}, shared,
			bothOff + "; client_max_window_bits=10", deflateParams{enabled: true, sendBits: 15, receiveBits: 10}},
		{"shared, full server window", []string{"permessage-deflate; server_max_window_bits=15"}, shared,
			bothOff + "; server_max_window_bits=15", noTakeover},
		{"shared, small server window", []string{"permessage-deflate; server_max_window_bits=12"}, shared, "", deflateParams{}},
		{"shared, small server window and a fallback",
			[]string{"permessage-deflate; server_max_window_bits=12, permessage-deflate"}, shared, bothOff, noTakeover},
		{"takeover", []string{"permessage-deflate; client_max_window_bits"}, takeover, "permessage-deflate", full},
		{"takeover, not by the server", []string{"permessage-deflate; server_no_context_takeover"}, takeover,
			"permessage-deflate; server_no_context_takeover",
			deflateParams{enabled: true, receiveTakeover: true, sendBits: 15, receiveBits: 15}},
		{"takeover, not by the client", []string{"permessage-deflate; client_no_context_takeover"}, takeover,
			"permessage-deflate; client_no_context_takeover",
			deflateParams{enabled: true, sendTakeover: true, sendBits: 15, receiveBits: 15}},
		{"takeover, small windows", []string{"permessage-deflate; server_max_window_bits=9; client_max_window_bits=12"}, takeover,
			"permessage-deflate; server_max_window_bits=9; client_max_window_bits=12",
			deflateParams{enabled: true, sendTakeover: true, receiveTakeover: true, sendBits: 9, receiveBits: 12}},

		{"other extensions first", []string{"bbf-usp-protocol, x-webkit-deflate-frame; x=1", "permessage-deflate"}, shared,
			bothOff, noTakeover},
		{"unknown parameter, then a fallback", []string{"permessage-deflate; level=9 , permessage-deflate"}, shared,
			bothOff, noTakeover},
		{"unknown parameter", []string{"permessage-deflate; level=9"}, shared, "", deflateParams{}},
		{"repeated parameter", []string{"permessage-deflate; client_max_window_bits; client_max_window_bits"}, shared,
			"", deflateParams{}},
		{"repeated in another form", []string{"permessage-deflate; client_max_window_bits; client_max_window_bits=9"}, shared,
			"", deflateParams{}},
		{"flag with a value", []string{"permessage-deflate; server_no_context_takeover=1"}, shared, "", deflateParams{}},
		{"server bits without a value", []string{"permessage-deflate; server_max_window_bits"}, takeover, "", deflateParams{}},
		{"7 bits", []string{"permessage-deflate; client_max_window_bits=7"}, takeover, "", deflateParams{}},
		{"16 bits", []string{"permessage-deflate; client_max_window_bits=16"}, takeover, "", deflateParams{}},
		{"leading zero", []string{"permessage-deflate; client_max_window_bits=09"}, takeover, "", deflateParams{}},
		{"empty value", []string{"permessage-deflate; client_max_window_bits="}, takeover, "", deflateParams{}},
		{"quoted value", []string{`,permessage-deflate ; client_max_window_bits = "1\0" , `}, takeover,
			"permessage-deflate; client_max_window_bits=10",
			deflateParams{enabled: true, sendTakeover: true, receiveTakeover: true, sendBits: 15, receiveBits: 10}},
		{"comma in quotes", []string{`x; y="a,permessage-deflate"`}, shared, "", deflateParams{}},
		{"open quote", []string{`permessage-deflate; client_max_window_bits="10`}, takeover, "", deflateParams{}},
		{"no separator", []string{"permessage-deflate client_max_window_bits"}, shared, "", deflateParams{}},
		{"no name", []string{"; client_max_window_bits"}, shared, "", deflateParams{}},
		{"no parameter", []string{"permessage-deflate;"}, shared, "", deflateParams{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			params, response, ok := acceptDeflate(test.offers, test.c)
			if params != test.params || response != test.response || ok != (test.response != "") {
				t.Errorf("got %+v, %q, %v", params, response, ok)
			}
		})
	}
}

func TestConfirmDeflate(t *testing.T) {
	for _, test := range []struct {
		name     string
		response string
		c        Compression
		params   deflateParams
		problem  string // part of the error
	}{
		{"declined", "", shared, deflateParams{}, ""},
		{"not offered", "permessage-deflate", Compression{}, deflateParams{}, "none was offered"},
		{"shared", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", shared,
			deflateParams{enabled: true, sendBits: 15, receiveBits: 15}, ""},
		{"shared, server insists on takeover", "permessage-deflate", shared,
			deflateParams{enabled: true, receiveTakeover: true, sendBits: 15, receiveBits: 15}, ""},
		{"shared, client bits not offered", "permessage-deflate; client_max_window_bits=10", shared, deflateParams{}, "answer"},
		{"takeover", "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9", takeover,
			deflateParams{enabled: true, sendTakeover: true, receiveTakeover: true, sendBits: 9, receiveBits: 10}, ""},
		{"takeover, refused both ways", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", takeover,
			deflateParams{enabled: true, sendBits: 15, receiveBits: 15}, ""},
		{"client bits without a value", "permessage-deflate; client_max_window_bits", takeover, deflateParams{}, "answer"},
		{"two", "permessage-deflate, permessage-deflate", takeover, deflateParams{}, "more than the one"},
		{"another", "permessage-brotli", takeover, deflateParams{}, "permessage-brotli"},
		{"unknown parameter", "permessage-deflate; level=9", takeover, deflateParams{}, "level"},
		{"malformed", "permessage-deflate; =", takeover, deflateParams{}, "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			params, err := confirmDeflate([]string{test.response}, test.c)
			if params != test.params || (err == nil) != (test.problem == "") {
				t.Fatalf("got %+v, %v", params, err)
			}
			if err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Errorf("error %q does not say %q", err, test.problem)
			}
		})
	}
}

func TestOurClientAndServerAgree(t *testing.T) {
	for _, client := range []Compression{{}, shared, takeover} {
		for _, server := range []Compression{{}, shared, takeover} {
			offer := offerDeflate(client)
			ours, response, _ := acceptDeflate([]string{offer}, server)
			theirs, err := confirmDeflate([]string{response}, client)
			if err != nil {
				t.Fatalf("%v offers %q, %v answers %q: %v", client.Mode, offer, server.Mode, response, err)
			}
			mirrored := deflateParams{ours.enabled, ours.receiveTakeover, ours.sendTakeover, ours.receiveBits, ours.sendBits}
			if theirs != mirrored {
				t.Errorf("client %+v, server %+v", theirs, ours)
			}
		}
	}
}

func FuzzAcceptDeflate(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits", true)
	f.Add(`a; b="c\"d", permessage-deflate; server_max_window_bits="9"`, false)
	f.Fuzz(func(t *testing.T, offer string, withTakeover bool) {
		c := shared
		if withTakeover {
			c = takeover
		}
		params, response, ok := acceptDeflate([]string{offer}, c)
		if ok != params.enabled || ok != (response != "") {
			t.Fatalf("%+v, %q, %v", params, response, ok)
		}
		if !ok {
			return
		}
		if params.sendBits < 8 || params.sendBits > 15 || params.receiveBits < 8 || params.receiveBits > 15 {
			t.Fatalf("%+v", params)
		}
		again, err := confirmDeflate([]string{response}, takeover)
		if err != nil || again.sendBits != params.receiveBits || again.receiveBits != params.sendBits {
			t.Fatalf("the response %q is read as %+v, %v", response, again, err)
		}
	})
}

func TestExtensionsAreBounded(t *testing.T) {
	offers := strings.Repeat("a, ", 100) + "permessage-deflate"
	if p, _, ok := acceptDeflate([]string{offers}, Compression{Mode: CompressionShared}); ok {
		t.Errorf("the 101st offer was taken: %+v", p)
	}
}
