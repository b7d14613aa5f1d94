package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"
)

// Sources is where settings come from, each overriding what stands before it. The zero value has the defaults alone.
type Sources struct {
	File     string   // a YAML file; "" means none
	Optional bool     // a file that is not there counts as empty
	Environ  []string // variables as "NAME=value", such as os.Environ()
	Except   []string // variables with the prefix that are no settings
	Set      []string // assignments as "key=value"
	Flags    []string // the same, for keys that have flags of their own; they differ in what problems and Show call them
}

// Loaded tells where settings came from.
type Loaded struct {
	table  *Table
	value  reflect.Value // the struct
	layers []*layer      // the last one that has a key wins
}

// Load fills the struct that into points to: with the defaults, and then with what each source says. When something is wrong
// the error is [Problems], all of them; then the struct has what could be read, which may be looked at for more problems.
func (t *Table) Load(into any, s Sources) (*Loaded, error) {
	loaded := &Loaded{table: t, value: reflect.ValueOf(into).Elem()}
	if s.File != "" {
		l, err := t.read(s)
		if err != nil {
			return nil, err
		}
		loaded.layers = append(loaded.layers, l)
	}
	loaded.layers = append(loaded.layers, t.environment(s.Environ, s.Except),
		t.assignments("--set ", s.Set), t.assignments("--", s.Flags))

	var wrong Problems
	k := koanf.New(".")
	for _, l := range loaded.layers {
		wrong = append(wrong, l.problems...)
		if err := k.Load(l, nil); err != nil {
			return nil, fmt.Errorf("merge settings: %w", err)
		}
	}
	if err := t.decode(k, into); err != nil || len(wrong) == 0 {
		return loaded, err
	}
	return loaded, wrong
}

func (t *Table) read(s Sources) (*layer, error) {
	data, err := os.ReadFile(s.File)
	if s.Optional && errors.Is(err, fs.ErrNotExist) {
		data, err = nil, nil
	}
	if err != nil {
		return nil, Problems{{Message: fmt.Sprintf("the configuration cannot be read: %v", err)}}
	}
	l := &layer{source: s.File, all: t.all}
	l.file(t.root, data)
	return l, nil
}

// decode puts values that were read and checked into the struct.
func (t *Table) decode(k *koanf.Koanf, into any) error {
	err := k.UnmarshalWithConf("", into, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.TextUnmarshallerHookFunc()),
		ErrorUnused: true,
		Result:      into,
		TagName:     "koanf",
	}})
	if err != nil {
		return fmt.Errorf("decode settings: %w", err)
	}
	return nil
}

// Fill sets every zero value in the struct that into points to, elements of lists included, to its default. Lists, and what fields point to,
// are copied before, since others may have them, too.
func (t *Table) Fill(into any) { fill(t.root, reflect.ValueOf(into).Elem()) }

func fill(n *node, section reflect.Value) {
	if section = reflect.Indirect(section); !section.IsValid() {
		return
	}
	for _, c := range n.children {
		if c.fileFor != nil {
			continue
		}
		v := field(section, c.name)
		switch {
		case c.list && v.Len() == 0:
			v.SetZero()
		case c.list:
			own(v)
			for i := range v.Len() {
				fill(c, v.Index(i))
			}
		case !c.leaf():
			own(v)
			fill(c, v)
		case c.entry.Default != "" && (v.IsZero() || v.Kind() == reflect.Slice && v.IsNil()):
			v.Set(c.defaultValue())
		case c.entry.Default == "" && (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0:
			v.SetZero() // an empty list in a file is the same as none
		}
	}
}

// own replaces a list, or a pointer, by one to a copy.
func own(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Slice:
		mine := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(mine, v)
		v.Set(mine)
	case v.Kind() == reflect.Pointer && !v.IsNil():
		mine := reflect.New(v.Type().Elem())
		mine.Elem().Set(v.Elem())
		v.Set(mine)
	}
}

// field returns the field of a struct with that koanf tag, which New has found before.
func field(section reflect.Value, name string) reflect.Value {
	v, ok := find(section, name)
	if !ok {
		panic("settings: no field " + name)
	}
	return v
}

func find(section reflect.Value, name string) (reflect.Value, bool) {
	for f, v := range section.Fields() {
		switch f.Tag.Get("koanf") {
		case name:
			return v, true
		case squash:
			if inner, ok := find(v, name); ok {
				return inner, true
			}
		}
	}
	return reflect.Value{}, false
}

// defaultValue makes a new value of the default, which New has checked.
func (n *node) defaultValue() reflect.Value {
	l := layer{source: "default"}
	raw := l.text(n, n.entry.Default, n.key)
	out := reflect.New(n.typ)
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.TextUnmarshallerHookFunc()),
		Result: out.Interface(),
	})
	if err == nil {
		err = decoder.Decode(raw)
	}
	if err != nil {
		panic("settings: default of " + n.key + ": " + err.Error())
	}
	return out.Elem()
}

// Place says where a key, such as "rooms[2].match", was set: "hubbub.yaml:12", "HUBBUB_ADDR", "--set addr". It is the place of
// the section or element when the key itself was not set, and "" for defaults.
func (l *Loaded) Place(key string) string {
	for ; key != ""; key = parent(key) {
		if p := l.exactPlace(key); p != "" {
			return p
		}
	}
	return ""
}

// exactPlace is Place for a key that was set itself. A list replaces that of the sources before it, with all of its elements.
func (l *Loaded) exactPlace(key string) string {
	list, _, element := strings.Cut(key, "[")
	for i := len(l.layers) - 1; i >= 0; i-- {
		p := l.layers[i].places[key]
		if p != "" || element && l.layers[i].places[list] != "" {
			return p
		}
	}
	return ""
}

// parent cuts the last name or index off a key.
func parent(key string) string { return key[:max(strings.LastIndexAny(key, ".["), 0)] }

// Locate puts the place of its key into each problem that has none.
func (l *Loaded) Locate(problems Problems) Problems {
	for i := range problems {
		if problems[i].Place == "" {
			problems[i].Place = l.Place(problems[i].Key)
		}
	}
	return problems
}
