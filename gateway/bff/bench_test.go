package bff_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
)

const product = `{"id":7,"name":"Oolong","price":12.50,"tags":["tea","blue"],"text":"From the mountains, rolled by hand and roasted twice over charcoal."}`

func method(b *testing.B, route bff.Route, backends map[string]*backend.Backend) func(params string) json.RawMessage {
	s := session(b)
	call := one(b, route, backends).Methods()["bff."+route.Name]
	return func(params string) json.RawMessage {
		result, err := call(b.Context(), s, json.RawMessage(params))
		if err != nil {
			b.Error(err)
		}
		return result.(json.RawMessage)
	}
}

// BenchmarkDirect is what a caller would have to do without a gateway: the client of net/http with kept conns, and JSON decoded.
func BenchmarkDirect(b *testing.B) {
	s := httptest.NewServer(answer(product))
	defer s.Close()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	for b.Loop() {
		response, err := client.Get(s.URL + "/products/7")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAll(response.Body); err != nil {
			b.Fatal(err)
		}
		response.Body.Close()
	}
}

// BenchmarkBackend is the proxy's backend alone.
func BenchmarkBackend(b *testing.B) {
	backends := serve(b, "b", answer(product))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := backends["b"].Do(b.Context(), backend.Call{Method: http.MethodGet, Path: "/products/7", Identity: &ann}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProxy(b *testing.B) {
	call := method(b, bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}, Proxy: &bff.Part{Backend: "b", Path: "/products/{params.id}"}},
		serve(b, "b", answer(product)))
	b.ReportAllocs()
	for b.Loop() {
		call(`{"id":7}`)
	}
}

func BenchmarkProxyPick(b *testing.B) {
	call := method(b, bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}, Proxy: &bff.Part{Backend: "b", Path: "/products/{params.id}",
		Pick: "{id, name}"}}, serve(b, "b", answer(product)))
	b.ReportAllocs()
	for b.Loop() {
		call(`{"id":7}`)
	}
}

func BenchmarkCached(b *testing.B) {
	call := method(b, bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}, Cache: bff.Cache{By: "user", TTL: time.Hour},
		Proxy: &bff.Part{Backend: "b", Path: "/products/{params.id}"}}, serve(b, "b", answer(product)))
	b.ReportAllocs()
	for b.Loop() {
		call(`{"id":7}`)
	}
}

// threeSlow are three backends that take 20 ms each.
func threeSlow(b *testing.B) (bff.Route, map[string]*backend.Backend) {
	backends := map[string]*backend.Backend{}
	route := bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}}
	for _, name := range []string{"a", "b", "c"} {
		maps.Copy(backends, serve(b, name, func(w http.ResponseWriter, r *http.Request) {
			<-time.After(20 * time.Millisecond)
			io.WriteString(w, product)
		}))
		route.Parts = append(route.Parts, bff.Part{Name: name, Backend: name, Path: "/products/{params.id}"})
	}
	return route, backends
}

// BenchmarkThree calls one after the other: its ms/op is the latency.
func BenchmarkThree(b *testing.B) {
	route, backends := threeSlow(b)
	call := method(b, route, backends)
	for b.Loop() {
		call(`{"id":7}`)
	}
}

// BenchmarkThreeAt1000 makes 1,000 calls a second and reports their 50th and 99th percentile. All is in one process: backends, gateway and caller.
func BenchmarkThreeAt1000(b *testing.B) {
	route, backends := threeSlow(b)
	bff := one(b, route, backends)
	var mu sync.Mutex
	var took []time.Duration
	var running sync.WaitGroup
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for b.Loop() {
		due := <-tick.C
		running.Go(func() {
			door(b.Context(), bff, &hubbub.Identity{User: due.String()}, http.MethodGet, "/bff/r?id=7", "")
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(due))
		})
	}
	running.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
