package gateway

import "github.com/hubbub-dev/hubbub/internal/settings"

func backendEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "backends", Doc: "The services behind the gateway, which hooks and combined calls ask by HTTP. docs/bff.md is about them."},
		{Key: "backends[].name", Required: true, Example: "products", Doc: "What hooks and routes call it."},
		{Key: "backends[].url", Required: true, Example: "http://products:8000", Doc: "Where it is; paths of requests come behind that. Redirects " +
			"are not followed. Credentials belong into `headers`."},
		{Key: "backends[].timeout", Default: "5s", Doc: "How long one request may take, with its tries and its wait for a turn."},
		{Key: "backends[].max_response", Default: "1MiB", Doc: "Bytes that a response may have. What is larger counts as a failure."},
		{Key: "backends[].retries", Default: "1", Off: "none", Doc: "How often a GET or HEAD is tried again after an error of the connection or a 502, 503 or 504."},
		{Key: "backends[].breaker", Doc: "When a backend fails again and again it is left alone for a while: requests fail at once. Errors of the " +
			"connection, timeouts and statuses from 500 up are failures."},
		{Key: "backends[].breaker.failures", Default: "10", Off: "never", Doc: "Failures within the window after which that happens, if they are at least half of all."},
		{Key: "backends[].breaker.window", Default: "10s", Doc: "The window."},
		{Key: "backends[].breaker.open", Default: "5s", Doc: "How long until one request tries again."},
		{Key: "backends[].headers", Secret: true, Doc: "Headers of each request, such as the key of the gateway."},
		{Key: "backends[].secret", Secret: true, Doc: "Signs who asks, at least 32 bytes: requests of a user have a token (JWT, HS256) " +
			"in the header `Hubbub-Identity`. Empty means that only the name is passed on, in `Hubbub-User`."},
		{Key: "backends[].concurrency", Default: "256", Doc: "Requests at a time. More wait for as long as they may take, and then fail."},
		{Key: "hooks", Doc: "Questions to backends that decide whether something may happen. The first rule that fits is asked; where none fits, " +
			"nobody is."},
		{Key: "hooks[].on", Required: true, Example: "room.join", OneOf: []string{"connect", "room.join", "room.send", "user.send"}, Doc: "What is asked " +
			"about: that somebody connects, joins a room, sends to a room or sends to a user."},
		{Key: "hooks[].rooms", Doc: "Globs of the rooms that the rule is about; `*` stands for any characters. Empty means all. Only for `room.join` and `room.send`."},
		{Key: "hooks[].backend", Required: true, Example: "products", Doc: "Who is asked: a name of `backends`."},
		{Key: "hooks[].path", Required: true, Example: "/hooks/join", Doc: "The path of the question, which is a POST."},
		{Key: "hooks[].timeout", Default: "1s", Doc: "How long the answer may take."},
		{Key: "hooks[].on_failure", Default: "refuse", OneOf: []string{"refuse", "allow"}, Doc: "What happens when there is no answer: the reply is " +
			"`unavailable`, or it is as if the answer were yes."},
		{Key: "hooks[].headers", Doc: "For `connect`: headers of the handshake that are passed on, such as `Cookie`."},
	}
}

func routeEntries() []settings.Entry {
	all := []settings.Entry{
		{Key: "bff", Doc: "Calls of frontends that backends answer: `GET` or `POST /bff/NAME`, and the method `bff.NAME` of hubbub.v1. " +
			"docs/bff.md is about them."},
		{Key: "bff.routes", Doc: "The calls. Each has either `parts`, which are asked at the same time and make one object, or `proxy`. Texts " +
			"below them are templates: `{params.id}`, `{user.id}`, `{parts.NAME.field}`; `{{` is a brace."},
		{Key: "bff.routes[].name", Required: true, Example: "home", Doc: "The name of the call: letters, digits, `.`, `_` and `-`."},
		{Key: "bff.routes[].doc", Doc: "What it is for, for those who read the file."},
		{Key: "bff.routes[].method", Empty: "GET if all parts are called with GET or HEAD, otherwise POST", OneOf: []string{"", "GET", "POST"}, Doc: "`GET` " +
			"is for what changes nothing: it is called by GET or POST; `POST` by POST alone. It says nothing of hubbub.v1."},
		{Key: "bff.routes[].auth", Default: "required", OneOf: []string{"required", "optional"}, Doc: "Whether callers must have signed in."},
		{Key: "bff.routes[].params", Doc: "What callers may say. Anything else is refused."},
		{Key: "bff.routes[].params[].name", Required: true, Example: "id", Doc: "The name: letters, digits, `_` and `-`."},
		{Key: "bff.routes[].params[].type", Default: "string", OneOf: []string{"string", "int", "number", "bool", "json"}, Doc: "What it must be."},
		{Key: "bff.routes[].params[].required", Doc: "Whether it must be there."},
		{Key: "bff.routes[].params[].default", Doc: "What it is otherwise."},
		{Key: "bff.routes[].budget", Default: "2s", Doc: "How long the call may take. Parts that are not there then are reported with status 504."},
		{Key: "bff.routes[].headers", Doc: "Headers of callers that are passed on to all backends, such as `Accept-Language`. Calls by hubbub.v1 have none."},
		{Key: "bff.routes[].parts", Doc: "The parts of a combined call. Those that need nothing of another are asked at once."},
		{Key: "bff.routes[].parts[].name", Required: true, Example: "product", Doc: "The name of the part in the result, and in templates."},
		{Key: "bff.routes[].parts[].required", Doc: "Without this part the whole call fails. Otherwise its status and error are in the result."},
		{Key: "bff.routes[].proxy", Doc: "The one request of a call whose result is that of a backend."},
		{Key: "bff.routes[].proxy.name", Doc: "Not needed."},
		{Key: "bff.routes[].proxy.required", Doc: "It is anyway."},
	}
	all = append(all, cacheEntries("bff.routes[].cache", "The cache of parts that are called with GET or HEAD and have none of their own.")...)
	all = append(all, partEntries("bff.routes[].parts[].")...)
	return append(all, partEntries("bff.routes[].proxy.")...)
}

