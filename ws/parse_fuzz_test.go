package ws

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

var fuzzLimits = parseLimits{maxMessage: 70000, maxFrames: 8}

// FuzzParseAgreesWithGobwas feeds a stream whole, cut and byte by byte, and compares with a reader made of gobwas/ws.
func FuzzParseAgreesWithGobwas(f *testing.F) {
	for _, test := range parseTests() {
		for _, client := range []bool{false, true} {
			f.Add(bytes.Join(test.frames(client), nil), client, test.lim.deflate, uint16(7))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, client, deflate bool, cut uint16) {
		lim := fuzzLimits
		lim.client, lim.deflate = client, deflate
		want, wantErr := readWithGobwas(stream, lim)
		truncated := errors.Is(wantErr, io.EOF) || errors.Is(wantErr, io.ErrUnexpectedEOF)
		whole, wholeErr := feedCut(stream, lim)
		if !reflect.DeepEqual(whole, want) {
			t.Fatalf("got %q, %v; want %q, %v", whole, wholeErr, want, wantErr)
		}
		if got, want := errorCode(t, wholeErr), codeFromReference(wantErr); got != want && !truncated {
			t.Fatalf("got %v, want %v", wholeErr, wantErr)
		}
		at := int(cut) % (len(stream) + 1)
		bytewise := make([]int, min(len(stream), 5000))
		for i := range bytewise {
			bytewise[i] = i
		}
		for _, cuts := range [][]int{{at}, {at / 2, at}, bytewise} {
			events, err := feedCut(stream, lim, cuts...)
			if !reflect.DeepEqual(events, whole) || errorCode(t, err) != errorCode(t, wholeErr) {
				t.Fatalf("cut at %v: %q, %v; whole: %q, %v", cuts, events, err, whole, wholeErr)
			}
		}
	})
}

// refused is the reference's verdict.
type refused struct {
	code Code
	why  error
}

func (r refused) Error() string { return fmt.Sprint(r.code, ": ", r.why) }

func codeFromReference(err error) Code {
	verdict := refused{}
	errors.As(err, &verdict)
	return verdict.code
}

// readWithGobwas returns what a stream contains, up to its first fault, its close frame or its end. It reads whole frames and
// so finds a fault later than the parser if the stream is cut off within the frame.
func readWithGobwas(stream []byte, lim parseLimits) (events []string, err error) {
	r := bytes.NewReader(stream)
	state := gobwas.StateServerSide
	if lim.client {
		state = gobwas.StateClientSide
	}
	h, message := new(heard), referenceMessage{}
	for r.Len() > 0 {
		header, payload, err := readReferenceFrame(r, state, lim, &message)
		if err != nil {
			return h.events, err
		}
		if header.OpCode.IsControl() {
			if header.OpCode == gobwas.OpClose {
				if err := checkReferenceClose(payload); err != nil {
					return h.events, err
				}
			}
			h.control(opcode(header.OpCode), payload)
			if header.OpCode == gobwas.OpClose {
				return h.events, nil
			}
			continue
		}
		message.data = append(message.data, payload...)
		if message.first.OpCode == gobwas.OpText && !message.first.Rsv1() {
			if text := message.data; !canBecomeText(text) || header.Fin && !utf8.Valid(text) {
				return h.events, refused{CodeInvalidData, gobwas.ErrProtocolInvalidUTF8}
			}
		}
		state = state.Set(gobwas.StateFragmented)
		if header.Fin {
			h.message(message.first.OpCode == gobwas.OpBinary, message.first.Rsv1(), message.data)
			state, message = state.Clear(gobwas.StateFragmented), referenceMessage{}
		}
	}
	return h.events, nil
}

type referenceMessage struct {
	first  gobwas.Header
	frames int
	data   []byte
}

