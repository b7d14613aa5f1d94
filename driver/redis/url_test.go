package redis_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/driver/redis"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]redis.Options{
		"redis://localhost":              {Addrs: []string{"localhost:6379"}},
		"redis://:p%40%2F%3A:x@h:1/2":    {Addrs: []string{"h:1"}, Password: "p@/::x", DB: 2},
		"redis://u:p@[::1]":              {Addrs: []string{"[::1]:6379"}, Username: "u", Password: "p"},
		"redis://[::1]:7/":               {Addrs: []string{"[::1]:7"}},
		"redis+cluster://a,b:7000,[::1]": {Addrs: []string{"a:6379", "b:7000", "[::1]:6379"}},
		"redis+sentinel://a,b:7/main":    {Addrs: []string{"a:26379", "b:7"}, Master: "main"},
		"redis+sentinel://u:p@a/m%20n?db=3&sentinel_username=s&sentinel_password=%26": {Addrs: []string{"a:26379"}, Master: "m n",
			Username: "u", Password: "p", DB: 3, SentinelUsername: "s", SentinelPassword: "&"},
		"redis+sentinel://a/m?sentinel_password=p@q": {Addrs: []string{"a:26379"}, Master: "m", SentinelPassword: "p@q"},
	} {
		got, err := redis.ParseURL(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"rediss://h", "rediss+cluster://h", "rediss+sentinel://h/m"} {
		if o, err := redis.ParseURL(text); err != nil || o.TLS == nil {
			t.Errorf("%s: %+v, %v", text, o, err)
		}
	}
}

func TestParseURLSaysWhatToWrite(t *testing.T) {
	for text, says := range map[string]string{
		"localhost:6379":                "begins with redis://",
		"http://secret@h":               "begins with redis://",
		"redis+more://h":                "begins with redis://",
		"redis://":                      "write HOST",
		"redis://h:port":                "write HOST",
		"redis://h:0":                   "write HOST",
		"redis://::1":                   "[::1]:6379",
		"redis://a,b":                   "redis+cluster://",
		"redis://secret@h":              "redis://:PASSWORD@HOST",
		"redis://u:secret%@h":           "%25",
		"redis://:secret@h/zero":        "number of a database",
		"redis://:secret@h/-1":          "number of a database",
		"redis://:secret@h?db=1":        "leave it out",
		"redis+cluster://:secret@h/1":   "one database",
		"redis+sentinel://:secret@h":    "HOST/MASTER",
		"redis+sentinel://h/m?password": "leave it out",
		"redis+sentinel://h/m?%":        "NAME=VALUE",
		// What is special in a password is not encoded.
		"redis://:secret/more@h":          "%2F",
		"redis://u:secret/more@h/0":       "%2F",
		"redis://u:1/secret@h":            "%2F",
		"redis://:secret?more@h":          "%3F",
		"redis://u:1?secret@h:1":          "%3F",
		"redis://u:1/2?secret=3@h:1":      "%3F",
		"redis+sentinel://u:1/secret@h/m": "%2F",
		"redis+cluster://u:1,secret/2@h":  "%2F",
		"redis+sentinel://:secret?x@h/m":  "%3F",
		"redis+sentinel://u:1/x?secret@h": "%3F",
	} {
		_, err := redis.ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v; want it to say %q, and no secret", text, err, says)
		}
	}
}
