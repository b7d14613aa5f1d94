package redis

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// encodePosted makes the position's line and the body of a message. It is done for each message, so it is written by hand.
func encodePosted(p *hubbub.Posted) ([]byte, error) {
	m := &p.Message
	b := make([]byte, 0, 256+len(m.Data)+len(m.From.Info))
	if at := m.Position; at != (hubbub.Position{}) {
		if at.Epoch == "" || at.Epoch[0] == '{' || strings.ContainsAny(at.Epoch, " \n") {
			return nil, fmt.Errorf("encode posted: %q is no epoch", at.Epoch)
		}
		b = append(append(b, at.Epoch...), ' ')
		b = append(strconv.AppendUint(b, at.Offset, 10), ' ')
		b = strconv.AppendUint(b, p.Previous, 10)
	}
	return appendBody(append(b, '\n'), m), nil
}

// appendBody appends all of a message but its position: what a stream keeps.
func appendBody(b []byte, m *hubbub.Message) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, m.ID)
	if m.Stream.Room != "" {
		b = appendField(b, "room", m.Stream.Room)
	} else {
		b = append(b, `,"pair":[`...)
		b = append(appendString(b, m.Stream.Pair[0]), ',')
		b = append(appendString(b, m.Stream.Pair[1]), ']')
	}
	b = appendField(b, "user", m.From.User)
	b = appendField(b, "device", m.From.Device)
	b = appendField(b, "except", m.Except)
	b = appendField(b, "collapse", m.Collapse)
	if len(m.From.Info) > 0 {
		b = append(b, `,"info":`...)
		start := len(b)
		b = append(b, m.From.Info...)
		for i := start; i < len(b); i++ {
			if b[i] == '\n' { // it is between parts of the JSON, and would end the line
				b[i] = ' '
			}
		}
	}
	if !m.Time.IsZero() {
		b = strconv.AppendInt(append(b, `,"time":`...), m.Time.UnixNano(), 10)
	}
	return append(append(b, "}\n"...), m.Data...)
}

// appendField appends a field if it is set.
func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return appendString(b, value)
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(s) // strings can be marshalled
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// wireMessage is the first line of the body of a message.
type wireMessage struct {
	ID       string          `json:"id"`
	Room     string          `json:"room"`
	Pair     [2]string       `json:"pair"`
	User     string          `json:"user"`
	Device   string          `json:"device"`
	Except   string          `json:"except"`
	Collapse string          `json:"collapse"`
	Info     json.RawMessage `json:"info"`
	Time     int64           `json:"time"` // nanoseconds since 1970; 0 means none
}

var errBadMessage = errors.New("decode posted: it is cut off")

// parsePosition parses the line of a position, which may be empty.
func parsePosition(line string) (at hubbub.Position, previous uint64, err error) {
	if line == "" {
		return at, 0, nil
	}
	epoch, rest, _ := strings.Cut(line, " ")
	offset, before, _ := strings.Cut(rest, " ")
	if at.Offset, err = strconv.ParseUint(offset, 10, 64); err == nil {
		previous, err = strconv.ParseUint(before, 10, 64)
	}
	if err != nil || epoch == "" {
		return hubbub.Position{}, 0, fmt.Errorf("decode posted: %q is no position", line)
	}
	at.Epoch = epoch
	return at, previous, nil
}

// decodeBody is the inverse of appendBody. The message has no position, and its names share memory with s.
func decodeBody(s string) (hubbub.Message, error) {
	line, data, ok := strings.Cut(s, "\n")
	if !ok {
		return hubbub.Message{}, errBadMessage
	}
	w, ok := parseLine(line)
	if !ok {
		w = wireMessage{}
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			return hubbub.Message{}, fmt.Errorf("decode posted: %w", err)
		}
	}
	m := hubbub.Message{
		ID: w.ID, Stream: hubbub.Stream{Room: w.Room, Pair: w.Pair}, Except: w.Except, Collapse: w.Collapse,
		From: hubbub.Sender{User: w.User, Device: w.Device, Info: w.Info},
	}
	if data != "" {
		m.Data = json.RawMessage(data)
	}
	if w.Time != 0 {
		m.Time = time.Unix(0, w.Time).UTC()
	}
	return m, nil
}
