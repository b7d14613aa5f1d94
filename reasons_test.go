package hubbub_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
)

func TestReasonNumbers(t *testing.T) {
	for _, tt := range []struct {
		reason       hubbub.Reason
		code, status int
	}{
		{hubbub.Invalid, -32602, 422},
		{hubbub.Unauthorized, 1000, 401},
		{hubbub.Forbidden, 1001, 403},
		{hubbub.NotFound, 1002, 404},
		{hubbub.RateLimited, 1003, 429},
		{hubbub.TooLarge, 1004, 413},
		{hubbub.Unavailable, 1005, 503},
		{hubbub.Conflict, 1006, 409},
		{"unheard_of", -32603, 500},
	} {
		if code, status := tt.reason.Code(), tt.reason.Status(); code != tt.code || status != tt.status {
			t.Errorf("%s is %d in JSON-RPC and %d in HTTP, want %d and %d", tt.reason, code, status, tt.code, tt.status)
		}
	}
}
