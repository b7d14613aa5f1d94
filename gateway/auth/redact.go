package auth

import (
	"net/url"
	"strings"
)

// SafeURL returns a URL for logs: without user and password, and with "-" for the values of parameters that hold secrets, and
// for whatever else in the query or the path looks like a token or an API key that was sent to the wrong place. It also serves
// for URLs that cannot be parsed whole.
func SafeURL(u *url.URL) string {
	safe := *u
	safe.User = nil
	pairs := strings.FieldsFunc(u.RawQuery, func(c rune) bool { return c == '&' || c == ';' })
	for i, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		switch {
		case looksSecret(key):
			pairs[i] = "-"
		case secretKey(key) || looksSecret(value):
			pairs[i] = key + "=-"
		}
	}
	safe.RawQuery = strings.Join(pairs, "&")
	if looksSecret(u.EscapedPath()) {
		segments := strings.Split(u.EscapedPath(), "/")
		for i, s := range segments {
			if looksSecret(s) {
				segments[i] = "-"
			}
		}
		safe.RawPath = strings.Join(segments, "/")
		if path, err := url.PathUnescape(safe.RawPath); err == nil {
			safe.Path = path
		}
	}
	return safe.String()
}

// looksSecret tells whether a text has what tokens (a JSON object in base64) or API keys begin with.
func looksSecret(text string) bool {
	return strings.Contains(text, "eyJ") || strings.Contains(text, "hub_")
}

// secretKey tells whether a parameter, perhaps escaped, holds a secret. It knows more names than [Authenticator] looks at,
// since what somebody sent by mistake is a secret all the same.
func secretKey(escaped string) bool {
	key, err := url.QueryUnescape(escaped)
	if err != nil {
		return true
	}
	switch strings.ToLower(key) {
	case "token", "ticket", "access_token", "id_token", "jwt", "password", "secret", "api_key", "apikey":
		return true
	}
	return false
}
