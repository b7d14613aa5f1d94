package gateway

import (
	"errors"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// NewLogger makes the logger of a config: to standard error, with secrets taken out as [Redact] does. Of a warning or an error that comes again
// and again it writes the first, one in half a minute with how often it came, and that it has not come again for as long.
func NewLogger(c LogConfig) *slog.Logger { return newLogger(os.Stderr, c) }

func newLogger(to io.Writer, c LogConfig) *slog.Logger {
	var level slog.Level
	if c.Level != "" {
		// The config was checked; what cannot be read means info.
		_ = level.UnmarshalText([]byte(c.Level))
	}
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: attribute}
	if c.Format == "json" {
		return slog.New(damp(slog.NewJSONHandler(to, o)))
	}
	return slog.New(damp(slog.NewTextHandler(to, o)))
}

// attribute is what the log makes of one: with the cause of an error, and without secrets.
func attribute(groups []string, a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok && err != nil {
		a.Value = slog.StringValue(withCause(err))
	}
	return Redact(groups, a)
}

// withCause is an error for operators. That of the domain speaks to clients, and does not say which server gave what answer.
func withCause(err error) string {
	said := err.Error()
	if e, ok := errors.AsType[*hubbub.Error](err); ok && e.Err != nil && !strings.Contains(said, e.Err.Error()) {
		return said + ": " + e.Err.Error()
	}
	return said
}

// hidden is what stands in the log instead of a secret.
const hidden = "(hidden)"

// Redact is a ReplaceAttr of slog.HandlerOptions that hides secrets: the values of attributes whose names are those of
// secrets, and in URLs passwords and the parameters that carry credentials. It is a net below code that does not log secrets
// in the first place.
func Redact(_ []string, a slog.Attr) slog.Attr {
	if isSecretName(a.Key) {
		return slog.String(a.Key, hidden)
	}
	switch v := a.Value.Any().(type) {
	case string:
		if cleaned := RedactURL(v); cleaned != v {
			a.Value = slog.StringValue(cleaned)
		}
	case *url.URL:
		if v != nil {
			a.Value = slog.StringValue(RedactURL(v.String()))
		}
	case error:
		if v != nil {
			a.Value = slog.StringValue(RedactURL(v.Error()))
		}
	}
	return a
}

// isSecretName tells the names of attributes and URL parameters that carry credentials.
func isSecretName(name string) bool {
	name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	switch name {
	case "token", "ticket", "password", "passwd", "secret", "apikey", "authorization", "proxyauthorization", "cookie", "setcookie",
		"jwt", "accesstoken", "refreshtoken", "idtoken", "secwebsocketprotocol", "credentials", "privatekey", "signature":
		return true
	}
	return false
}

// RedactURL hides credentials in a text: the values of parameters such as token and ticket wherever a ? or & stands before
// them, the password before the @ of a URL, and what follows hubbub.token., Bearer and Basic. Everything else stays as it is.
func RedactURL(s string) string {
	if !strings.ContainsAny(s, "?&@.") && !strings.Contains(s, "earer ") && !strings.Contains(s, "asic ") {
		return s
	}
	s = redactParameters(s)
	s = redactUserinfo(s)
	for _, before := range []string{"hubbub.token.", "Bearer ", "bearer ", "Basic ", "basic "} {
		s = redactAfter(s, before)
	}
	return s
}

// redactParameters goes from one ? or & to the next.
func redactParameters(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(s, "?&")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i+1])
		s = s[i+1:]
		name, rest, found := strings.Cut(s, "=")
		plain, err := url.QueryUnescape(name)
		if !found || err != nil || strings.ContainsAny(name, "?& ") || !isSecretName(plain) {
			continue
		}
		b.WriteString(name + "=" + hidden)
		s = rest[endOfValue(rest):]
	}
}

// endOfValue is where a credential within a text ends.
func endOfValue(s string) int {
	if i := strings.IndexAny(s, "&# \t\r\n\"'<>,;"); i >= 0 {
		return i
	}
	return len(s)
}

// redactUserinfo hides the password in scheme://user:password@host.
func redactUserinfo(s string) string {
	before, rest, found := strings.Cut(s, "://")
	if !found {
		return s
	}
	end := strings.IndexAny(rest, "/?# \t\r\n\"")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if user, _, has := strings.Cut(authority[:at], ":"); has {
			authority = user + ":" + hidden + authority[at:]
		}
	}
	return before + "://" + authority + redactUserinfo(tail)
}

func redactAfter(s, before string) string {
	head, rest, found := strings.Cut(s, before)
	if !found {
		return s
	}
	end := endOfValue(rest)
	if end == 0 {
		return head + before + redactAfter(rest, before)
	}
	return head + before + hidden + redactAfter(rest[end:], before)
}
