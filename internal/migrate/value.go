package migrate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// digest is a count of rows, and a hash of them that does not depend on their order.
type digest struct {
	Rows int64
	sum  [4]uint64
}

// add adds a row with the values that the target's columns have.
func (d *digest) add(columns []column, row []any) error {
	h := sha256.New()
	for i, c := range columns {
		if err := write(h, row[i]); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	d.Rows++
	sum, carry := h.Sum(nil), uint64(0)
	for i := range d.sum {
		d.sum[i], carry = bits.Add64(d.sum[i], binary.LittleEndian.Uint64(sum[8*i:]), carry)
	}
	return nil
}

// Hash is the beginning of the hash, for people.
func (d *digest) Hash() string { return fmt.Sprintf("%016x", d.sum[0]) }

// write makes different bytes of different values. Texts and bytes are the same: one database has the one, and the other the other.
func write(h hash.Hash, v any) error {
	var b [9]byte
	put := func(tag byte, n uint64) {
		b[0] = tag
		binary.BigEndian.PutUint64(b[1:], n)
		h.Write(b[:])
	}
	switch v := v.(type) {
	case nil:
		put('n', 0)
	case int64:
		put('i', uint64(v))
	case int16:
		put('i', uint64(int64(v)))
	case int32:
		put('i', uint64(int64(v)))
	case bool:
		put('i', map[bool]uint64{true: 1}[v])
	case string:
		put('s', uint64(len(v)))
		h.Write([]byte(v))
	case []byte:
		put('s', uint64(len(v)))
		h.Write(v)
	case []string:
		put('l', uint64(len(v)))
		for _, s := range v {
			if err := write(h, s); err != nil {
				return err
			}
		}
	case []any: // what a list of the target is read as
		put('l', uint64(len(v)))
		for _, s := range v {
			if err := write(h, s); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("no way to compare a %T", v)
	}
	return nil
}

// as makes of a value of the source what the target's column holds. changed says that the target cannot hold it as it is.
func as(k kind, v any) (value any, changed bool, err error) {
	switch k {
	case integer, boolean:
		n, ok := v.(int64)
		if !ok {
			return nil, false, fmt.Errorf("is a %T and no number", v)
		}
		if k == boolean {
			return n != 0, false, nil
		}
		return n, false, nil
	case text:
		s, ok := v.(string)
		if !ok {
			return nil, false, fmt.Errorf("is a %T and no text", v)
		}
		value, changed = clean(s)
		return value, changed, nil
	case bytes, nullable:
		return blob(k, v)
	}
	s, ok := v.(string)
	if !ok {
		return nil, false, fmt.Errorf("is a %T and no list", v)
	}
	all := []string{}
	if err := json.Unmarshal([]byte(s), &all); err != nil {
		return nil, false, fmt.Errorf("is no list of texts: %w", err)
	}
	for i, s := range all {
		var other bool
		all[i], other = clean(s)
		changed = changed || other
	}
	return all, changed, nil
}

func blob(k kind, v any) (value any, changed bool, err error) {
	switch v := v.(type) {
	case nil:
		if k == nullable {
			return nil, false, nil
		}
		return []byte{}, false, nil
	case string:
		return []byte(v), false, nil
	case []byte:
		if v == nil { // empty, and not nothing
			v = []byte{}
		}
		return v, false, nil
	}
	return nil, false, fmt.Errorf("is a %T and no bytes", v)
}

// clean replaces what no text of PostgreSQL can have.
func clean(s string) (cleaned string, changed bool) {
	if utf8.ValidString(s) && !strings.ContainsRune(s, 0) {
		return s, false
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd"), true
}