func readReferenceFrame(r *bytes.Reader, state gobwas.State, lim parseLimits, m *referenceMessage) (
	header gobwas.Header, payload []byte, err error) {
	before := r.Len()
	header, err = gobwas.ReadHeader(r)
	if errors.Is(err, gobwas.ErrHeaderLengthMSB) {
		return header, nil, refused{CodeProtocolError, err}
	}
	if err != nil {
		return header, nil, err
	}
	check := state
	if lim.deflate && header.Rsv == gobwas.Rsv(true, false, false) && header.OpCode.IsData() &&
		header.OpCode != gobwas.OpContinuation {
		check = check.Set(gobwas.StateExtended)
	}
	if err := gobwas.CheckHeader(header, check); err != nil {
		return header, nil, refused{CodeProtocolError, err}
	}
	if before-r.Len() != gobwas.HeaderSize(header) {
		return header, nil, refused{CodeProtocolError, errors.New("length not in its shortest form")}
	}
	if !header.OpCode.IsControl() {
		if header.OpCode != gobwas.OpContinuation {
			m.first = header
		}
		m.frames++
		if m.frames > lim.maxFrames || header.Length > int64(lim.limit(m.first.Rsv1())-len(m.data)) {
			return header, nil, refused{CodeTooBig, errors.New("over a limit")}
		}
	}
	if header.Length > int64(r.Len()) {
		return header, nil, io.ErrUnexpectedEOF
	}
	payload = make([]byte, header.Length)
	io.ReadFull(r, payload)
	if header.Masked {
		gobwas.Cipher(payload, header.Mask, 0)
	}
	return header, payload, nil
}

func checkReferenceClose(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	if len(payload) == 1 {
		return refused{CodeProtocolError, errors.New("half a code")}
	}
	code, reason := gobwas.ParseCloseFrameData(payload)
	switch err := gobwas.CheckCloseFrameData(code, reason); {
	case code >= 1012 && code <= 1014, code < 5000 && err == nil:
		// 1012 to 1014 were registered after the RFC.
		if !utf8.ValidString(reason) {
			return refused{CodeInvalidData, gobwas.ErrProtocolInvalidUTF8}
		}
		return nil
	case errors.Is(err, gobwas.ErrProtocolInvalidUTF8) && code < 5000:
		return refused{CodeInvalidData, err}
	default:
		return refused{CodeProtocolError, fmt.Errorf("close code %d: %v", code, err)}
	}
}

// canBecomeText decides by trying every way to complete the last rune.
func canBecomeText(b []byte) bool {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return len(b)-i < utf8.UTFMax && canComplete(b[i:])
		}
		i += size
	}
	return true
}

func canComplete(tail []byte) bool {
	if len(tail) > utf8.UTFMax {
		return false
	}
	if utf8.Valid(tail) {
		return true
	}
	for next := 0x80; next < 0xC0 && len(tail) < utf8.UTFMax; next += 0x10 {
		if canComplete(append(bytes.Clone(tail), byte(next))) {
			return true
		}
	}
	return false
}

// FuzzCheckText compares the incremental check with the whole one, for every cut.
func FuzzCheckText(f *testing.F) {
	for _, text := range []string{"", "plain", "né€𝄞", "\xe2\x82", "\xf0\x9d\x84", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc1\x81", "a\x80"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rest, ok := checkText(b)
		if ok != canBecomeText(b) || (ok && rest == 0) != utf8.Valid(b) {
			t.Fatalf("checkText(%q) = %d, %v", b, rest, ok)
		}
		for cut := range b {
			rest, ok := checkText(b[:cut])
			if ok {
				rest, ok = checkText(b[cut-rest:])
			}
			if (ok && rest == 0) != utf8.Valid(b) {
				t.Fatalf("%q cut at %d: %d, %v", b, cut, rest, ok)
			}
		}
	})
}

// FuzzFrameRoundTrip encodes a message and a ping and parses both, in both directions.
func FuzzFrameRoundTrip(f *testing.F) {
	f.Add([]byte("hello"), uint32(0x12345678), false, uint16(3))
	f.Add(bytes.Repeat([]byte("x"), 126), uint32(0), true, uint16(130))
	f.Add(bytes.Repeat([]byte("\xff"), 65536), uint32(0xFFFFFFFF), false, uint16(9))
	f.Fuzz(func(t *testing.T, payload []byte, key uint32, compressed bool, cut uint16) {
		for _, client := range []bool{false, true} {
			var mask *[4]byte
			if !client {
				mask = &[4]byte{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)}
			}
			ping := payload[:min(len(payload), maxControl)]
			stream := appendFrame(nil, opBinary, compressed, mask, payload)
			if len(stream) != headerSize(len(payload), !client)+len(payload) {
				t.Fatalf("a frame of %d bytes for %d", len(stream), len(payload))
			}
			stream = appendFrame(stream, opPing, false, mask, ping)
			lim := parseLimits{client: client, deflate: true, maxMessage: max(1, len(payload)), maxFrames: 1}
			events, err := feedCut(stream, lim, int(cut)%(len(stream)+1))
			want := new(heard)
			want.message(true, compressed, payload)
			want.control(opPing, ping)
			if err != nil || !reflect.DeepEqual(events, want.events) {
				t.Fatalf("got %q, %v; want %q", events, err, want.events)
			}
		}
	})
}
