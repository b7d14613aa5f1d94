package bff

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/internal/jq"
	"github.com/hubbub-dev/hubbub/internal/template"
)

// maxParts is how many parts a route may have.
const maxParts = 32

// route is a checked Route.
type route struct {
	name     string
	post     bool // POST only
	optional bool // callers may be unknown
	params   []param
	budget   time.Duration
	headers  []string // canonical
	parts    []*part
	proxy    bool // the result of the one part is the result
}

// part is a checked Part.
type part struct {
	// Immutable.
	name     string
	id       string // unique among all parts of all routes
	backend  *backend.Backend
	of       string // the backend's name
	method   string
	safe     bool // the method changes nothing
	required bool
	timeout  time.Duration // never 0
	path     template.Path
	query    template.Query
	headers  []header
	fixed    http.Header    // sent with every request; never written to
	body     *template.Tree // nil means none
	pick     *jq.Query      // nil means none
	cache    Cache
	needs    []int // parts whose data it refers to
	walked   bool  // another part refers to something within its data

	// Safe for concurrent use.
	telling *rate.Sometimes // the log of answers that cannot be used
}

// header is a header that a part sends.
type header struct {
	name string // canonical
	text template.Text
}

// compile checks all routes.
func compile(o *Options) (map[string]*route, error) {
	all := make(map[string]*route, len(o.Routes))
	for i := range o.Routes {
		r, err := compileRoute(o, &o.Routes[i])
		if err != nil {
			return nil, fmt.Errorf("bff route %q: %w", o.Routes[i].Name, err)
		}
		if all[r.name] != nil {
			return nil, fmt.Errorf("bff route %q: there are two of that name", r.name)
		}
		all[r.name] = r
	}
	return all, nil
}

func compileRoute(o *Options, c *Route) (*route, error) {
	r := &route{name: c.Name, optional: c.Auth == "optional", budget: cmp.Or(c.Budget, 2*time.Second)}
	switch {
	case !isName(c.Name, ".") || strings.Trim(c.Name, ".") == "":
		return nil, errors.New("the name must have 1 to 64 letters, digits, dots, _ and -")
	case !slices.Contains([]string{"", "GET", "POST"}, c.Method):
		return nil, fmt.Errorf("the method is %q; known are GET and POST", c.Method)
	case !slices.Contains([]string{"", "required", "optional"}, c.Auth):
		return nil, fmt.Errorf("auth is %q; known are required and optional", c.Auth)
	case c.Budget < 0:
		return nil, errors.New("the budget must not be negative")
	case (c.Proxy == nil) == (len(c.Parts) == 0):
		return nil, errors.New("it must have either parts or a proxy")
	case len(c.Parts) > maxParts:
		return nil, fmt.Errorf("it has %d parts; at most %d are allowed", len(c.Parts), maxParts)
	}
	if err := checkCache(c.Cache); err != nil {
		return nil, err
	}
	var err error
	if r.params, err = compileParams(c.Params); err != nil {
		return nil, err
	}
	if r.headers, err = headerNames(c.Headers); err != nil {
		return nil, err
	}
	if err := r.compileParts(o, c); err != nil {
		return nil, err
	}
	safe := !slices.ContainsFunc(r.parts, func(p *part) bool { return !p.safe })
	r.post = c.Method == "POST" || c.Method == "" && !safe
	return r, nil
}

// compileParts checks the parts, and then what they need of each other.
func (r *route) compileParts(o *Options, c *Route) error {
	parts := c.Parts
	if r.proxy = c.Proxy != nil; r.proxy {
		proxy := *c.Proxy
		proxy.Name, proxy.Required = "proxy", true
		parts = []Part{proxy}
	}
	for i := range parts {
		if slices.ContainsFunc(r.parts, func(p *part) bool { return p.name == parts[i].Name }) {
			return fmt.Errorf("there are two parts named %q", parts[i].Name)
		}
		p, err := r.compilePart(o, c, parts[i])
		if err != nil {
			return fmt.Errorf("part %q: %w", parts[i].Name, err)
		}
		r.parts = append(r.parts, p)
	}
	for i, p := range r.parts {
		if err := r.check(i); err != nil {
			return fmt.Errorf("part %q: %w", p.name, err)
		}
	}
	return r.checkCycles()
}

