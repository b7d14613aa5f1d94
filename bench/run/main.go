// Run measures every server of bench/servers with every scenario, one after the other, and writes the raw results as JSON and
// docs/benchmarks.md. It runs in the directory bench:
//
//	go run ./run                                           # everything, three rounds, about 30 minutes
//	go run ./run -quick                                    # small and short, to see that all works
//	go run ./run -servers hubbub,ws -scenarios echo        # some of it; the page is printed, not written
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// config is the flags.
type config struct {
	servers   []server
	scenarios []scenario
	rounds    int
	patience  time.Duration
	quick     bool
	partial   bool // not all of everything: the page is not for docs/
	results   string
	page      string
	render    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	c, err := parse()
	if err != nil {
		return err
	}
	if c.render {
		r, err := load(c.results)
		if err != nil {
			return err
		}
		return r.writePage(c.page)
	}
	if runtime.NumCPU() < 2 {
		return errors.New("two CPUs are needed, one for the server and one for the load generator")
	}
	if err := build(ctx, c.servers); err != nil {
		return err
	}
	r := &report{Machine: describe(ctx), Rounds: c.rounds, Quick: c.quick}
	failures := r.measure(ctx, c)
	if err := ctx.Err(); err != nil {
		return errors.New("interrupted; nothing was written")
	}
	if err := r.save(c.results); err != nil {
		return err
	}
	if c.page == "" {
		fmt.Print(r.markdown())
	} else if err := r.writePage(c.page); err != nil {
		return err
	}
	return errors.Join(failures...)
}

func parse() (config, error) {
	var c config
	servers := flag.String("servers", "", "which servers, by `name,name`; empty means all")
	scenarios := flag.String("scenarios", "", "which scenarios, by `name,name`; empty means all")
	flag.IntVar(&c.rounds, "rounds", 3, "how often each server is measured with each scenario; medians are reported")
	flag.DurationVar(&c.patience, "wait", 20*time.Second, "how long to wait, at most, before each measure until nothing else uses the CPUs")
	flag.BoolVar(&c.quick, "quick", false, "few connections and short times: shows that everything works, and no figures of any worth")
	flag.StringVar(&c.results, "results", "", "where the raw results go, as JSON (default results/latest.json, or results/partial.json)")
	flag.StringVar(&c.page, "page", "", "where the page goes (default ../docs/benchmarks.md, or the terminal if not everything was measured)")
	flag.BoolVar(&c.render, "render", false, "measure nothing: write the page again from the raw results")
	flag.Parse()

	var err error
	if c.servers, err = choose(allServers(), *servers, func(s server) string { return s.name }); err != nil {
		return c, fmt.Errorf("-servers: %w", err)
	}
	if c.scenarios, err = choose(allScenarios(), *scenarios, func(s scenario) string { return s.name }); err != nil {
		return c, fmt.Errorf("-scenarios: %w", err)
	}
	if c.rounds < 1 {
		return c, errors.New("-rounds: use at least 1")
	}
	c.partial = c.quick || *servers != "" || *scenarios != ""
	if c.results == "" {
		c.results = filepath.Join("results", "latest.json")
		if c.partial {
			c.results = filepath.Join("results", "partial.json")
		}
	}
	if c.page == "" && !c.partial {
		c.page = filepath.Join("..", "docs", "benchmarks.md")
	}
	return c, nil
}

func choose[T any](all []T, names string, name func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var chosen []T
	for n := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(t T) bool { return name(t) == n })
		if i < 0 {
			var known []string
			for _, t := range all {
				known = append(known, name(t))
			}
			return nil, fmt.Errorf("%q is unknown; there are %s", n, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
