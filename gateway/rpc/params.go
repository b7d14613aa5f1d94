package rpc

import (
	"bytes"
	"encoding/json"

	"github.com/hubbub-dev/hubbub"
)

const (
	maxLimit     = 1000 // items that a page may have
	defaultLimit = 50   // that it has if the client does not say
	maxUsers     = 1000 // users that one call may name
)

// params are a request's params. A method reads all of its params, and then asks check whether they were right: the first
// wrong one is what the client is told.
type params struct {
	raw     []byte   // the object as it was written; nil if it was missing
	members []member // of the object, in the order in which they were written
	err     *hubbub.Error
}

// check returns what was wrong with a param that was read.
func (p *params) check() error {
	if p.err == nil {
		return nil
	}
	return p.err
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = hubbub.Errorf(hubbub.Invalid, format, args...)
	}
}

// find returns the value of a param as it was written, nil if it is missing.
func (p *params) find(name string) []byte {
	var value []byte
	for _, m := range p.members {
		if string(m.key) != name && (bytes.IndexByte(m.key, '\\') < 0 || string(unescape(m.key)) != name) {
			continue
		}
		if value != nil {
			p.fail("%q is there twice", name)
		}
		value = m.value
	}
	return value
}

// optional is find for params that may be null, which means the same as missing.
func (p *params) optional(name string) []byte {
	value := p.find(name)
	if string(value) == "null" {
		return nil
	}
	return value
}

func (p *params) text(name string) (string, bool) {
	value := p.optional(name)
	if value == nil {
		return "", false
	}
	if value[0] != '"' {
		p.fail("%q must be a string", name)
		return "", false
	}
	return string(unescape(value[1 : len(value)-1])), true
}

// name reads what names a user, device, platform or room, and must be there.
func (p *params) name(name string) string {
	text, ok := p.text(name)
	if !ok {
		p.fail("%q is missing", name)
		return ""
	}
	return p.named(name, text)
}

// maybeName is name for a param that may be missing.
func (p *params) maybeName(name string) string {
	text, ok := p.text(name)
	if !ok {
		return ""
	}
	return p.named(name, text)
}

func (p *params) named(what, text string) string {
	if err := hubbub.CheckName(what, text); err != nil {
		p.fail("%s", err)
	}
	return text
}

// id reads a string of 1 to MaxID bytes that may be missing.
func (p *params) id(name string) string {
	text, ok := p.text(name)
	if ok && (text == "" || len(text) > hubbub.MaxID) {
		p.fail("%q must have 1 to %d bytes", name, hubbub.MaxID)
	}
	return text
}

// cursor reads the place in a list that an earlier page has told.
func (p *params) cursor(name string) string {
	text, _ := p.text(name)
	if len(text) > 1024 {
		p.fail("%q must be what an earlier page has returned as \"next\"", name)
	}
	return text
}

// data reads the application's data, which must be there and may be null. It does not share memory with the frame if most of
// that is something else.
func (p *params) data(frame int) json.RawMessage {
	value := p.find("data")
	if value == nil {
		p.fail(`"data" is missing; it may be any JSON value`)
	}
	if frame > 2*len(value)+512 {
		value = bytes.Clone(value)
	}
	return value
}

func (p *params) boolean(name string, missing bool) bool {
	switch value := p.optional(name); string(value) {
	case "":
		return missing
	case "true":
		return true
	case "false":
		return false
	}
	p.fail("%q must be true or false", name)
	return false
}

// limit reads how many items a page may have; 0 means that the client does not say.
func (p *params) limit() int {
	value := p.optional("limit")
	if value == nil {
		return 0
	}
	n, ok := integer(value)
	if !ok || n == 0 {
		p.fail(`"limit" must be an integer from 1 to %d`, maxLimit)
	}
	return int(min(n, maxLimit))
}

// position reads a position, nil if it is missing.
func (p *params) position(name string) *hubbub.Position {
	value := p.optional(name)
	if value == nil {
		return nil
	}
	at, ok := decodePosition(value)
	if !ok {
		p.fail("%q must be a position that the server has told, such as {\"epoch\": \"k3f9\", \"offset\": 17}", name)
		return nil
	}
	return &at
}

// decodePosition tells false if the value, which is valid JSON, is no position.
func decodePosition(value []byte) (hubbub.Position, bool) {
	var p params
	s := scanner{data: value}
	if s.peek() != '{' || !s.object(1, &p.members) {
		return hubbub.Position{}, false
	}
	epoch := p.id("epoch")
	offset, ok := integer(p.find("offset"))
	return hubbub.Position{Epoch: epoch, Offset: offset}, ok && epoch != "" && p.err == nil
}

// users reads a list of names; nil if it is missing.
func (p *params) users() []string {
	value := p.optional("users")
	if value == nil {
		return nil
	}
	var users []string
	if err := json.Unmarshal(value, &users); err != nil {
		p.fail(`"users" must be an array of names`)
		return nil
	}
	if len(users) > maxUsers {
		if p.err == nil {
			p.err = hubbub.Errorf(hubbub.TooLarge, "%d users are too many at once; ask for at most %d", len(users), maxUsers)
		}
		return nil
	}
	for _, u := range users {
		p.named("user", u)
	}
	return users
}

// attr reads {"name": "value"}.
func (p *params) attr() (name, value string) {
	object := p.optional("attr")
	if object == nil {
		return "", ""
	}
	var attrs map[string]string
	if err := json.Unmarshal(object, &attrs); err != nil || len(attrs) != 1 {
		p.fail(`"attr" must be an object with one member, such as {"plan": "pro"}`)
		return "", ""
	}
	for name, value = range attrs {
		if name == "" {
			p.fail(`"attr" must have a name`)
		}
	}
	return name, value
}

// stream reads either "room" or "user", whose conversation with self it then is.
func (p *params) stream(self string) hubbub.Stream {
	room, user := p.maybeName("room"), p.maybeName("user")
	if (room == "") == (user == "") {
		p.fail(`either "room" or "user" is needed`)
		return hubbub.Stream{}
	}
	if room != "" {
		return hubbub.RoomStream(room)
	}
	return hubbub.PairStream(self, user)
}
