package hubbub

// mapping is how one reason is said in the protocols that have numbers of their own.
type mapping struct {
	code   int // JSON-RPC 2.0, section 5.1: -32768 to -32000 are its own; ours are from 1000 up
	status int // RFC 9110, section 15
}

// mappingOf is the one table that maps a domain error to hubbub.v1 and to HTTP. It is frozen: clients decide by these numbers.
func mappingOf(r Reason) mapping {
	switch r {
	case Invalid:
		return mapping{code: -32602, status: 422}
	case Unauthorized:
		return mapping{code: 1000, status: 401}
	case Forbidden:
		return mapping{code: 1001, status: 403}
	case NotFound:
		return mapping{code: 1002, status: 404}
	case RateLimited:
		return mapping{code: 1003, status: 429}
	case TooLarge:
		return mapping{code: 1004, status: 413}
	case Unavailable:
		return mapping{code: 1005, status: 503}
	case Conflict:
		return mapping{code: 1006, status: 409}
	}
	return mapping{code: -32603, status: 500}
}

// Code is the reason's number in a JSON-RPC error object; -32603, an internal error, for a word that is none of the reasons.
func (r Reason) Code() int { return mappingOf(r).code }

// Status is the reason's HTTP status; 500 for a word that is none of the reasons. What is not even JSON is answered with 400
// instead of Invalid's 422, before the domain sees it.
func (r Reason) Status() int { return mappingOf(r).status }
