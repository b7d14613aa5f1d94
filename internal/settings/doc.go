// Package settings loads a program's configuration into a struct from defaults, a YAML file, environment variables and
// command-line assignments, each overriding the one before, and explains everything that is wrong with them at once.
//
// One [Table] says everything about each setting: its key, its default and its description. The types come from the struct,
// whose fields carry their keys in koanf tags; [New] refuses a table and a struct that do not fit each other. From the table
// come the loading with its checks ([Table.Load]), a commented file with all defaults ([Table.Default]), a reference in
// Markdown ([Table.Reference]) and what is in effect and why ([Loaded.Show]).
//
// # Keys
//
// A key is the path of tags, joined by dots: heartbeat.ping. A list of structs has the keys of its elements with brackets in
// the table, rooms[].match, and with the element's index in problems, rooms[2].match. The environment variable of a key is
// the prefix and the key in upper case, with underscores for the dots. New makes sure that no two keys share one. Elements of lists can
// have lists of their own, rules[2].steps[0].call; variables and assignments reach the outermost list only, as a whole.
//
// # Values
//
// Besides what YAML calls text, numbers and booleans there are durations ("25s", "1h30m", "7d"), sizes ("64KiB", see [Size])
// and networks ("10.0.0.0/8"). Numbers, sizes and durations are greater than zero, or "off" where the table allows it, which
// the struct gets as -1: so a zero in a struct that a program filled by itself can mean the default, see [Table.Fill].
//
// A pointer to a struct is a section that need not be there; then it is nil, and nothing in it is required.
//
// A field of type any, or map[string]any, takes whatever JSON can say, such as the body of a request.
//
// A secret can be put into a file of its own: beside each secret key stands one that ends with _file. The file of a list of texts has one
// in each line, that of a map NAME: VALUE in each line.
package settings
