package settings_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/settings"
)

// FuzzDuration checks that what is written is read as the same.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"25s", "1h30m", "7d", "1d12h", "250ms", "0s", "-1s", "1d-1h", "d", "1dd", "99999d", "65535d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := settings.ParseDuration(s)
		if err != nil {
			return
		}
		again, err := settings.ParseDuration(settings.FormatDuration(d))
		if err != nil || again != d {
			t.Errorf("%q is %v, written %q, read as %v (%v)", s, d, settings.FormatDuration(d), again, err)
		}
	})
}

// FuzzSize checks that what is written is read as the same.
func FuzzSize(f *testing.F) {
	for _, s := range []string{"64KiB", "1 MiB", "0", "512B", "9223372036854775807B", "9GiB", "-1B", "KiB", "1e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := settings.ParseSize(s)
		if err != nil {
			return
		}
		if again, err := settings.ParseSize(v.String()); err != nil || again != v || v < 0 {
			t.Errorf("%q is %d, written %q, read as %d (%v)", s, v, v, again, err)
		}
	})
}

// FuzzFile checks that any file is either read or explained, and that what is in effect can be written and read again.
func FuzzFile(f *testing.F) {
	for _, s := range []string{everything, "", "a: &a [*a]", "rules: &r [{inner: *r}]", "section: &s {wait: *s}", "<<: {a: b}", "? [a]\n: b",
		"name: !!binary aGk=", "names: !!set {a}", "- - -", "name: |\n  two\n  lines\n", "name: 'it''s #1'", "wait: 99999d"} {
		f.Add(s)
	}
	table := table(f)
	f.Fuzz(func(t *testing.T, text string) {
		var c, again config
		loaded, err := table.Load(&c, settings.Sources{File: file(t, "c.yaml", text)})
		if err != nil {
			if _, ok := errors.AsType[settings.Problems](err); !ok {
				t.Fatalf("not explained: %v", err)
			}
			return
		}
		table.Fill(&c)
		for i := range c.Rules {
			c.Rules[i].Inner.Secrt = ""
		}
		c.Section.Secrt = ""
		shown := loaded.Show()
		if _, err := table.Load(&again, settings.Sources{File: file(t, "c.yaml", shown)}); err != nil {
			t.Fatalf("%v in\n%s", err, shown)
		}
		table.Fill(&again)
		if again.Name != c.Name || again.Wait != c.Wait || again.Section.Wait/time.Nanosecond != c.Section.Wait || len(again.Rules) != len(c.Rules) {
			t.Errorf("got %+v, want %+v from\n%s", again, c, shown)
		}
	})
}
