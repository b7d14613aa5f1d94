package auth

import (
	"net/url"
	"strings"
)

// SafeURL returns a URL for logs: without user and password, and with "-" for the values of parameters that hold secrets or
// look like a token. It also serves for URLs that cannot be parsed whole.
func SafeURL(u *url.URL) string {
	safe := *u
	safe.User = nil
	pairs := strings.FieldsFunc(u.RawQuery, func(c rune) bool { return c == '&' || c == ';' })
	for i, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		if secretKey(key) || strings.Contains(value, "eyJ") {
			pairs[i] = key + "=-"
		}
	}
	safe.RawQuery = strings.Join(pairs, "&")
	return safe.String()
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
