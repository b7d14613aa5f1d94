package rpc_test

import (
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

func TestWithoutStore(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		if strings.Contains(ann.welcomed.text, `"inbox"`) {
			t.Errorf("welcomed with %s", ann.welcomed)
		}
		for method, params := range map[string]string{"inbox.list": "", "inbox.counts": "", "inbox.mark": `{"state":"read","all":true}`} {
			if why := ann.refused("not_found", method, params); !strings.Contains(why, "store.path") {
				t.Errorf("%s: %q does not name the setting", method, why)
			}
		}
		ann.refused("not_found", "room.members", `{"room":"lobby"}`)
		ann.refused("not_found", "room.add", `{"room":"lobby","user":"ann"}`)
		ann.refused("not_found", "room.remove", `{"room":"lobby","user":"ann"}`)
	})
}
