package httpapi_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

func TestNodes(t *testing.T) {
	secret, key := newKey(t, "reader", httpapi.Read)
	s := start(t, set{api: httpapi.Options{Keys: []httpapi.Key{key}}, hub: hubbub.Options{Node: "eu1"}})
	s.sit(hubbub.Identity{User: "ann", Device: "phone"})
	all := ok[httpapi.Nodes](s, "GET", "/nodes", "")
	if len(all.Nodes) != 1 {
		t.Fatalf("there are %+v", all)
	}
	n := all.Nodes[0]
	if n.Node != s.hub.Node() || n.Sessions != 1 {
		t.Errorf("the node is %+v", n)
	}
	s.refuse(refused{403, hubbub.Forbidden, "admin"}, "GET", "/nodes", "", "Authorization", "Bearer "+secret)
}
