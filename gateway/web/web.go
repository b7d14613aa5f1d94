// Package web holds the pages that the gateway serves to browsers: plain files, embedded as they are, without a build
// step.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed demo
var files embed.FS

// policy lets a page use what this server serves and nothing else: no inline script or style, no other host, no frame
// around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Works serves one plain page at / that says that the server works and at which paths it accepts WebSockets, and 404 for anything
// else.
func Works(sockets []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		fmt.Fprintf(w, "hubbub works. WebSockets connect to %s; see docs/protocol.md.\n", strings.Join(sockets, " or "))
	})
}

// Demo serves the demo chat: its page at /, what the page needs below /demo/, and 404 for anything else. Browsers ask
// each time whether a file has changed, so that a new version of the server is seen at once.
func Demo() http.Handler {
	tags := etags()
	inner := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[1:]
		if name == "" {
			name = "demo/index.html"
		}
		tag := tags[name]
		if tag == "" {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this page can only be read", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if r.URL.Path == "/" {
			http.ServeFileFS(w, r, files, name)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// etags maps the path of each file to a tag of its content.
func etags() map[string]string {
	tags := map[string]string{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		sum := sha256.Sum256(data)
		tags[path] = `"` + hex.EncodeToString(sum[:8]) + `"`
		return err
	})
	if err != nil {
		panic("web: embedded files: " + err.Error())
	}
	return tags
}
