package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Check looks for what Load would have refused in a struct that a program made by itself and that [Table.Fill] has filled:
// texts that are none of those allowed, negative numbers where off is not allowed, required values that are missing.
func (t *Table) Check(from any) Problems {
	return check(t.root, reflect.ValueOf(from).Elem(), "")
}

func check(n *node, section reflect.Value, key string) Problems {
	if section = reflect.Indirect(section); !section.IsValid() {
		return nil
	}
	var found Problems
	for _, c := range n.children {
		if c.fileFor != nil {
			continue
		}
		v, at := field(section, c.name), join(key, c.name)
		switch {
		case c.list:
			for i := range v.Len() {
				found = append(found, check(c, v.Index(i), fmt.Sprintf("%s[%d]", at, i))...)
			}
		case !c.leaf():
			found = append(found, check(c, v, at)...)
		default:
			if wrong := c.wrong(v); wrong != "" {
				found = append(found, Problem{Key: at, Message: wrong})
			}
		}
	}
	return found
}

// wrong says what is wrong with a value, or returns "".
func (n *node) wrong(v reflect.Value) string {
	negative := v.CanInt() && v.Int() < 0 || v.CanFloat() && !(v.Float() >= 0)
	switch {
	case n.entry.Required && v.IsZero():
		return "this is missing"
	case negative && n.entry.Off == "":
		return "this must be greater than zero"
	case len(n.entry.OneOf) > 0 && v.Kind() == reflect.String && !slices.Contains(n.entry.OneOf, v.String()):
		return fmt.Sprintf("%q is not one of %s", v.String(), strings.Join(n.entry.OneOf, ", "))
	}
	return ""
}
