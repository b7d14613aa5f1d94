package gateway

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// serviceMetrics are the figures of what the gateway asks of others and tells them. Names in labels are those of the configuration.
type serviceMetrics struct {
	backends     *prometheus.CounterVec
	backendTime  *prometheus.HistogramVec
	hooks        *prometheus.CounterVec
	calls        *prometheus.CounterVec
	callTime     *prometheus.HistogramVec
	webhooks     *prometheus.CounterVec
	webhookTime  *prometheus.HistogramVec
	cachedParts  *prometheus.CounterVec
	missingParts *prometheus.CounterVec
}

func newServiceMetrics(m *Metrics) serviceMetrics {
	return serviceMetrics{
		backends: m.counters("backend_calls_total", "Calls of backends, by outcome: the class of the status, or timeout, left_alone (its "+
			"breaker is open), failed, or canceled (nobody waited).", "backend", "outcome"),
		backendTime: m.times("backend_seconds", "How long calls of backends took.", "backend"),
		hooks:       m.counters("hooks_total", "Questions of hooks, by outcome: allowed, refused, or failed (on_failure decided).", "hook", "outcome"),
		calls:       m.counters("bff_calls_total", "Combined and proxied calls, by status.", "route", "status"),
		callTime:    m.times("bff_seconds", "How long combined and proxied calls took.", "route"),
		webhooks:    m.counters("webhook_attempts_total", "Attempts to deliver to webhooks, by outcome: delivered, failed (it is tried again), or dead.", "target", "outcome"),
		webhookTime: m.times("webhook_seconds", "How long attempts to deliver to webhooks took.", "target"),
		cachedParts: m.counters("bff_cached_total", "Parts of calls that were answered from the cache.", "route"),
		missingParts: m.counters("bff_missing_total", "Parts that were reported with a status from 500 up, such as those that were not there in time.",
			"route", "part"),
	}
}

func (m *Metrics) times(name, help, label string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "hubbub", Name: name, Help: help, Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{label})
	m.registry.MustRegister(h)
	return h
}

// Asked counts a call of a backend. It is what backend.Config.Observe calls.
func (m *Metrics) Asked(backend string, status int, err error, took time.Duration) {
	m.services.backends.WithLabelValues(backend, callOutcome(status, err)).Inc()
	m.services.backendTime.WithLabelValues(backend).Observe(took.Seconds())
}

// callOutcome says in a word how a call of a backend ended.
func callOutcome(status int, err error) string {
	switch {
	case err == nil:
		return statusClass(status)
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case hubbub.AsError(err).RetryAfter > 0:
		return "left_alone"
	}
	return "failed"
}

// Combined counts a call, or a part of one. It is what bff.Options.Observe calls.
func (m *Metrics) Combined(o bff.Observation) {
	if o.Part == "" {
		m.services.calls.WithLabelValues(o.Route, strconv.Itoa(o.Status)).Inc()
		m.services.callTime.WithLabelValues(o.Route).Observe(o.Took.Seconds())
		return
	}
	if o.Cached {
		m.services.cachedParts.WithLabelValues(o.Route).Inc()
	}
	if o.Status >= 500 {
		m.services.missingParts.WithLabelValues(o.Route, o.Part).Inc()
	}
}

// Attempted counts an attempt to deliver to a webhook. It is what webhook.Options.Observe calls.
func (m *Metrics) Attempted(target, outcome string, took time.Duration) {
	m.services.webhooks.WithLabelValues(target, outcome).Inc()
	m.services.webhookTime.WithLabelValues(target).Observe(took.Seconds())
}

// Decided counts the answer to a hook. It is what hook.Options.Observe calls.
func (m *Metrics) Decided(hook, outcome string) {
	m.services.hooks.WithLabelValues(hook, outcome).Inc()
}

// backlogTime is how long the store may take to tell what waits, when somebody looks at the figures.
const backlogTime = 2 * time.Second

// backlogs is a collector of what waits for webhooks.
type backlogs struct {
	ask                   func(context.Context) ([]hubbub.Backlog, error)
	waiting, dead, oldest *prometheus.Desc
}

// WatchBacklogs adds figures of what waits for each webhook. ask is called whenever somebody looks; when it fails there are none.
func (m *Metrics) WatchBacklogs(ask func(context.Context) ([]hubbub.Backlog, error)) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("hubbub_webhook_"+name, help, []string{"target"}, nil)
	}
	m.registry.MustRegister(&backlogs{ask, desc("waiting", "Items that are to be delivered to webhooks."),
		desc("dead", "Items that were given up; they can be replayed."),
		desc("oldest_seconds", "How long the oldest item that is to be delivered has waited; 0 if none does.")})
}

// Describe tells what there is.
func (b *backlogs) Describe(to chan<- *prometheus.Desc) {
	to <- b.waiting
	to <- b.dead
	to <- b.oldest
}

// Collect asks for the figures.
func (b *backlogs) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTime)
	defer cancel()
	all, err := b.ask(ctx)
	if err != nil {
		return // without figures alerts on their absence fire, and the store has logged what is wrong
	}
	for _, t := range all {
		age := 0.0
		if !t.Oldest.IsZero() {
			age = max(time.Since(t.Oldest).Seconds(), 0)
		}
		for d, v := range map[*prometheus.Desc]float64{b.waiting: float64(t.Waiting), b.dead: float64(t.Dead), b.oldest: age} {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, t.Target)
		}
	}
}
