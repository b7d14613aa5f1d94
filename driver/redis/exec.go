package redis

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

//go:embed scripts/*.lua
var sources embed.FS

// script is a Lua script of this package. What it needs to know comes as arguments, and its keys are of one slot.
type script struct {
	lua *rueidis.Lua
	sha string // by which Redis knows it, for commands that are sent together
}

// newScript takes the scripts scripts/NAME.lua, one after the other, for a variable of the package. It panics if one is missing.
func newScript(names ...string) *script {
	var all []string
	for _, name := range names {
		source, err := sources.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			panic(err)
		}
		all = append(all, string(source))
	}
	source := strings.Join(all, "\n")
	sum := sha1.Sum([]byte(source))
	return &script{rueidis.NewLuaScript(source), hex.EncodeToString(sum[:])}
}

// Redis refuses commands with several keys of a slot that is being moved, while only some of them have arrived. It is over in a moment,
// and nothing was done.
const (
	tryAgainFor  = 2 * time.Second
	tryAgainWait = 10 * time.Millisecond
)

// exec runs a script, which Redis is given when it does not know it. It is not repeated when an answer is lost, since it may have run.
// Keys are whole, with the prefix. The error of the result is for [unavailable].
func (d *Driver) exec(ctx context.Context, s *script, keys []string, args ...string) rueidis.RedisResult {
	var deadline time.Time
	for {
		result := d.honest(ctx, s.lua.Exec(ctx, d.client, keys, args))
		if e, ok := rueidis.IsRedisErr(result.Error()); !ok || !e.IsTryAgain() {
			return result
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(tryAgainFor)
		}
		if time.Now().After(deadline) || !sleep(ctx, tryAgainWait+rand.N(tryAgainWait)) {
			return result
		}
	}
}

// do sends a command. Reading ones are repeated a few times when the connection was lost. The error of the result is for [unavailable].
func (d *Driver) do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return d.honest(ctx, d.client.Do(ctx, cmd))
}

// doMulti sends commands together, also to several slots, and returns their results in the same order.
func (d *Driver) doMulti(ctx context.Context, cmds ...rueidis.Completed) []rueidis.RedisResult {
	results := d.client.DoMulti(ctx, cmds...)
	for i := range results {
		results[i] = d.honest(ctx, results[i])
	}
	return results
}

// b builds commands for do.
func (d *Driver) b() rueidis.Builder { return d.client.B() }

// errNoAnswer is in place of an error of a context that was not the caller's.
var errNoAnswer = errors.New("no answer in time")

// honest replaces errors that look as if the caller's context had ended, though only the client's own time has run out.
func (d *Driver) honest(ctx context.Context, r rueidis.RedisResult) rueidis.RedisResult {
	d.counts.note(ctx, r)
	if err := r.NonRedisError(); err != nil && ctx.Err() == nil {
		return rueidis.NewErrorResult(ownTime(err))
	}
	return r
}

// ownTime returns an error that does not look as if the context of a caller had ended.
func ownTime(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errNoAnswer
	}
	return err
}

// sleep waits, and is false if the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// word is the first word of what Redis says about an error, in capital letters, such as WRONGPASS.
func word(e *rueidis.RedisError) string {
	first, _, _ := strings.Cut(e.Error(), " ")
	return first
}
