// Package event turns one event that a backend tells into calls of the API for backends, as rules in the configuration
// say. When a product goes on the shelf, its service makes one call, POST /api/v1/events with {"type":
// "product.listed", "data": {…}}, and knows nothing of rooms, messages and notices:
//
//	events:
//	  - type: product.listed
//	    when: .data.stock > 0
//	    do:
//	      - call: POST /rooms/{data.shop}/messages
//	        body:
//	          data: {product: "{data.product}", says: "New: {data.product.name}"}
//	      - call: POST /notices
//	        body:
//	          to: {users: "{data.followers}"}
//	          category: products
//	          title: "{data.product.name} is there"
//
// # Rules
//
// type is a glob: * stands for any run of characters. All rules that fit an event are done, in the order of the
// configuration. when is a jq expression about the whole event, {"type", "id", "data"}; the rule does nothing if it
// gives false or null.
//
// # References
//
// Texts of call and body may have {type}, {id}, a random one of this event, and {data…}, whose names lead into the
// data; numbers index lists. In a body a text that is one reference alone keeps its JSON type. In a path a value stays
// within its segment. {{ is a brace. In YAML, texts that begin with a brace stand in quotes.
//
// An event whose data lack what a rule that fits refers to is refused, and the error names it: no call is made. null is
// there, and leaves out the member that it would be the value of.
package event
