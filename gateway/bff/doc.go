// Package bff is the backend for the frontend: it answers one call of a page by asking several services beside each
// other, and puts what they say into one JSON object. Each route is configured, and reachable over HTTP and as a method
// of hubbub.v1:
//
//	bff:
//	  routes:
//	    - name: home                       # GET /bff/home?id=7, POST /bff/home, and the method bff.home
//	      params:
//	        - {name: id, type: int, required: true}
//	      budget: 500ms
//	      parts:
//	        - name: product
//	          backend: products            # one of backends
//	          path: /products/{params.id}
//	          required: true
//	          pick: "{id, name, price}"    # jq
//	          cache: {by: shared, ttl: 10s}
//	        - name: reviews                # begins when the product is there
//	          backend: reviews
//	          path: /reviews
//	          query: {product: "{parts.product.id}", lang: "{user.info.lang}"}
//	        - name: cart
//	          backend: carts
//	          path: /carts/{user.id}
//	          timeout: 200ms
//
// The reply has each part in the order of the configuration:
//
//	{"product": {"status": 200, "data": {"id": 7, "name": "Oolong", "price": 12.50}},
//	 "reviews": {"status": 200, "data": []},
//	 "cart":    {"status": 504, "error": {"reason": "unavailable", "message": "the backend carts did not answer in time"}}}
//
// # Parts
//
// Parts are asked at the same time, but for one that refers to the data of another: it begins when that is there, and
// has the status 424 if that has failed. A part that is not there when the budget ends has the status 504, and the
// reply leaves. A required part that fails makes the whole call fail at once: not_found for its 404, forbidden for its
// 401 and 403, rate_limited for its 429, invalid if the caller's params do not fit into its request, and otherwise
// unavailable.
//
// A part's status is the backend's, but 422 if the caller's params do not fit into its request, 424 as above or if the
// data of the other part do not fit, 502 if the answer is no JSON or does not fit pick, 503 if there is no answer, and
// 504 if it is late. An answer without a body has null as data.
//
// # References
//
// Texts of path, query, headers and body may have {params.NAME}, {user.id}, {user.device}, {user.platform},
// {user.session}, {user.info.NAME}, {user.attrs.NAME} and {parts.NAME.MEMBER}, deeper by more names; numbers index
// lists. In YAML, texts that begin with a brace stand in quotes. {{ is a brace. Names that nothing declares are refused
// when the gateway starts.
//
// A value cannot become more than a value: in a path it stays within its segment, in a query within its parameter, in a
// header within its line. In a body a text that is one reference alone keeps its JSON type. A value that is missing or
// null leaves out the query parameter, header or member that it is in, and makes a part fail that needs it in its path.
//
// # Who calls
//
// Backends are told who calls as package backend says. A route with auth: optional is for everybody; others answer
// unauthorized to who is not known. Headers of HTTP callers are passed on if the route lists them.
//
// # Caches
//
// Only successful results of GET and HEAD are kept. by: user keeps them for each user, whatever the device; what
// backends are told about the user, platform, info and attrs, is part of what must be the same. by: shared is for what
// is the same for everybody: such a part is called without identity, so that what one gets cannot be what was meant for
// another, and must not refer to the user. All caches share Options.CacheSize, in memory.
//
// Equal GET and HEAD requests that are on their way at the same time are one request, for the same callers as with a
// cache, and without one in combined calls of the same session only. It goes on until nobody waits for it, so that who leaves takes
// nothing from others. Who has changed something by another route is not given what was on its way before.
//
// Requests with other methods are neither kept nor shared. When the budget ends they are cancelled, like all others,
// and nobody can know whether they have taken effect.
//
// # Proxies
//
// A route with proxy instead of parts has one request whose answer is the result. If it has no body but a method that
// wants one, the body is an object of all params. Errors of the backend become ours: 400 and 422 invalid, 401 and 403
// forbidden, 404 and 410 not_found, 409 and 412 conflict, 413 too_large, 429 rate_limited with its Retry-After, all
// others unavailable. The message is the detail of an RFC 9457 problem, if the answer is one.
package bff
