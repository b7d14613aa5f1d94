package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// API makes the calls for backends of the HTTP API. Only URL and Key must be set. Its methods may be called
// concurrently. Errors of the gateway are a [hubbub.Error] with its reason; one with the reason [hubbub.Unavailable]
// also comes when it cannot be reached, or does not answer in time.
type API struct {
	URL     string        // of the gateway, such as "http://localhost:8080"
	Key     string        // an API key
	HTTP    *http.Client  // nil means http.DefaultClient
	Timeout time.Duration // of one call; 0 means 30 s, negative means that its context alone ends it

	once string
}

// Once returns an API whose calls have an idempotency key, at most [hubbub.MaxID] bytes: made again with the same key, a call that
// sends or changes something is the same call, and gets the same reply. For messages and notices it is the same as their Key. Use it for
// one call, and again for that alone:
//
//	api.Once("order-17-shipped").Broadcast(ctx, data)
func (a API) Once(key string) API {
	a.once = key
	return a
}

// most is how much of an answer is read.
const most = 64 << 20

// call makes a call below /api/v1. body and reply may be nil.
func (a API) call(ctx context.Context, method, path string, body, reply any) error {
	within := ctx
	if timeout := cmp.Or(a.Timeout, 30*time.Second); timeout > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	req, err := a.request(within, method, path, body)
	if err != nil {
		return err
	}
	res, err := a.http().Do(req)
	if err != nil {
		return a.unreached(ctx, req, err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return hubbub.Errorf(hubbub.Unavailable, "the gateway's answer broke off: %w", err)
	}
	if res.StatusCode/100 != 2 {
		return fromHTTP(res.StatusCode, content, nil)
	}
	if err := json.Unmarshal(content, reply); err != nil {
		return hubbub.Errorf(hubbub.Unavailable, "what answers at %s is no gateway: %w", req.URL.Host, err)
	}
	return nil
}

func (a API) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, hubbub.Errorf(hubbub.Invalid, "the request cannot be encoded as JSON: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.URL, "/")+"/api/v1"+path, content)
	if err != nil {
		return nil, hubbub.Errorf(hubbub.Invalid, "the URL of the gateway cannot be understood: %w", withoutURL(err))
	}
	req.Header.Set("Authorization", "Bearer "+a.Key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.once != "" && method == http.MethodPost {
		req.Header.Set("Idempotency-Key", `"`+a.once+`"`)
	}
	return req, nil
}

func (a API) http() *http.Client {
	if a.HTTP == nil {
		return http.DefaultClient
	}
	return a.HTTP
}

// unreached is the error of a request that was not answered. ctx is the caller's.
func (a API) unreached(ctx context.Context, req *http.Request, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if req.Context().Err() != nil {
		return hubbub.Errorf(hubbub.Unavailable, "the gateway at %s does not answer in time: %w", req.URL.Host, context.Cause(req.Context()))
	}
	return hubbub.Errorf(hubbub.Unavailable, "the gateway at %s cannot be reached: %w", req.URL.Host, withoutURL(err))
}

// path joins parts with each of them escaped.
func path(parts ...string) string {
	var all strings.Builder
	for _, p := range parts {
		if p == "." || p == ".." {
			all.WriteString("/" + strings.ReplaceAll(p, ".", "%2E")) // as they are they would lead elsewhere
			continue
		}
		all.WriteString("/" + url.PathEscape(p))
	}
	return all.String()
}

// Path joins parts to a path of a [BatchCall], each of them escaped: Path("rooms", "eu/lobby", "messages") is
// "/rooms/eu%2Flobby/messages".
func Path(parts ...string) string { return path(parts...) }

// listQuery is the query of a call that lists something.
func listQuery(f hubbub.Filter, after string, limit int) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("room", f.Room)
	set("platform", f.Platform)
	set("after", after)
	if f.Attr != "" {
		q.Set("attr", f.Attr+":"+f.Value)
	}
	if limit != 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return asQuery(q)
}

// asQuery is values behind a question mark, "" for none.
func asQuery(v url.Values) string {
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// pageQuery is that of one that selects nothing else.
func pageQuery(after string, limit int) string { return listQuery(hubbub.Filter{}, after, limit) }

// Published is the reply to a message of a backend: it is accepted.
type Published struct {
	ID       string          `json:"id"`
	Time     Time            `json:"time"`
	Position hubbub.Position `json:"position,omitzero"` // zero where nothing is kept
}

type publishBody struct {
	Data     any    `json:"data"`
	Key      string `json:"key,omitempty"`
	Collapse string `json:"collapse,omitempty"`
	Device   string `json:"device,omitempty"`
}

// Broadcast sends data to everybody who is online. It is not kept.
func (a API) Broadcast(ctx context.Context, data any) (Published, error) {
	return a.publish(ctx, path("broadcast"), publishBody{Data: data})
}

// SendToRoom sends data to a room. With [SendOptions].Key the call may be repeated; NoEcho has no meaning here.
func (a API) SendToRoom(ctx context.Context, room string, data any, o SendOptions) (Published, error) {
	return a.publish(ctx, path("rooms", room, "messages"), publishBody{Data: data, Key: o.Key, Collapse: o.Collapse})
}

// SendToUser sends data to the devices of a user that are online, or to one of them if device is not "". It is not kept.
func (a API) SendToUser(ctx context.Context, user, device string, data any) (Published, error) {
	return a.publish(ctx, path("users", user, "messages"), publishBody{Data: data, Device: device})
}

// SendToUsers sends data to the devices of up to 1000 users that are online, as one message. It is not kept; offline are those
// who have not got it.
func (a API) SendToUsers(ctx context.Context, users []string, data any) (p Published, offline []string, err error) {
	var reply struct {
		Published
		Offline []string `json:"offline"`
	}
	err = a.call(ctx, http.MethodPost, path("messages"), struct {
		Users []string `json:"users"`
		Data  any      `json:"data"`
	}{users, data}, &reply)
	return reply.Published, reply.Offline, err
}

func (a API) publish(ctx context.Context, path string, body publishBody) (Published, error) {
	var reply Published
	err := a.call(ctx, http.MethodPost, path, body, &reply)
	return reply, err
}

// Count counts who is online; it may be a second old.
func (a API) Count(ctx context.Context) (hubbub.Counts, error) {
	var reply hubbub.Counts
	err := a.call(ctx, http.MethodGet, path("online"), nil, &reply)
	return reply, err
}

// Online lists online users by name, from the one after after; limit is 1 to 1000, 0 means 50.
func (a API) Online(ctx context.Context, f hubbub.Filter, after string, limit int) (PresencePage, error) {
	var reply PresencePage
	err := a.call(ctx, http.MethodGet, path("users")+listQuery(f, after, limit), nil, &reply)
	return reply, err
}

// UserDetails is a user with the sessions that are open.
type UserDetails struct {
	Presence
	Sessions []Session `json:"sessions"`
}

// User tells about one user.
func (a API) User(ctx context.Context, user string) (UserDetails, error) {
	var reply UserDetails
	err := a.call(ctx, http.MethodGet, path("users", user), nil, &reply)
	return reply, err
}

// Presence tells about up to 1000 users, in the same order.
func (a API) Presence(ctx context.Context, users ...string) ([]Presence, error) {
	var reply usersReply
	err := a.call(ctx, http.MethodPost, path("presence"), usersParams{users}, &reply)
	return reply.Users, err
}

// RoomPage is a part of the list of rooms that somebody is in.
type RoomPage struct {
	Rooms []hubbub.RoomCount `json:"rooms"`
	Next  string             `json:"next,omitempty"` // for the next page; "" if this is the last
}

// Rooms lists rooms that somebody is in, from the one after after; limit is 1 to 1000, 0 means 50.
func (a API) Rooms(ctx context.Context, after string, limit int) (RoomPage, error) {
	var reply RoomPage
	err := a.call(ctx, http.MethodGet, path("rooms")+pageQuery(after, limit), nil, &reply)
	return reply, err
}

// Room lists who is in a room, by name, from the user after after; limit is 1 to 1000, 0 means 50.
func (a API) Room(ctx context.Context, room, after string, limit int) (PresencePage, error) {
	var reply PresencePage
	err := a.call(ctx, http.MethodGet, path("rooms", room)+pageQuery(after, limit), nil, &reply)
	return reply, err
}
