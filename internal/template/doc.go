// Package template expands references in texts of the configuration: {params.id} in "/products/{params.id}" stands for
// a value that only a caller, a user or a backend knows.
//
// A template is parsed once, when the configuration is read. Its owner checks each of [Text.Refs] against what is
// declared, and refuses to start with one that is unknown. It is expanded in the way of the place that it stands in, so
// that no value can become more than a value there:
//
//   - [Text.Expand] makes a text, and [Text.ExpandHeader] one that no value can add a line to.
//   - [Path.Expand] makes a URL's path. A value stays within its segment: it is percent-escaped, and what would lead elsewhere is refused.
//   - [Query.Expand] makes a URL's query.
//   - [Tree.Expand] makes JSON. A string that is one reference and nothing else becomes the value, with its type; in other strings
//     values are put as text.
//
// # Syntax
//
// A reference is a { and names with dots between them and a }: {parts.cart.items.0.id}. Names have letters, digits, _
// and -; a number indexes a list. {{ is one brace, and a } that ends no reference is itself.
//
// # What is missing
//
// A value that is not there, or null, leaves out what it stands in: the query parameter, the header, the member of an
// object. An item of a list becomes null, so that the others stay in their places. A path cannot do without, and
// refuses.
//
// Nothing here keeps state: all methods may be called concurrently.
package template
