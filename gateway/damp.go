package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// dampFor is how long nothing is said of a warning or an error that comes again, and how long it must stay away to be over.
	dampFor = 30 * time.Second
	// maxDamped is how many different ones are remembered at once. Of what is more each is logged.
	maxDamped = 1000
)

// damped is a handler that keeps what goes wrong again and again from filling the log: a server that is away fails every call. Of the same
// warning or error there is a line when it begins, one in half a minute that says how often it came, and one when it is over. What has the
// same words and attributes, but for the error, is the same.
type damped struct {
	slog.Handler
	told *damper
	name string // of the attributes and groups that the logger has
}

func damp(h slog.Handler) slog.Handler {
	return damped{Handler: h, told: &damper{open: map[string]*trouble{}}}
}

// damper is what the handlers of one log have in common. Its methods may be called concurrently.
type damper struct {
	mu   sync.Mutex
	open map[string]*trouble
}

// trouble is what goes wrong again and again. Guarded by the damper's mu.
type trouble struct {
	first, last, told time.Time
	times, untold     int // how often it came, in all and since the last line
	over              *time.Timer
}

// Handle implements slog.Handler.
func (d damped) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return d.Handler.Handle(ctx, r)
	}
	name := d.name + "\n" + nameOf(r)
	times := d.told.note(name, func(t trouble) { d.ended(r, t) })
	if times == 0 {
		return nil
	}
	if times > 1 {
		r = r.Clone()
		r.AddAttrs(slog.Int("times", times))
	}
	return d.Handler.Handle(ctx, r)
}

// ended logs that something is over. What came once only needs no end.
func (d damped) ended(of slog.Record, t trouble) {
	if t.times == 1 || !d.Handler.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "this has not come again for half a minute: "+of.Message, 0)
	of.Attrs(func(a slog.Attr) bool {
		if a.Key != "error" {
			r.AddAttrs(a)
		}
		return true
	})
	r.AddAttrs(slog.Int("times", t.times), slog.String("lasted", t.last.Sub(t.first).Round(time.Millisecond).String()))
	_ = d.Handler.Handle(context.Background(), r) // a log that cannot be written has nobody to be told
}

// nameOf tells records apart: by all but the error, which may be another one each time.
func nameOf(r slog.Record) string {
	attrs := []string{}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "error" {
			attrs = append(attrs, a.String())
		}
		return true
	})
	slices.Sort(attrs)
	return fmt.Sprint(r.Level, " ", r.Message, "\n", strings.Join(attrs, "\n"))
}

// note returns how often something came since the last line about it, with this time, or 0 if there need not be another line yet. Once it is
// over, ended is told of it.
func (d *damper) note(name string, ended func(trouble)) (times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	t := d.open[name]
	if t == nil {
		if len(d.open) < maxDamped {
			t = &trouble{first: now, last: now, told: now, times: 1}
			d.open[name] = t
			t.over = time.AfterFunc(dampFor, func() { d.look(name, t, ended) })
		}
		return 1
	}
	t.last = now
	t.times++
	t.untold++
	if now.Sub(t.told) < dampFor {
		return 0
	}
	times, t.untold, t.told = t.untold, 0, now
	return times
}

// look finds out whether something is over.
func (d *damper) look(name string, t *trouble, ended func(trouble)) {
	d.mu.Lock()
	left := dampFor - time.Since(t.last)
	if left > 0 {
		t.over.Reset(left)
		d.mu.Unlock()
		return
	}
	delete(d.open, name)
	d.mu.Unlock()
	ended(*t)
}

// WithAttrs implements slog.Handler.
func (d damped) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		d.name += "\n" + a.String()
	}
	d.Handler = d.Handler.WithAttrs(attrs)
	return d
}

// WithGroup implements slog.Handler.
func (d damped) WithGroup(name string) slog.Handler {
	d.name += "\n" + name + "."
	d.Handler = d.Handler.WithGroup(name)
	return d
}
