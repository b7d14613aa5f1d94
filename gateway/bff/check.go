package bff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub/internal/template"
)

// field is a place with references.
type field struct {
	name string
	refs []template.Ref
	json bool // it can have lists and objects
}

func (p *part) fields() []field {
	all := []field{{name: "path", refs: p.path.Refs()}, {name: "query", refs: p.query.Refs()}}
	for _, h := range p.headers {
		all = append(all, field{name: "header " + h.name, refs: h.text.Refs()})
	}
	if p.body != nil {
		all = append(all, field{name: "body", refs: p.body.Refs(), json: true})
	}
	return all
}

// check refuses references that stand for nothing, and notes which parts a part needs.
func (r *route) check(at int) error {
	p := r.parts[at]
	for _, f := range p.fields() {
		for _, ref := range f.refs {
			if err := r.checkRef(at, ref); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			if whole := ref.String(); !f.json && (whole == "{params}" || whole == "{user.info}" || whole == "{user.attrs}") {
				return fmt.Errorf("%s: %s is an object, which only a body can have", f.name, ref)
			}
		}
	}
	return nil
}

func (r *route) checkRef(at int, ref template.Ref) error {
	p := r.parts[at]
	switch ref[0] {
	case "params":
		if len(ref) == 1 {
			return nil
		}
		if _, err := r.param(ref[1]); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		if i, _ := r.param(ref[1]); len(ref) > 2 && r.params[i].kind != "json" {
			return fmt.Errorf("%s: the param %q is a %s, and has nothing within", ref, ref[1], r.params[i].kind)
		}
		return nil
	case "user":
		if p.cache.By == "shared" {
			return fmt.Errorf("%s cannot be used: the part's cache is shared, so that it must not depend on who calls; use by: user", ref)
		}
		return checkUser(ref)
	case "parts":
		return r.checkNeed(at, ref)
	}
	return fmt.Errorf("%s is not known; references begin with params, user or parts", ref)
}

func checkUser(ref template.Ref) error {
	switch {
	case len(ref) == 2 && slices.Contains([]string{"id", "device", "platform", "session", "info", "attrs"}, ref[1]):
		return nil
	case len(ref) > 2 && ref[1] == "info", len(ref) == 3 && ref[1] == "attrs":
		return nil
	}
	return fmt.Errorf("%s is not known; of the user there are id, device, platform, session, info… and attrs.NAME", ref)
}

// checkNeed checks a reference to the data of another part.
func (r *route) checkNeed(at int, ref template.Ref) error {
	p := r.parts[at]
	if r.proxy {
		return fmt.Errorf("%s cannot be used: a proxy has no other parts", ref)
	}
	names := make([]string, len(r.parts))
	for i := range r.parts {
		names[i] = r.parts[i].name
	}
	if len(ref) < 2 || !slices.Contains(names, ref[1]) {
		return fmt.Errorf("%s is not the data of a part; %s", ref, listed(names))
	}
	need := slices.Index(names, ref[1])
	if need == at {
		return fmt.Errorf("%s is the part itself", ref)
	}
	if !slices.Contains(p.needs, need) {
		p.needs = append(p.needs, need)
	}
	if len(ref) > 2 {
		r.parts[need].walked = true
	}
	return nil
}

// checkCycles refuses parts that wait for each other.
func (r *route) checkCycles() error {
	const visiting, done = 1, 2
	state := make([]int, len(r.parts))
	var way []string
	var visit func(int) error
	visit = func(at int) error {
		way = append(way, r.parts[at].name)
		defer func() { way = way[:len(way)-1] }()
		switch state[at] {
		case visiting:
			return fmt.Errorf("parts wait for each other: %s", strings.Join(way[slices.Index(way, r.parts[at].name):], " needs "))
		case done:
			return nil
		}
		state[at] = visiting
		for _, need := range r.parts[at].needs {
			if err := visit(need); err != nil {
				return err
			}
		}
		state[at] = done
		return nil
	}
	for i := range r.parts {
		if err := visit(i); err != nil {
			return err
		}
	}
	return nil
}
