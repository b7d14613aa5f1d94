// Sim computes what many nodes can carry from what a few were measured to need, and writes docs/scale.md. It runs in the directory
// bench, after the scenarios of several nodes were measured:
//
//	go run ./sim                            # writes ../docs/scale.md from results/nodes.json and results/store.json
//
// First it simulates what was measured, and fails if it does not come out near it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	nodes := flag.String("nodes", "results/nodes.json", "the measures of several nodes, as `JSON` that run has written")
	one := flag.String("one", "results/store.json", "those of one node")
	page := flag.String("page", "../docs/scale.md", "where the page goes; - is the terminal")
	flag.Parse()
	if err := run(*nodes, *one, *page); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

func run(nodes, one, page string) error {
	m, err := read(nodes)
	if err != nil {
		return err
	}
	idle, err := read(one)
	if err != nil {
		return err
	}
	c, err := costsOf(m, idle)
	if err != nil {
		return err
	}
	checks := reproduce(c, m)
	text := pageOf(m, c, checks)
	if page == "-" {
		fmt.Print(text)
	} else if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		return err
	}
	for _, x := range checks {
		if !x.near() {
			err = errors.Join(err, fmt.Errorf("%s: simulated %.4g, measured %.4g: the model is wrong", x.what, x.simulated, x.measured))
		}
	}
	return err
}
