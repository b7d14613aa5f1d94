package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
)

// Member is a user who belongs to a room.
type Member struct {
	User  string      `json:"user"`
	Role  hubbub.Role `json:"role" enum:"owner,admin,member"`
	Since int64       `json:"since" doc:"In Unix milliseconds."`
}

// MemberPage is a part of the list of a room's members.
type MemberPage struct {
	Members []Member `json:"members" nullable:"false" doc:"By name."`
	Total   int      `json:"total" doc:"How many the whole list has."`
	Next    string   `json:"next,omitempty" doc:"Pass it as after for the next page; missing on the last."`
}

// Membership is a user's place in a room.
type Membership struct {
	Room  string      `json:"room"`
	Role  hubbub.Role `json:"role" enum:"owner,admin,member"`
	Since int64       `json:"since" doc:"In Unix milliseconds."`
}

// MembershipPage is a part of the list of a user's memberships.
type MembershipPage struct {
	Rooms []Membership `json:"rooms" nullable:"false" doc:"By name."`
	Next  string       `json:"next,omitempty" doc:"Pass it as after for the next page; missing on the last."`
}

// RoleRequest is the body of PUT /rooms/{room}/members/{user}.
type RoleRequest struct {
	Role hubbub.Role `json:"role,omitempty" enum:"owner,admin,member" doc:"owner says who is what, admin adds and removes members, member takes part; missing means member." example:"admin"`
}

// MemberSet says what a call about a member has changed.
type MemberSet struct {
	Before hubbub.Role `json:"before,omitempty" enum:"owner,admin,member" doc:"The role that the user had; missing if the user was no member."`
}

type memberInput struct {
	ForRoom
	ForUser
}

type roleInput struct {
	ForRoom
	ForUser
	Body *RoleRequest
}

type membershipsInput struct {
	ForUser
	Paging
}

// belonging registers the calls about the members of rooms.
func (a *API) belonging() {
	handle(a, Read, huma.Operation{
		OperationID: "list-members", Method: http.MethodGet, Path: "/rooms/{room}/members", Tags: []string{"members"},
		Summary: "List the members of a room", Description: "Whether they are online or not.",
	}, a.listMembers)
	handle(a, Admin, huma.Operation{
		OperationID: "set-member", Method: http.MethodPut, Path: "/rooms/{room}/members/{user}", Tags: []string{"members"},
		Summary: "Add a member to a room, or change the role of one", Description: "The room and the user are told. conflict if it would " +
			"take the role from the last owner while there are other members.",
	}, a.setMember)
	handle(a, Admin, huma.Operation{
		OperationID: "remove-member", Method: http.MethodDelete, Path: "/rooms/{room}/members/{user}", Tags: []string{"members"},
		Summary: "Remove a member from a room", Description: "The room and the user are told. Removing who is no member is no error. conflict " +
			"if it is the last owner and there are other members.",
	}, func(ctx context.Context, in *memberInput) (MemberSet, error) {
		before, err := a.o.Hub.RemoveMember(ctx, in.Room, in.User)
		return MemberSet{before}, err
	})
	handle(a, Read, huma.Operation{
		OperationID: "list-memberships", Method: http.MethodGet, Path: "/users/{user}/rooms", Tags: []string{"members"},
		Summary: "List the rooms that a user is a member of",
	}, a.listMemberships)
}

func (a *API) listMembers(ctx context.Context, in *roomInput) (MemberPage, error) {
	found, err := a.o.Hub.Members(ctx, in.Room, in.After, in.Limit)
	if err != nil {
		return MemberPage{}, err
	}
	page := MemberPage{Members: make([]Member, 0, len(found.Members)), Total: found.Total, Next: found.Next}
	for _, m := range found.Members {
		page.Members = append(page.Members, Member{User: m.User, Role: m.Role, Since: millis(m.Since)})
	}
	return page, nil
}

func (a *API) setMember(ctx context.Context, in *roleInput) (MemberSet, error) {
	role := hubbub.RoleMember
	if in.Body != nil && in.Body.Role != "" {
		role = in.Body.Role
	}
	before, err := a.o.Hub.SetMember(ctx, in.Room, in.User, role)
	return MemberSet{before}, err
}

func (a *API) listMemberships(ctx context.Context, in *membershipsInput) (MembershipPage, error) {
	found, err := a.o.Hub.Memberships(ctx, in.User, in.After, in.Limit)
	if err != nil {
		return MembershipPage{}, err
	}
	page := MembershipPage{Rooms: make([]Membership, 0, len(found.Memberships)), Next: found.Next}
	for _, m := range found.Memberships {
		page.Rooms = append(page.Rooms, Membership{Room: m.Room, Role: m.Role, Since: millis(m.Since)})
	}
	return page, nil
}
