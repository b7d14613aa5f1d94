package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub/examples/shop/internal/gateway"
)

// follows is who follows what. The gateway keeps it: followers of ceramics are the members of the room followers:ceramics, so that one
// notice to the room reaches all of them, and nobody has to hand over lists of people.
type follows struct{ api gateway.API }

const followers = "followers:"

func (f follows) set(ctx context.Context, user, category string, follow bool) error {
	path := "/rooms/" + url.PathEscape(followers+category) + "/members/" + url.PathEscape(user)
	if follow {
		return f.api.Call(ctx, http.MethodPut, path, map[string]string{"role": "member"}, nil)
	}
	return f.api.Call(ctx, http.MethodDelete, path, nil, nil)
}

// of is what a user follows, [] if nothing.
func (f follows) of(ctx context.Context, user string) ([]string, error) {
	var reply struct {
		Rooms []struct {
			Room string `json:"room"`
		} `json:"rooms"`
	}
	if err := f.api.Call(ctx, http.MethodGet, "/users/"+url.PathEscape(user)+"/rooms?limit=1000", nil, &reply); err != nil {
		return nil, err
	}
	followed := []string{}
	for _, r := range reply.Rooms {
		if category, ok := strings.CutPrefix(r.Room, followers); ok {
			followed = append(followed, category)
		}
	}
	slices.Sort(followed)
	return followed, nil
}
