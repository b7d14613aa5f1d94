package hubbub_test

import (
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub"
)

func TestAttributesCannotBeProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pro := hubbub.Filter{Room: "lobby", Attr: "plan", Value: "pro"}
		for _, listed := range []bool{false, true} {
			h := start(t, hubbub.Options{ListPresence: listed})
			id := as("ann")
			id.Attrs = map[string]string{"plan": "pro"}
			ann, err := arrive(t.Context(), h, id)
			if err != nil {
				t.Fatal(err)
			}
			ann.join(t, "lobby", nil)
			page, err := ann.Online(t.Context(), pro, "", 0)
			if !listed {
				wantReason(t, err, hubbub.Forbidden)
				continue
			}
			if err != nil || page.Total != 1 {
				t.Errorf("%+v, %v", page, err)
			}
		}
	})
}
