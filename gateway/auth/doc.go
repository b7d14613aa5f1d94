// Package auth tells who connects, before the upgrade: it turns a request into a [hubbub.Identity] or into a refusal that
// says why and how to sign in.
//
// Credentials may come in seven ways. What somebody put into this very request on purpose is looked for first, then what a
// browser adds by itself:
//
//  1. Authorization: Bearer <jwt>
//  2. the subprotocol hubbub.token.<jwt>, beside hubbub.v1
//  3. ?ticket=, a ticket that a backend took out for its user and that is good once; see [Tickets]
//  4. ?token=<jwt>
//  5. Authorization: Basic, checked against a file of bcrypt hashes
//  6. a cookie whose value is a JWT
//  7. nothing, where anonymous users are allowed
//
// The first that is present decides. Bad credentials are refused with 401 and never fall through to the next. The fifth and
// sixth are ambient, see [Result]: a page of another site could make a browser send them.
//
// Tokens are JSON Web Tokens (RFC 7519) signed by HS256/384/512, RS256/384/512, PS256/384/512, ES256/384/512 or EdDSA. Each
// key is good for its own algorithms alone, whatever a token's header says. The claims:
//
//	sub       the user; required
//	exp       when the token, and the session, end; required
//	nbf, iat  honoured when present: a token from the future is refused
//	iss, aud  compared when Config asks for it
//	jti       the id by which the token can be revoked
//	device    the device; ?device= may repeat it but not contradict it
//	platform  the platform; likewise
//	info      an object that others see, such as {"name":"Ann","avatar":"/ann.png"}
//	name      short for info {"name":…}, when there is no info
//	attrs     an object of strings, numbers and booleans that backends may select users by
//	rooms     {"join":[globs],"send":[globs]}, or a list of globs for both
package auth