func (r *route) compilePart(o *Options, c *Route, of Part) (*part, error) {
	p := &part{name: of.Name, id: r.name + "/" + of.Name, backend: o.Backends[of.Backend], of: of.Backend, method: of.Method,
		fixed: http.Header{"Accept": {"application/json"}}, required: of.Required, timeout: cmp.Or(of.Timeout, r.budget),
		telling: &rate.Sometimes{Interval: 10 * time.Second}}
	if p.method == "" {
		p.method = http.MethodGet
		if of.Body != nil {
			p.method = http.MethodPost
		}
	}
	p.safe = p.method == http.MethodGet || p.method == http.MethodHead
	switch {
	case !isName(p.name, ""):
		return nil, errors.New("the name must have 1 to 64 letters, digits, _ and -")
	case p.backend == nil:
		return nil, fmt.Errorf("there is no backend %q; %s", of.Backend, listed(slices.Sorted(maps.Keys(o.Backends))))
	case !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, p.method):
		return nil, fmt.Errorf("the method is %q; known are GET, HEAD, POST, PUT, PATCH and DELETE", p.method)
	case p.safe && of.Body != nil:
		return nil, fmt.Errorf("a part with the method %s has no body", p.method)
	case of.Timeout < 0:
		return nil, errors.New("the timeout must not be negative")
	case of.Timeout > r.budget:
		return nil, fmt.Errorf("the timeout of %v is longer than the route's budget of %v", of.Timeout, r.budget)
	}
	if err := p.compileTemplates(of, r.proxy); err != nil {
		return nil, err
	}
	if of.Pick != "" {
		var err error
		if p.pick, err = jq.Compile(of.Pick); err != nil {
			return nil, fmt.Errorf("pick: %w", err)
		}
	}
	return p, p.compileCache(of.Cache, c, r.headers)
}

func (p *part) compileTemplates(of Part, proxy bool) error {
	var err error
	if p.path, err = template.ParsePath(of.Path); err != nil {
		return err // it says that it is about the path
	}
	typical, err := p.path.Expand(func(template.Ref) (any, error) { return "x", nil })
	if err != nil {
		return err
	}
	if err := backend.CheckPath(typical); err != nil {
		return fmt.Errorf("the path %q: %w", of.Path, err)
	}
	if p.query, err = template.ParseQuery(of.Query); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	names, err := headerNames(slices.Sorted(maps.Keys(of.Headers)))
	if err != nil {
		return err
	}
	for i, name := range slices.Sorted(maps.Keys(of.Headers)) {
		text, err := template.Parse(of.Headers[name])
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		p.headers = append(p.headers, header{names[i], text})
	}
	body := of.Body
	if body == nil && proxy && slices.Contains([]string{"POST", "PUT", "PATCH"}, p.method) {
		body = "{params}"
	}
	if body == nil {
		return nil
	}
	tree, err := template.ParseTree(body)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	p.body = &tree
	return nil
}

// checkCache checks a Cache by itself.
func checkCache(c Cache) error {
	switch {
	case !slices.Contains([]string{"", "user", "shared"}, c.By):
		return fmt.Errorf("cache.by is %q; known are user and shared", c.By)
	case c.TTL < 0 || c.TTL > 0 && c.By == "" || c.TTL == 0 && c.By != "":
		return errors.New("a cache needs both by and a ttl above 0")
	}
	return nil
}

// compileCache decides which cache holds for the part, and refuses one that would show to others what was meant for one.
func (p *part) compileCache(own Cache, c *Route, passed []string) error {
	if err := checkCache(own); err != nil {
		return err
	}
	switch {
	case own.By != "" && !p.safe:
		return fmt.Errorf("results of %s are not kept; a cache needs GET or HEAD", p.method)
	case own.By != "":
		p.cache = own
	case p.safe:
		p.cache = c.Cache
	}
	if p.cache.By != "shared" {
		return nil
	}
	for _, name := range passed {
		if name == "Authorization" || name == "Cookie" {
			return fmt.Errorf("its cache is shared, but the header %s, which the route passes on, says who calls; use by: user", name)
		}
	}
	return nil
}

// headerNames makes canonical names of headers that a call may have.
func headerNames(of []string) ([]string, error) {
	names := make([]string, 0, len(of))
	for _, name := range of {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case name == "" || strings.ContainsFunc(name, notInHeaderName):
			return nil, fmt.Errorf("%q cannot be the name of a header", name)
		case strings.HasPrefix(strings.ReplaceAll(canonical, "_", "-"), "Hubbub-") || slices.Contains(reserved(), canonical):
			return nil, fmt.Errorf("the header %s is the gateway's to set", canonical)
		case slices.Contains(names, canonical):
			return nil, fmt.Errorf("the header %s is there twice", canonical)
		}
		names = append(names, canonical)
	}
	return names, nil
}

// notInHeaderName tells what is no part of a token, RFC 9110, section 5.6.2.
func notInHeaderName(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
}

// reserved are headers that say how a request is sent, not what it is about.
func reserved() []string {
	return []string{"Connection", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Accept-Encoding"}
}

// isName tells whether s is a name of 1 to 64 letters, digits, _, - and the others.
func isName(s, others string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool { return !strings.ContainsRune(plain+others, c) })
}

// listed says which names there are.
func listed(names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	return "known are " + strings.Join(names, ", ")
}
