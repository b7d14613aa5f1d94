package rpc

import (
	"slices"
	"strconv"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/ws"
)

// Request is a decoded request, for tests.
type Request struct{ ID, Method, Params string }

// Decode returns the request of a frame, or the code of its refusal; 0 means that there was none.
func Decode(frame []byte) (Request, int) {
	var r request
	why := decode(frame, &r)
	out := Request{string(r.id), string(r.method), string(r.params.raw)}
	if why != nil {
		return out, why.code
	}
	return out, 0
}

// Query reads the params of inbox.list. It tells false for what is refused.
func Query(params string) (inbox.Query, bool) {
	var r request
	if why := decode([]byte(`{"method":"x","params":`+params+`}`), &r); why != nil {
		return inbox.Query{}, false
	}
	q, err := r.params.query()
	return q, err == nil
}

// Mark reads the params of inbox.mark. It tells false for what is refused.
func Mark(params string) (inbox.Mark, bool) {
	var r request
	if why := decode([]byte(`{"method":"x","params":`+params+`}`), &r); why != nil {
		return inbox.Mark{}, false
	}
	m, err := r.params.mark()
	return m, err == nil
}

// Encode returns the frame of an event, "" if it has none.
func Encode(e hubbub.Event, viewer string) string {
	m, ok := encode(e, viewer)
	if !ok {
		return ""
	}
	return string(m.Data)
}

// Beside returns the methods that run beside the others, sorted.
func Beside() []string {
	var names []string
	for name, m := range methods() {
		if m.when == beside {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// CloseCodes returns our own close codes with their words, sorted.
func CloseCodes() []string {
	words := map[ws.Code]string{
		ws.CodeSlow: "slow", ws.CodeHeartbeat: "heartbeat", // sent by package ws
		CodeBadRequests: "too_many_bad_requests",
	}
	for _, why := range []hubbub.EndReason{hubbub.EndReplaced, hubbub.EndLoggedOut, hubbub.EndRevoked, hubbub.EndExpired, hubbub.EndDraining,
		hubbub.EndNodeLost} {
		code, word := closing(why)
		words[code] = word
	}
	var all []string
	for code, word := range words {
		all = append(all, strconv.Itoa(int(code))+" "+word)
	}
	slices.Sort(all)
	return all
}

// LastNotice encodes notices as a Server does for its conns.
type LastNotice struct{ last lastFrame[noticeKey] }

func (l *LastNotice) encode(n *hubbub.Notice) (ws.Message, bool) {
	return l.last.encode(noticeKey{n.ID, n.State}, hubbub.Noticed{Notice: *n})
}

// Encode returns the frame of a notice, "" if it has none.
func (l *LastNotice) Encode(n *hubbub.Notice) string {
	m, ok := l.encode(n)
	if !ok {
		return ""
	}
	return string(m.Data)
}

// SameFrame tells whether two notices in a row share the bytes of their frame.
func (l *LastNotice) SameFrame(a, b *hubbub.Notice) bool {
	first, _ := l.encode(a)
	second, _ := l.encode(b)
	return &first.Data[0] == &second.Data[0]
}