// partEntries are those of a request to a backend.
func partEntries(prefix string) []settings.Entry {
	return append([]settings.Entry{
		{Key: prefix + "backend", Required: true, Example: "products", Doc: "Who is asked: a name of `backends`."},
		{Key: prefix + "method", OneOf: []string{"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, Empty: "GET, or POST with a body", Doc: "The method."},
		{Key: prefix + "path", Required: true, Example: `"/products/{params.id}"`, Doc: "The path, a template. Values in it are escaped and stay within their " +
			"segment; one that is missing or empty makes the part fail."},
		{Key: prefix + "query", Doc: "The query, with templates as values. A list repeats the name; what is missing is left out."},
		{Key: prefix + "headers", Secret: true, Doc: "Headers of the request, with templates as values. One whose value is missing is left out."},
		{Key: prefix + "body", Doc: "The body, which is sent as JSON. A text that is one reference alone keeps the type of what it names. A proxy " +
			"with POST, PUT or PATCH and without body sends all parameters."},
		{Key: prefix + "timeout", Empty: "as long as backend and budget allow", Doc: "How long the request may take."},
		{Key: prefix + "pick", Example: `"{id, title}"`, Doc: "A jq expression that makes the result of the response's JSON."},
	}, cacheEntries(prefix+"cache", "Whether the result is kept for the next one who asks the same.")...)
}

func cacheEntries(key, doc string) []settings.Entry {
	return []settings.Entry{
		{Key: key, Doc: doc},
		{Key: key + ".by", OneOf: []string{"", "user", "shared"}, Doc: "For whom a result is kept: the same user, or everybody, so that the request does " +
			"not tell who asks. Empty means that it is not kept."},
		{Key: key + ".ttl", Doc: "How long."},
	}
}

func eventEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "events", Doc: "What to do when a backend tells by `POST /api/v1/events` that something has happened. Every rule that fits is carried out, in order."},
		{Key: "events[].type", Required: true, Example: "product.listed", Doc: "Glob of the event's type: `*` stands for any characters."},
		{Key: "events[].when", Example: `".data.price < 100"`, Doc: "A jq expression about `{type, id, data}`: the rule does nothing if it gives " +
			"false or null. Empty means always."},
		{Key: "events[].do", Doc: "Calls of the HTTP API, in order."},
		{Key: "events[].do[].call", Required: true, Example: `"POST /rooms/{data.room}/messages"`, Doc: "Method and path behind `/api/v1`. References are " +
			"`{type}`, `{id}` and `{data.field}`."},
		{Key: "events[].do[].body", Example: `{data: {product: "{data.product}"}}`, Doc: "The body, which may have references."},
	}
}

func webhookEntries() []settings.Entry {
	return []settings.Entry{
		{Key: "webhooks", Doc: "Who is told what happens here, by POST, as Standard Webhooks says. It needs a store. docs/webhooks.md is about them."},
		{Key: "webhooks[].name", Required: true, Example: "billing", Doc: "What logs, figures and the HTTP API call it. What waits for a name that is not " +
			"there any more is kept 30 days and then removed, as dead items are."},
		{Key: "webhooks[].url", Required: true, Secret: true, Example: "https://billing.example.com/hubbub", Doc: "Where it is told, by https or " +
			"http. Redirects are not followed. It is treated as a secret, since some have a token in them."},
		{Key: "webhooks[].secrets", Secret: true, Doc: "Secrets that sign, `whsec_` and the base64 of 24 to 64 bytes. Each signs, so that a new one can be " +
			"added before the old one is removed."},
		{Key: "webhooks[].events", Doc: "Globs of the events that it is told, such as `session.*`. Empty means all."},
		{Key: "webhooks[].rooms", Doc: "Globs of the rooms whose events it is told. Events without a room are not concerned. Empty means all."},
		{Key: "webhooks[].headers", Secret: true, Doc: "Headers of each request."},
		{Key: "webhooks[].timeout", Default: "10s", Doc: "How long it may take to answer."},
		{Key: "webhooks[].concurrency", Default: "64", Doc: "Requests at a time. Those about one user come one after the other."},
		{Key: "webhooks[].retry_for", Default: "1d", Doc: "For how long a delivery that fails is tried again. Then it is dead, and can be replayed."},
		{Key: "webhooks[].allow_private", Doc: "Let the URL be an address of this machine or of a private network. Without it such addresses are " +
			"refused, also when a name leads there. In development mode loopback addresses need no permission."},
	}
}
