package settings

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. It is written with a unit, "64KiB" or "1MiB" (powers of 1024), "64KB" or "1MB" (powers of 1000),
// "512B" or just "512".
type Size int64

// units come with the longer names first, since "B" ends all of them.
func units() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{
		{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1},
	}
}

// ParseSize reads a size.
func ParseSize(s string) (Size, error) {
	digits, unit := s, int64(1)
	for _, u := range units() {
		if before, ok := strings.CutSuffix(s, u.name); ok {
			digits, unit = strings.TrimSpace(before), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/unit || n < 0 {
		return 0, fmt.Errorf("size %q: write a whole number with a unit, for example 64KiB", s)
	}
	return Size(n * unit), nil
}

// String writes the size in the largest unit of 1024 that leaves a whole number.
func (s Size) String() string {
	for _, u := range units()[:3] {
		if s >= Size(u.bytes) && s%Size(u.bytes) == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// UnmarshalText reads a size, or -1ns for one that is off.
func (s *Size) UnmarshalText(b []byte) error {
	if string(b) == "-1ns" {
		*s = -1
		return nil
	}
	v, err := ParseSize(string(b))
	*s = v
	return err
}
