// Package interop holds tests and no code: a hubbub server and client against programs that others wrote. These are Node's
// ws, Debian's Python websockets, Chromium, and nginx with the configuration of docs/nginx.md; and the program of the README.
package interop
