package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// liveByMetrics finds out the live heap and stacks of a Go server from its figures for Prometheus. Those tell how much is allocated, not
// how much of it is live, and nobody may ask the server to collect. But asking makes garbage: we go on until several collections
// have taken place, and the least that was ever allocated is what was live, and the little that a question takes.
func (o options) liveByMetrics() (float64, error) {
	client := &http.Client{Timeout: handshakeTimeout}
	defer client.CloseIdleConnections()
	least, collections, last := 0.0, 0, -1.0
	for end := time.Now().Add(patience); collections < 4; {
		m, err := scrape(client, "http://"+o.server.String()+"/metrics")
		if err != nil {
			return 0, fmt.Errorf("metrics: %w", err)
		}
		if n := m["go_gc_duration_seconds_count"]; n != last {
			collections, last = collections+1, n
		}
		now := m["go_memstats_heap_alloc_bytes"] + m["go_memstats_stack_inuse_bytes"]
		if least == 0 || now < least {
			least = now
		}
		if time.Now().After(end) {
			return 0, fmt.Errorf("metrics: the server has collected its garbage %d times in %s, which is too few", collections-1, patience)
		}
	}
	return least, nil
}

// scrape reads the figures that have no labels.
func scrape(client *http.Client, url string) (map[string]float64, error) {
	res, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	all := map[string]float64{}
	lines := bufio.NewScanner(io.LimitReader(res.Body, 1<<20))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			all[name] = v
		}
	}
	if lines.Err() == nil && all["go_memstats_heap_alloc_bytes"] == 0 {
		return nil, fmt.Errorf("%s tells nothing of the heap (%s)", url, res.Status)
	}
	return all, lines.Err()
}
