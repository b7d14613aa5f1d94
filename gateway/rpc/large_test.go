package rpc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// A reply that is larger than what may wait for a client would end its conn, so it is refused.
func TestTooLargeReplyIsRefused(t *testing.T) {
	inBubble(t, hubbub.Options{Private: hubbub.PrivateRule{Rate: hubbub.Rate{PerSecond: -1}}}, rpc.Options{},
		func(t *testing.T, s *server) {
			ann := s.connect(t, "user=ann&device=d1")
			ann.trusting = true
			data := strings.Repeat("x", 16000)
			for i := range 100 {
				ann.call("user.send", fmt.Sprintf(`{"user":"peer%d","data":%q}`, i, data))
			}
			if why := ann.refused("too_large", "conversation.list", `{"limit":1000}`); !strings.Contains(why, "limit") {
				t.Errorf("the message is %q", why)
			}
			ann.call("conversation.list", `{"limit":20}`)
		})
}
