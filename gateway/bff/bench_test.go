package bff_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/ws"
)

const product = `{"id":7,"name":"Oolong","price":12.50,"tags":["tea","blue"],"text":"From the mountains, rolled by hand and roasted twice over charcoal."}`

// method calls a route as a session does, each time for another product, so that no two calls share a request.
func method(b *testing.B, route bff.Route, backends map[string]*backend.Backend) func() error {
	s := session(b)
	call := one(b, route, backends).Methods()["bff."+route.Name]
	var n atomic.Int64
	return func() error {
		_, err := call(b.Context(), s, fmt.Appendf(nil, `{"id":%d}`, n.Add(1)))
		return err
	}
}

// BenchmarkDirect is what a caller would have to do without a gateway: the client of net/http with kept conns, and JSON
// decoded.
func BenchmarkDirect(b *testing.B) {
	s := httptest.NewServer(answer(product))
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	together(b, func() error {
		response, err := client.Get(s.URL + "/products/7")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
		return err
	})
}

// together has sixteen callers at a time for each processor: where calls are alone, most of the time goes into waking up.
func together(b *testing.B, call func() error) {
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := call(); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkBackend is the proxy's backend alone.
func BenchmarkBackend(b *testing.B) {
	backends := serve(b, "b", answer(product))
	together(b, func() error {
		_, err := backends["b"].Do(b.Context(), backend.Call{Method: http.MethodGet, Path: "/products/7", Identity: &ann})
		return err
	})
}

func BenchmarkProxy(b *testing.B) {
	call := method(b, bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}, Proxy: &bff.Part{Backend: "b", Path: "/products/{params.id}"}},
		serve(b, "b", answer(product)))
	together(b, call)
}

// BenchmarkProxyOverRPC has everything between a browser and a backend in this process: the caller's conn, the gateway's, and the backend.
func BenchmarkProxyOverRPC(b *testing.B) {
	calls := one(b, bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}, Proxy: &bff.Part{Backend: "b", Path: "/products/{params.id}"}},
		serve(b, "b", answer(product)))
	hub, err := hubbub.New(b.Context(), hubbub.Options{Driver: memory.New(memory.Options{})})
	if err != nil {
		b.Fatal(err)
	}
	sockets := ws.NewServer(ws.Options{Group: rpc.GroupOptions})
	server := rpc.New(rpc.Options{Hub: hub, Sockets: sockets, Rate: hubbub.Rate{PerSecond: -1}})
	for name, call := range calls.Methods() {
		server.Register(name, call)
	}
	router := ws.NewRouter(sockets)
	router.Handle("/ws", func(c *ws.Conn) { server.Serve(c, ann) })
	site := httptest.NewServer(router)
	defer func() {
		for _, end := range []func(context.Context) error{sockets.Shutdown, hub.Close, server.Close} {
			if err := end(context.Background()); err != nil {
				b.Error(err)
			}
		}
		site.Close()
	}()
	b.ReportAllocs()
	b.SetParallelism(16)
	var n atomic.Int64
	b.RunParallel(func(p *testing.PB) {
		conn, err := ws.Dial(b.Context(), "ws"+strings.TrimPrefix(site.URL, "http")+"/ws", ws.DialOptions{})
		if err != nil {
			b.Error(err)
			return
		}
		answers := make(chan struct{}, 1)
		conn.OnMessage(func(m ws.Message) {
			if bytes.Contains(m.Data, []byte("Oolong")) {
				answers <- struct{}{}
			}
		})
		for p.Next() {
			if err := conn.Send(ws.Text(fmt.Sprintf(`{"id":1,"method":"bff.r","params":{"id":%d}}`, n.Add(1)))); err != nil {
				b.Error(err)
				return
			}
			<-answers
		}
	})
}

func BenchmarkProxyPick(b *testing.B) {
	call := method(b, bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}, Proxy: &bff.Part{Backend: "b", Path: "/products/{params.id}",
		Pick: "{id, name}"}}, serve(b, "b", answer(product)))
	together(b, call)
}

func BenchmarkCached(b *testing.B) {
	call := method(b, bff.Route{Name: "r", Params: []bff.Param{{Name: "id", Type: "int"}}, Cache: bff.Cache{By: "user", TTL: time.Hour},
		Proxy: &bff.Part{Backend: "b", Path: "/products"}}, serve(b, "b", answer(product)))
	together(b, call)
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
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThreeAt1000 makes 1,000 calls a second and reports their 50th and 99th percentile. All is in one process:
// backends, gateway and caller.
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
