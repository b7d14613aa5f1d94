package httpapi_test

import (
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

func TestCheckCall(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/broadcast", ""},
		{"POST", "/rooms/x/messages", ""},
		{"POST", "/rooms/a%2Fb/messages", ""},
		{"GET", "/users/x?sessions=true", ""},
		{"POST", "/tickets", ""},
		{"PUT", "/broadcast", "does not know the method PUT"},
		{"POST", "/rooms/x/mesages", "there is no call POST /rooms/x/mesages"},
		{"POST", "/rooms//messages", "there is no call"},
		{"GET", "/openapi.json", "there is no call"},
		{"POST", "broadcast", "is not a path"},
		{"POST", "/%zz", "is not a path"},
		{"POST", "/events", "can be no part of another call"},
		{"POST", "/batch", "can be no part of another call"},
		{"GET", "/presence/stream", "can be no part of another call"},
	} {
		err := httpapi.CheckCall(c.method, c.path)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: got %v, want %q", c.method, c.path, err, c.want)
		}
	}
}
