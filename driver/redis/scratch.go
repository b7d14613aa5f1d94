package redis

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var _ hubbub.Scratch = (*Driver)(nil)

var putScript = newScript("put")

// scratchKey has a slot for each name. The value is "UNTIL VALUE", with UNTIL in milliseconds since 1970.
func (d *Driver) scratchKey(name string) string { return d.options.Prefix + "{scratch:" + name + "}" }

// scratchEntry is a value as it is kept, and how long Redis must keep it at least, in milliseconds.
func (d *Driver) scratchEntry(value []byte, life time.Duration) (entry string, ms int64) {
	until := d.now().Add(life).UnixMilli()
	return strconv.FormatInt(until, 10) + " " + string(value), max(1, life.Milliseconds()) + 1000
}

// Put implements [hubbub.Scratch].
func (d *Driver) Put(ctx context.Context, name string, value []byte, life time.Duration) (before []byte, err error) {
	entry, ms := d.scratchEntry(value, life)
	now := strconv.FormatInt(d.now().UnixMilli(), 10)
	text, err := d.exec(ctx, putScript, []string{d.scratchKey(name)}, now, entry, strconv.FormatInt(ms, 10)).ToString()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	return []byte(text), unavailable(err, "keep a value for all nodes")
}

// Set implements [hubbub.Scratch].
func (d *Driver) Set(ctx context.Context, name string, value []byte, life time.Duration) error {
	entry, ms := d.scratchEntry(value, life)
	err := d.do(ctx, d.b().Set().Key(d.scratchKey(name)).Value(entry).PxMilliseconds(ms).Build()).Error()
	return unavailable(err, "keep a value for all nodes")
}

// Take implements [hubbub.Scratch].
func (d *Driver) Take(ctx context.Context, name string) ([]byte, error) {
	entry, err := d.do(ctx, d.b().Getdel().Key(d.scratchKey(name)).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err, "take a value that is kept for all nodes")
	}
	until, value, _ := strings.Cut(entry, " ")
	if ms, err := strconv.ParseInt(until, 10, 64); err != nil || ms <= d.now().UnixMilli() {
		return nil, nil
	}
	return []byte(value), nil
}
