package ws

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCodesThatMayBeSent(t *testing.T) {
	for code := range 0x10000 {
		want := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
		if got := Code(code).valid(); got != want {
			t.Errorf("Code(%d).valid() = %v", code, got)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		value interface{ String() string }
		want  string
	}{
		{CodeGoingAway, "1001 going away"}, {CodeSlow, "4002 slow reader"}, {Code(4700), "4700"}, {Code(0), "0"},
		{Connecting, "connecting"}, {Open, "open"}, {Closing, "closing"}, {Closed, "closed"}, {State(9), "State(9)"},
	} {
		if got := test.value.String(); got != test.want {
			t.Errorf("String() = %q, want %q", got, test.want)
		}
	}
}

func TestCloseInfoIsAnErrorWithItsCause(t *testing.T) {
	var err error = CloseInfo{Code: CodePolicy, Reason: "no", Err: ErrHeartbeat}
	if want := "ws: conn closed with 1008 policy violation: no (" + ErrHeartbeat.Error() + ")"; err.Error() != want {
		t.Errorf("Error() = %q, want %q", err, want)
	}
	if !errors.Is(err, ErrHeartbeat) {
		t.Error("the cause is not found")
	}
	if got, want := (CloseInfo{Code: CodeNormal}).Error(), "ws: conn closed with 1000 normal"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestCheckClosePayload(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		want          Code // 0 is fine
	}{
		{"empty", "", 0},
		{"code only", "\x03\xe8", 0},
		{"code and reason", "\x0f\xa0bye", 0},
		{"half a code", "\x03", CodeProtocolError},
		{"1005 is never sent", "\x03\xed", CodeProtocolError},
		{"1006 is never sent", "\x03\xee", CodeProtocolError},
		{"2000 is not defined", "\x07\xd0", CodeProtocolError},
		{"5000 is not defined", "\x13\x88", CodeProtocolError},
		{"reason that is not UTF-8", "\x03\xe8\xff", CodeInvalidData},
		{"reason that ends within a rune", "\x03\xe8\xe2\x82", CodeInvalidData},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := checkClosePayload([]byte(test.payload))
			if got := codeOf(err); got != test.want {
				t.Errorf("%v, want code %d", err, test.want)
			}
		})
	}
}

func codeOf(err *protocolError) Code {
	if err == nil {
		return 0
	}
	return err.code
}

func FuzzClosePayloadRoundTrip(f *testing.F) {
	f.Add(uint16(1000), "bye")
	f.Add(uint16(0), "ignored")
	f.Add(uint16(4501), strings.Repeat("€", 60))
	f.Add(uint16(1001), "broken \xff\xe2\x82 reason")
	f.Fuzz(func(t *testing.T, number uint16, reason string) {
		code := Code(number)
		if !code.valid() {
			code = 0
		}
		payload := appendClosePayload([]byte("before"), code, reason)[len("before"):]
		if err := checkClosePayload(payload); err != nil || len(payload) > maxControl {
			t.Fatalf("%d bytes: %v", len(payload), err)
		}
		gotCode, gotReason := parseClosePayload(payload)
		if code == 0 {
			code, reason = CodeNoStatus, ""
		}
		if gotCode != code {
			t.Errorf("code %v, want %v", gotCode, code)
		}
		whole := strings.ToValidUTF8(reason, "\uFFFD")
		if !strings.HasPrefix(whole, gotReason) || !utf8.ValidString(gotReason) {
			t.Errorf("reason %q is not a beginning of %q", gotReason, whole)
		}
		if len(gotReason) < len(whole) && len(gotReason) <= maxReason-utf8.UTFMax {
			t.Errorf("reason was cut to %d bytes", len(gotReason))
		}
	})
}

func TestMessages(t *testing.T) {
	if m := Text("né"); m.Binary || m.String() != "né" || m.sendable() != nil {
		t.Errorf("Text: %+v", m)
	}
	if m := Binary([]byte{0xFF}); !m.Binary || !bytes.Equal(m.Data, []byte{0xFF}) || m.sendable() != nil {
		t.Errorf("Binary: %+v", m)
	}
	if err := Text("\xff").sendable(); err == nil {
		t.Error("text that is not UTF-8 can be sent")
	}
	var v struct{ A int }
	if err := JSON(map[string]int{"a": 7}).Unmarshal(&v); err != nil || v.A != 7 {
		t.Errorf("JSON and back: %v, %v", v, err)
	}
	if err := JSON(func() {}).sendable(); err == nil || !strings.Contains(err.Error(), "encode message as JSON") {
		t.Errorf("what JSON cannot encode gives %v", err)
	}
	if err := Text("{").Unmarshal(&v); err == nil || !strings.Contains(err.Error(), "decode message as JSON") {
		t.Errorf("what is not JSON gives %v", err)
	}
}
