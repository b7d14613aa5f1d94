package auth

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/watch"
)

// maxCost bounds the bcrypt cost of a file of passwords: above it one comparison takes seconds.
const maxCost = 15

// passwords checks users and passwords against an htpasswd file.
type passwords struct {
	// Immutable.
	file *watch.File[*htpasswd]
	now  func() time.Time
	seed maphash.Seed
	hash func(hash, password []byte) error // bcrypt.CompareHashAndPassword
	// Safe for concurrent use.
	turns  chan struct{} // a place for each comparison that runs
	places chan struct{} // a place for each that runs or waits
}

// htpasswd is what a file of passwords says.
type htpasswd struct {
	hashes map[string][]byte
	costs  []int // of all hashes; at least one
}

func newPasswords(c Config) (*passwords, error) {
	running := c.Basic.Concurrency
	if running <= 0 {
		running = max(1, runtime.GOMAXPROCS(0)/2) // who guesses passwords must not take all processors from those who are in
	}
	waiting := c.Basic.Queue
	if waiting <= 0 {
		waiting = 16 * running
	}
	file, err := watch.New(c.Basic.File, c.Now, c.Logger, parseHtpasswd)
	if err != nil {
		return nil, err
	}
	return &passwords{file: file, now: c.Now, seed: maphash.MakeSeed(), hash: bcrypt.CompareHashAndPassword,
		turns: make(chan struct{}, running), places: make(chan struct{}, running+waiting)}, nil
}

// identify tells whether the password is the user's. Unknown users cost as much as known ones, and the error does not say
// which of the two is wrong.
func (p *passwords) identify(ctx context.Context, user, password string) (hubbub.Identity, error) {
	file := p.file.Get()
	hash, known := file.hashes[user]
	if !known {
		hash = p.decoy(file, user)
	}
	same, err := p.compare(ctx, hash, password)
	switch {
	case err != nil:
		return hubbub.Identity{}, err
	case !same || !known:
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "the user or the password is wrong")
	}
	return hubbub.Identity{User: user, Issued: p.now()}, nil
}

// decoy returns a hash that no password has. Its cost is that of one of the file's users, always the same for a name, so that
// made-up names take the times that real ones do.
func (p *passwords) decoy(file *htpasswd, user string) []byte {
	cost := file.costs[maphash.String(p.seed, user)%uint64(len(file.costs))]
	return fmt.Appendf(nil, "$2a$%02d$%s", cost, strings.Repeat(".", 53))
}

// compare hashes the password when it is its turn. It fails as Unavailable when too many wait, or when ctx ends first.
func (p *passwords) compare(ctx context.Context, hash []byte, password string) (bool, error) {
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		return false, &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: time.Second,
			Message: "too many people sign in at this moment; try again"}
	}
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return false, &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: time.Second, Err: ctx.Err(),
			Message: "the request ended before it was its turn; try again"}
	}
	return p.hash(hash, []byte(password)) == nil, nil
}

// parseHtpasswd reads lines of user:hash. Empty lines and those that begin with # are skipped. It never shows a hash.
func parseHtpasswd(b []byte) (*htpasswd, error) {
	h := &htpasswd{hashes: map[string][]byte{}}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		user, hash, _ := strings.Cut(line, ":")
		if err := hubbub.CheckName("user", user); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if _, twice := h.hashes[user]; twice {
			return nil, fmt.Errorf("line %d: the user %q is there twice", n, user)
		}
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil || len(hash) != 60 {
			return nil, fmt.Errorf("line %d: the hash of %q is not bcrypt; make it anew with: htpasswd -B FILE %s", n, user, user)
		}
		if cost > maxCost {
			return nil, fmt.Errorf("line %d: the hash of %q has the cost %d; use at most %d: htpasswd -B -C 10 FILE %s", n, user, cost,
				maxCost, user)
		}
		h.hashes[user] = []byte(hash)
		h.costs = append(h.costs, cost)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(h.costs) == 0 {
		h.costs = []int{bcrypt.DefaultCost}
	}
	slices.Sort(h.costs)
	return h, nil
}
