package hubbub

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxName is the most bytes that the name of a user, device, platform or room may have.
const MaxName = 128

// MaxID is the most bytes that an id or a key may have.
const MaxID = 64

// MaxInfo is the most bytes that a user's public info may have.
const MaxInfo = 2048

// Identity is what authentication says about who connects, and for how long it is true.
type Identity struct {
	User string // never empty; see [CheckName]
	// Device is the stable id that the client chose for the browser or phone; "" means a random one, so that the session is a
	// device of its own.
	Device   string
	Platform string // "web", "ios", …; "" means "web"
	// Info is what others may see of the user, a JSON object in UTF-8 of at most [MaxInfo] bytes such as {"name":"Ann"}; nil means none.
	Info json.RawMessage
	// Attrs are facts that backends may select users by, such as plan=pro. Others do not see them. nil means none.
	Attrs map[string]string
	// Rooms are the rooms that the token itself permits, for rules that say [AccessToken].
	Rooms Permissions
	// Issued is when the credentials were made; the zero value means unknown, which counts as before any revocation.
	Issued time.Time
	// Expires is when the session must end unless it was refreshed; the zero value means never.
	Expires time.Time
	// Token is the id of the token (the jti claim), by which it can be revoked; "" means that it has none.
	Token string
	// Anonymous says that nobody proved to be this user.
	Anonymous bool
}

// Permissions are the globs of room names that a token permits. See [Match] for their syntax.
type Permissions struct {
	Join []string `json:"join,omitempty"` // rooms that may be joined
	Send []string `json:"send,omitempty"` // rooms that may be sent to
}

// Check returns an [Error] with the reason Invalid that says what is wrong with the identity, or nil.
func (i *Identity) Check() error {
	if err := CheckName("user", i.User); err != nil {
		return err
	}
	if i.Device != "" {
		if err := CheckName("device", i.Device); err != nil {
			return err
		}
	}
	if i.Platform != "" {
		if err := CheckName("platform", i.Platform); err != nil {
			return err
		}
	}
	if len(i.Info) > MaxInfo {
		return Errorf(Invalid, "the user info has %d bytes; at most %d are allowed", len(i.Info), MaxInfo)
	}
	if len(i.Info) > 0 && (i.Info[0] != '{' || !json.Valid(i.Info)) {
		return Errorf(Invalid, `the user info must be a JSON object, for example {"name": "Ann"}`)
	}
	if !utf8.Valid(i.Info) {
		return Errorf(Invalid, "the user info is not UTF-8")
	}
	return nil
}

// CheckName tells whether s can name a user, device, platform or room (what says which): 1 to [MaxName] bytes of UTF-8
// without control characters, space, {, } or *. The error has the reason Invalid.
func CheckName(what, s string) error {
	switch {
	case s == "":
		return Errorf(Invalid, "the %s is missing", what)
	case len(s) > MaxName:
		return Errorf(Invalid, "the %s has %d bytes; at most %d are allowed", what, len(s), MaxName)
	case !utf8.ValidString(s):
		return Errorf(Invalid, "the %s is not UTF-8", what)
	case strings.ContainsAny(s, " {}*") || strings.ContainsFunc(s, unicode.IsControl):
		return Errorf(Invalid, "the %s %q must not contain control characters, spaces, { } or *", what, s)
	}
	return nil
}

// Match tells whether a name matches a glob: * stands for any run of bytes, also none, and every other byte for itself.
func Match(glob, name string) bool {
	head, rest, star := strings.Cut(glob, "*")
	if !star {
		return glob == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		part, more, again := strings.Cut(rest, "*")
		if !again {
			return strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], more
	}
}
