// Package backend calls the services behind the gateway over HTTP, so that none of them can harm the gateway or its clients by being
// slow, away, broken or hostile.
//
// A [Backend] is one service with conns that are kept for the next call. [Backend.Do] ends within the timeout, whatever the service
// does, and holds no more of a response than MaxResponse:
//
//   - Concurrency calls are under way at most; others wait for their turn, as long as their timeout and context let them.
//   - GET and HEAD are tried again, after a short and random pause, when there was no response or a 502, 503 or 504. Nothing else is
//     sent twice, unless a kept conn was closed before a byte was written, or the call has an Idempotency-Key in its header.
//   - A backend that fails again and again is left alone for a moment: see [Breaker].
//   - Redirects are an error and are not followed: a service that is asked for a redirect to an internal address cannot make the gateway
//     go there, nor learn from it what is there.
//   - Responses come as they are: compression is not asked for, and a response that is compressed all the same is an error. So a small
//     response cannot unfold into a large one, and MaxResponse counts what is kept.
//   - HTTP/1.1 is spoken, also over TLS, whose certificates must be good for the host by the roots of the system (SSL_CERT_FILE names
//     others). A proxy in the environment is not used.
//
// A 4xx or 5xx is a reply, not an error; it is the caller who knows what it means.
//
// # Who is asking
//
// A call may have an Identity. The backend learns it by headers that nobody else can set, since whatever a caller sent under such names
// is dropped:
//
//	Hubbub-User: ann
//	Hubbub-Identity: eyJ…
//
// Hubbub-User is the user's name, with % and whatever is not ASCII percent-encoded: decode it always. It is worth as much as the network
// between the gateway and the backend.
//
// Hubbub-Identity is there if the backend has a Secret: a JSON Web Token (RFC 7519) that is good wherever it came through. A backend
// verifies it with any JWT library by these rules, in this order; the example verify shows them in Go:
//
//  1. the algorithm is HS256, whatever else the token's header says, and the key is the Secret as bytes;
//  2. iss is "hubbub";
//  3. aud is the backend's name in the gateway's configuration, so that a token for one backend is worth nothing at another;
//  4. exp is not over. It is 60 s after iat; a token is used for several calls, so keep none and allow some seconds of difference
//     between the clocks.
//
// Then sub is the user, and device, platform, info, attrs and sid (the session; missing in calls that came without one) say the rest.
package backend
