package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// Metrics are the figures of one gateway for Prometheus, with a registry of their own. Every label has a bounded number of
// values, whatever clients send: what is not known counts as "unknown" or "other". All methods may be called concurrently.
type Metrics struct {
	// Immutable.
	registry *prometheus.Registry
	methods  []string
	page     http.Handler

	// Safe for concurrent use.
	connections  prometheus.Gauge
	upgrades     *prometheus.CounterVec
	closes       *prometheus.CounterVec
	requests     *prometheus.CounterVec
	requestTime  prometheus.Histogram
	delivered    prometheus.Counter
	skipped      prometheus.Counter
	authFailures *prometheus.CounterVec
	limited      *prometheus.CounterVec
	http         *prometheus.CounterVec
	services     serviceMetrics
}

// NewMetrics makes figures that are all 0. methods are the names of requests that get figures of their own.
func NewMetrics(version string, methods []string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), methods: slices.Clone(methods)}
	m.connections = m.gauge("connections", "Open WebSocket connections.")
	m.upgrades = m.counters("upgrades_total", "Attempts to open a WebSocket, by outcome: accepted, or why not.", "outcome")
	m.closes = m.counters("closes_total", "Closed WebSocket connections, by close code.", "code")
	m.requests = m.counters("requests_total", "Requests of sessions, by method and outcome: ok, or the error's reason.", "method", "outcome")
	m.requestTime = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "hubbub", Name: "request_seconds", Help: "How long requests of sessions took.",
		Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5},
	})
	m.delivered = m.counter("messages_delivered_total", "Messages handed to connections, counting each recipient.")
	m.skipped = m.counter("messages_skipped_total", "Messages that recipients missed because they read too slowly.")
	m.authFailures = m.counters("auth_failures_total", "Sign-ins that were refused, by the way of signing in.", "method")
	m.limited = m.counters("limited_total", "What a limit refused, by the limit's setting.", "limit")
	m.http = m.counters("http_requests_total", "HTTP requests, handshakes included, by class of status.", "status")
	m.services = newServiceMetrics(m)
	build := m.counters("build_info", "Always 1; the version is in the label.", "version")
	build.WithLabelValues(version).Inc()
	m.registry.MustRegister(m.requestTime, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.page = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return m
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "hubbub", Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hubbub", Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "hubbub", Name: name, Help: help})
	m.registry.MustRegister(g)
	return g
}

// Handler answers with all figures, in the format of Prometheus.
func (m *Metrics) Handler() http.Handler { return m.page }

// Watch adds a figure that is asked for whenever somebody looks, such as "sessions". It panics if there is one of that name.
func (m *Metrics) Watch(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "hubbub", Name: name, Help: help}, value))
}

// WatchCount is Watch for a figure that only rises.
func (m *Metrics) WatchCount(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "hubbub", Name: name, Help: help}, value))
}

// Connected counts a conn that was accepted.
func (m *Metrics) Connected() {
	m.connections.Inc()
	m.upgrades.WithLabelValues("accepted").Inc()
}

// Closed counts a conn that has ended; there was a Connected before.
func (m *Metrics) Closed(code ws.Code) {
	m.connections.Dec()
	m.closes.WithLabelValues(codeLabel(code)).Inc()
}

// Refused counts a handshake that was refused, with the HTTP status of the answer.
func (m *Metrics) Refused(status int) {
	m.upgrades.WithLabelValues(refusalLabel(status)).Inc()
}

// Requested counts a request of a session; err is nil when it succeeded. It is what rpc.Options.Observe calls.
func (m *Metrics) Requested(method string, err *hubbub.Error, took time.Duration) {
	if !slices.Contains(m.methods, method) {
		method = "unknown"
	}
	outcome := "ok"
	if err != nil {
		outcome = reasonLabel(err.Reason)
	}
	m.requests.WithLabelValues(method, outcome).Inc()
	m.requestTime.Observe(took.Seconds())
}

// Delivered counts messages that were handed to conns.
func (m *Metrics) Delivered(messages int) { m.delivered.Add(float64(messages)) }

// Skipped counts messages that a slow conn missed.
func (m *Metrics) Skipped(messages int) { m.skipped.Add(float64(messages)) }

// AuthFailed counts a sign-in that was refused. method is the way of signing in, such as "bearer" or "basic".
func (m *Metrics) AuthFailed(method string) {
	switch method {
	case "bearer", "subprotocol", "ticket", "query", "dev", "basic", "cookie", "anonymous", "hook":
	case "":
		method = "none"
	default:
		method = "other"
	}
	m.authFailures.WithLabelValues(method).Inc()
}

// Limited counts something that a limit refused. limit is the limit's setting, a constant of the code.
func (m *Metrics) Limited(limit string) { m.limited.WithLabelValues(limit).Inc() }

// Answered counts an HTTP answer.
func (m *Metrics) Answered(status int) { m.http.WithLabelValues(statusClass(status)).Inc() }

func statusClass(status int) string {
	if status >= 100 && status < 600 {
		return strconv.Itoa(status/100) + "xx"
	}
	return "other"
}

func reasonLabel(r hubbub.Reason) string {
	switch r {
	case hubbub.Invalid, hubbub.Unauthorized, hubbub.Forbidden, hubbub.NotFound, hubbub.RateLimited, hubbub.TooLarge,
		hubbub.Unavailable, hubbub.Conflict:
		return string(r)
	}
	return "other"
}

// codeLabel keeps close codes that mean something here; peers can send any of a few thousand.
func codeLabel(code ws.Code) string {
	switch {
	case code >= 1000 && code <= 1003, code >= 1005 && code <= 1014, code >= 4001 && code <= 4005, code >= 4501 && code <= 4504:
		return strconv.Itoa(int(code))
	}
	return "other"
}

// refusalLabel says in a word why a handshake was refused.
func refusalLabel(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return string(hubbub.Unauthorized)
	case http.StatusForbidden:
		return string(hubbub.Forbidden)
	case http.StatusTooManyRequests:
		return string(hubbub.RateLimited)
	case http.StatusServiceUnavailable:
		return string(hubbub.Unavailable)
	case http.StatusBadRequest, http.StatusUpgradeRequired, http.StatusMethodNotAllowed, http.StatusNotFound:
		return string(hubbub.Invalid)
	}
	return "other"
}
