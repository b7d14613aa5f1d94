package event

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub/internal/jq"
	"github.com/hubbub-dev/hubbub/internal/template"
)

// step is a checked Step.
type step struct {
	method string
	path   template.Path
	query  template.Query
	body   *template.Tree // nil means none
}

// New checks the rules. known judges the method and path of each step, with x in the place of each reference: it
// returns an error that says what is wrong with such a call; nil means that all calls are known. Errors of New say
// which rule and step is wrong, and how.
func New(rules []Rule, known func(method, path string) error) (*Events, error) {
	if known == nil {
		known = func(string, string) error { return nil }
	}
	e := &Events{}
	for i := range rules {
		r, err := compile(&rules[i], known)
		if err != nil {
			return nil, fmt.Errorf("rule %d for events %q: %w", i+1, rules[i].Type, err)
		}
		e.rules = append(e.rules, r)
	}
	return e, nil
}

func compile(of *Rule, known func(method, path string) error) (rule, error) {
	r := rule{glob: of.Type}
	switch {
	case of.Type == "":
		return r, errors.New("the type is missing; * means all")
	case len(of.Do) == 0:
		return r, errors.New("it does nothing; add calls to do")
	case len(of.Do) > MaxCalls:
		return r, fmt.Errorf("it makes %d calls; at most %d are allowed", len(of.Do), MaxCalls)
	}
	if of.When != "" {
		var err error
		if r.when, err = jq.Compile(of.When); err != nil {
			return r, fmt.Errorf("when: %w", err)
		}
	}
	for i := range of.Do {
		s, err := compileStep(&of.Do[i], known)
		if err != nil {
			return r, fmt.Errorf("call %d, %q: %w", i+1, of.Do[i].Call, err)
		}
		r.steps = append(r.steps, s)
	}
	return r, nil
}

func compileStep(of *Step, known func(method, path string) error) (step, error) {
	method, target, two := strings.Cut(of.Call, " ")
	path, query, _ := strings.Cut(target, "?")
	s := step{method: method}
	if !two || !slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, method) {
		return s, errors.New("write it as METHOD /path, with the method POST, PUT, PATCH or DELETE")
	}
	var err error
	if s.path, err = template.ParsePath(path); err != nil {
		return s, err
	}
	if s.query, err = parseQuery(query); err != nil {
		return s, fmt.Errorf("query: %w", err)
	}
	if of.Body != nil {
		tree, err := template.ParseTree(of.Body)
		if err != nil {
			return s, fmt.Errorf("body: %w", err)
		}
		s.body = &tree
	}
	for _, ref := range s.refs() {
		if err := checkRef(ref); err != nil {
			return s, err
		}
	}
	return s, s.judge(known)
}

func parseQuery(text string) (template.Query, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return template.Query{}, err
	}
	all := make(map[string]any, len(values))
	for name, texts := range values {
		all[name] = texts
	}
	return template.ParseQuery(all)
}

func (s *step) refs() []template.Ref {
	all := slices.Concat(s.path.Refs(), s.query.Refs())
	if s.body != nil {
		all = append(all, s.body.Refs()...)
	}
	return all
}

func checkRef(ref template.Ref) error {
	if ref[0] == "data" || len(ref) == 1 && (ref[0] == "type" || ref[0] == "id") {
		return nil
	}
	return fmt.Errorf("%s is not known; there are {type}, {id} and {data…}", ref)
}

// judge refuses calls that are not there, and those that would make calls of their own.
func (s *step) judge(known func(method, path string) error) error {
	fixed := s.path.Fixed()
	if len(fixed) == 0 {
		return errors.New("the first segment of the path must be there as it is")
	}
	if fixed[0] == "batch" || fixed[0] == "events" {
		return fmt.Errorf("/%s cannot be called by a rule", fixed[0])
	}
	path, err := s.path.Expand(func(template.Ref) (any, error) { return "x", nil })
	if err != nil {
		return err
	}
	return known(s.method, path)
}

// expand makes the call.
func (s *step) expand(now *happening) (Call, error) {
	c := Call{Method: s.method}
	var err error
	if c.Path, err = s.path.Expand(now.find); err != nil {
		return c, err
	}
	query, err := s.query.Expand(now.find)
	if err != nil {
		return c, err
	}
	if query != "" {
		c.Path += "?" + query
	}
	if s.body != nil {
		c.Body, err = s.body.Expand(now.find)
	}
	return c, err
}
