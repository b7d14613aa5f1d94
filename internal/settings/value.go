package settings

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// kind is how a setting is written.
type kind string

const (
	unknown  kind = ""
	text     kind = "text"
	boolean  kind = "true or false"
	number   kind = "whole number"
	fraction kind = "number"
	duration kind = "duration"
	size     kind = "size"
	network  kind = "network"
	texts    kind = "list of text"
	networks kind = "list of networks"
	mapping  kind = "map of text"
	anything kind = "anything"
	trees    kind = "map of anything"
)

// examples show how a value of a kind is written, in messages about one that is not.
func (k kind) example() string {
	return map[kind]string{
		text: "text", boolean: "true or false", number: "a whole number such as 20", fraction: "a number such as 2.5",
		duration: `a duration such as "25s", "1h30m" or "7d"`, size: `a size such as "64KiB" or "1MiB"`,
		network: `a network such as "10.0.0.0/8"`, texts: "a list of texts", networks: `a list of networks such as "10.0.0.0/8"`,
		mapping: "a map of names to texts", anything: "what JSON can say", trees: "a map of names to what JSON can say",
	}[k]
}

func kindOf(t reflect.Type) kind {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return duration
	case reflect.TypeFor[Size]():
		return size
	case reflect.TypeFor[netip.Prefix]():
		return network
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return text
	}
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Bool:
		return boolean
	case reflect.Int:
		return number
	case reflect.Float64:
		return fraction
	case reflect.Slice:
		return map[kind]kind{text: texts, network: networks}[kindOf(t.Elem())]
	case reflect.Map:
		return map[kind]kind{text: mapping, anything: trees}[kindOf(t.Elem())]
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return anything
		}
	}
	return unknown
}

// scalar reads one value of a type, and returns it as koanf shall have it: bool, int or float64, and for all others the text
// that decodes to it. Its error completes the sentence "the value is …".
func scalar(t reflect.Type, e *Entry, s string) (any, error) {
	k := kindOf(t)
	if s == "off" && e.Off != "" {
		return off(k), nil
	}
	wrong := fmt.Errorf("not %s", k.example())
	switch k {
	case text:
		return s, checkText(t, e, s)
	case boolean:
		v, err := strconv.ParseBool(s)
		return v, replace(err, wrong)
	case number:
		v, err := strconv.Atoi(s)
		return v, positive(float64(v), e, replace(err, wrong))
	case fraction:
		v, err := strconv.ParseFloat(s, 64)
		if err == nil && (v != v || v > 1e15) {
			err = wrong
		}
		return v, positive(v, e, replace(err, wrong))
	case duration:
		v, err := ParseDuration(s)
		return v.String(), positive(float64(v), e, replace(err, wrong))
	case size:
		v, err := ParseSize(s)
		return v.String(), positive(float64(v), e, replace(err, wrong))
	case network:
		v, err := parseNetwork(s)
		return v.String(), replace(err, wrong)
	}
	return nil, wrong
}

// off is -1, as koanf shall have it.
func off(k kind) any {
	switch k {
	case number:
		return -1
	case fraction:
		return -1.0
	}
	return "-1ns" // a duration; as a size it reads the same
}

func checkText(t reflect.Type, e *Entry, s string) error {
	if len(e.OneOf) > 0 && !slices.Contains(e.OneOf, s) {
		hint := ""
		if near := nearest(s, e.OneOf); near != "" {
			hint = fmt.Sprintf("; did you mean %s?", near)
		}
		return fmt.Errorf("not one of %s%s", strings.Join(e.OneOf, ", "), hint)
	}
	if strings.ContainsRune(s, 0) {
		return fmt.Errorf("not text: it has a zero byte")
	}
	if u, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	return nil
}

func positive(v float64, e *Entry, err error) error {
	if err != nil || v > 0 {
		return err
	}
	if e.Off != "" {
		return fmt.Errorf(`not greater than zero; write "off" to switch it off, or leave it out for the default`)
	}
	return fmt.Errorf("not greater than zero; leave it out for the default")
}

// replace is for errors of the standard library, which repeat the value and say little else.
func replace(err, by error) error {
	if err != nil {
		return by
	}
	return nil
}

// parseNetwork takes a single address for the network of that address alone.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

const (
	day     = 24 * time.Hour
	maxDays = 100_000 // a little less than an int64 of nanoseconds holds
)

// ParseDuration reads what time.ParseDuration reads, and whole days before less than one: "7d", "1d12h". At most 100,000 days.
func ParseDuration(s string) (time.Duration, error) {
	wrong := fmt.Errorf("duration %q: write it as 25s, 1h30m or 1d12h", s)
	days, rest, found := strings.Cut(s, "d")
	if !found {
		d, err := time.ParseDuration(s)
		if err != nil || d.Abs() > maxDays*day {
			return 0, wrong
		}
		return d, nil
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n > maxDays {
		return 0, wrong
	}
	var more time.Duration
	if rest != "" {
		more, err = time.ParseDuration(rest)
	}
	if err != nil || more < 0 || more >= day {
		return 0, wrong
	}
	return time.Duration(n)*day + more, nil
}

// FormatDuration writes a duration as people do: "25s", "1h30m", "7d".
func FormatDuration(d time.Duration) string {
	days := d / day
	if rest := d % day; days > 0 {
		if rest == 0 {
			return fmt.Sprintf("%dd", days)
		}
		return fmt.Sprintf("%dd%s", days, FormatDuration(rest))
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// lines counts nothing for values that come from a variable, whose nodes have no place.
func place(source string, y *yaml.Node) string {
	if y == nil || y.Line == 0 {
		return source
	}
	return fmt.Sprintf("%s:%d", source, y.Line)
}
