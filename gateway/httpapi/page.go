package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/swaggest/swgui/v5/static"
)

// The page to read the document with is at Prefix+"/", and what belongs to it below pagePrefix. It needs no key; the calls that are tried
// there do.
const pagePrefix = Prefix + "/page/"

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page use what this server serves and nothing else. The reader has pictures in its style sheet.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageFile is a file of the page.
type pageFile struct {
	plain  []byte // either this
	packed []byte // or this, with gzip
	kind   string // its media type
	tag    string
}

// loadPage reads all files of the page, by their paths.
func loadPage() (map[string]pageFile, error) {
	files := map[string]pageFile{}
	for at, name := range map[string]string{Prefix + "/": "page/index.html", pagePrefix + "page.js": "page/page.js", pagePrefix + "page.css": "page/page.css"} {
		plain, err := pageFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("load the page: %w", err)
		}
		files[at] = newPageFile(name, plain, nil)
	}
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js"} {
		packed, err := static.FS.ReadFile(name + ".gz")
		if err != nil {
			return nil, fmt.Errorf("load the page: %w", err)
		}
		files[pagePrefix+name] = newPageFile(name, nil, packed)
	}
	return files, nil
}

func newPageFile(name string, plain, packed []byte) pageFile {
	sum := sha256.Sum256(slices.Concat(plain, packed))
	kinds := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".json": "application/openapi+json"}
	return pageFile{plain: plain, packed: packed, kind: kinds[path.Ext(name)], tag: hex.EncodeToString(sum[:8])}
}

// servePage answers requests that are for the page or the document, and tells whether it was one.
func (a *API) servePage(w http.ResponseWriter, r *http.Request) bool {
	file, ok := a.page[r.URL.Path]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", file.kind)
	h.Set("Vary", "Accept-Encoding")
	if file.packed == nil {
		h.Set("ETag", `"`+file.tag+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.plain))
		return true
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", `"`+file.tag+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.packed))
		return true
	}
	// Every browser takes gzip: others get the file unpacked on its way, without a tag.
	if plain, err := gzip.NewReader(bytes.NewReader(file.packed)); err == nil && r.Method == http.MethodGet {
		io.Copy(w, plain) // fails only if the client is gone
	}
	return true
}
