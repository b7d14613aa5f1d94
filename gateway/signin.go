package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// signIn stands at the WebSocket paths: it lets people in, or tells them why not.
type signIn struct {
	*doorman
	rpc *rpc.Server
}

// ServeHTTP makes a session of a handshake. A page cannot see why a handshake was refused, so a plain GET with the same
// credentials is judged alike and answered in words.
func (s *signIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := s.judge(r)
	switch {
	case err != nil && s.mayClose(r) && isFinal(err):
		if conn, failed := s.front.sockets.Upgrade(w, r); failed == nil {
			s.rpc.Refuse(conn, err)
		}
	case err != nil:
		if e := hubbub.AsError(err); e.Err != nil && e.Reason == hubbub.Unavailable {
			s.front.cfg.Logger.Warn("somebody could not be let in", "error", e.Err)
		}
		auth.WriteProblem(w, r, err)
	case !isHandshake(r):
		s.confirm(w, id)
	default:
		// A conn remembers its URI. It should not remember the credentials that may stand there, and all can share the pattern.
		r.RequestURI = r.Pattern
		if conn, failed := s.front.sockets.Upgrade(w, r); failed == nil { // otherwise it has been answered
			s.rpc.Serve(conn, id)
		}
	}
}

// mayClose tells whether a refusal may be an upgrade that is closed. A page whose origin is not listed gets none at all.
func (s *signIn) mayClose(r *http.Request) bool {
	if s.front.cfg.Auth.Refuse != "close" || !isHandshake(r) {
		return false
	}
	allowed, _ := s.front.allows(r)
	return allowed
}

// judge tells who may come in.
func (s *signIn) judge(r *http.Request) (hubbub.Identity, error) {
	if err := checkOffers(r); err != nil {
		return hubbub.Identity{}, err
	}
	v, err := s.admit(r)
	return v.identity, err
}

// checkOffers refuses subprotocols that do not have ours among them: a browser would drop the conn and not say why,
// since none of them was selected.
func checkOffers(r *http.Request) error {
	lines := r.Header.Values("Sec-WebSocket-Protocol")
	for _, line := range lines {
		for offered := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(offered) == rpc.Subprotocol {
				return nil
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return hubbub.Errorf(hubbub.Invalid, `%[1]q is not among the subprotocols: connect with none, or as in new WebSocket(url, [%[1]q, `+
		`"hubbub.token." + token])`, rpc.Subprotocol)
}

// isFinal tells whether an error is about who asks, so that coming back does not help.
func isFinal(err error) bool {
	reason := hubbub.AsError(err).Reason
	return reason == hubbub.Unauthorized || reason == hubbub.Forbidden || reason == hubbub.Invalid
}

// confirm tells a plain GET that a WebSocket would be accepted, and for whom.
func (s *signIn) confirm(w http.ResponseWriter, id hubbub.Identity) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	body, err := json.Marshal(map[string]string{
		"user":   id.User,
		"detail": "a WebSocket would be accepted here; see docs/protocol.md for what to say",
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "%s\n", body)
}
