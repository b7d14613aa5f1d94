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

// liveByMetrics finds out the live heap and stacks of a Go server from its figures for Prometheus. Those tell how much is allocated,
// garbage included, and nobody may ask the server to collect. But asking makes garbage, too: we go on until a collection has taken
// place that began after our first question, leave the server alone until it has swept, and ask once more.
func (o options) liveByMetrics() (float64, error) {
	client := &http.Client{Timeout: handshakeTimeout}
	defer client.CloseIdleConnections()
	url := "http://" + o.server.String() + "/metrics"
	collections, last := -1, -1.0
	for end := time.Now().Add(patience); collections < 3; {
		m, err := scrape(client, url)
		if err != nil {
			return 0, fmt.Errorf("metrics: %w", err)
		}
		if n := m["go_gc_duration_seconds_count"]; n != last {
			collections, last = collections+1, n
		}
		<-time.After(20 * time.Millisecond) // what is allocated during a collection survives it
		if time.Now().After(end) {
			return 0, fmt.Errorf("metrics: the server has collected its garbage %d times in %s, which is too few", collections, patience)
		}
	}
	<-time.After(time.Second)
	m, err := scrape(client, url)
	if err != nil {
		return 0, fmt.Errorf("metrics: %w", err)
	}
	return m["go_memstats_heap_alloc_bytes"] + m["go_memstats_stack_inuse_bytes"], nil
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
