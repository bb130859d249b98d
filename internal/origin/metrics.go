package origin

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fanfare/internal/carousel"
	"fanfare/internal/mcast"
	"fanfare/internal/mono"
	"fanfare/sender"
)

// snapshot is what the loop's counters are at one moment.
type snapshot struct {
	engine   sender.Stats
	loop     loopStats
	group    mcast.Stats
	feedback mcast.Stats
	sending  int
	carousel carousel.Stats // of a one-way origin
	invalid  map[string]uint64
}

// snapshotPatience is how long a loop may take to tell its counters, on a machine with other things to do.
const snapshotPatience = 5 * time.Second

// snapshot asks the loop for its counters.
func (o *Origin) snapshot(ctx context.Context) (s snapshot, err error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	taken := make(chan snapshot, 1)
	err = o.loop.ask(ctx, func(mono.Time) {
		l := o.loop
		s := snapshot{engine: l.engine.Stats(), loop: l.stats, group: l.group.Stats(), feedback: l.feedback.Stats()}
		s.invalid = maps.Clone(l.invalid)
		s.sending = len(l.control) + l.bundles.length()
		if l.oneWay != nil {
			s.carousel = l.oneWay.carousel.Stats()
		}
		taken <- s
	})
	if err != nil {
		return s, err
	}
	return <-taken, nil
}

// metricsHandler serves the counters to Prometheus. The fields of the Stats structs become
// metrics of the same name, in the style of Prometheus, with the help of helps.
func (o *Origin) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{o})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector is all metrics of an origin. They are made anew at each scrape, so that a field
// added to a Stats struct is a metric once it has a text in helps.
type collector struct{ o *Origin }

// Describe sends nothing: the collector is unchecked.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends all metrics.
func (c collector) Collect(out chan<- prometheus.Metric) {
	o := c.o
	s, err := o.snapshot(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewDesc("fanfare_origin", "The sending loop.", nil, nil), err)
		return
	}
	collectStruct(out, "fanfare_sender", s.engine)
	collectStruct(out, "fanfare_origin", s.loop)
	if o.session.OneWay() {
		collectCarousel(out, s.carousel)
	}
	collectStruct(out, "fanfare_origin_catch_up", o.catchUp.snapshot())
	gauge(out, "fanfare_origin_catch_up_rate", "What edges that fetch by unicast get together at most, in bits per second.", float64(o.catchUp.rate))
	collectStruct(out, "fanfare_origin_group_socket", s.group)
	collectStruct(out, "fanfare_origin_feedback_socket", s.feedback)
	byReason := prometheus.NewDesc("fanfare_origin_feedback_invalid_by_reason_total",
		"Datagrams at the feedback port that are no feedback, by reason.", []string{"reason"}, nil)
	for reason, n := range s.invalid {
		out <- prometheus.MustNewConstMetric(byReason, prometheus.CounterValue, float64(n), reason)
	}
	o.mu.RLock()
	head, stats := o.head.Sequence, o.catalogue.Stats()
	o.mu.RUnlock()
	collectStruct(out, "fanfare_catalogue", stats)
	gauge(out, "fanfare_origin_head", "Sequence of the newest entry of the log.", float64(head))
	older := 0.0
	if o.refusal() != nil {
		older = 1
	}
	gauge(out, "fanfare_origin_outdated", "1 if edges have shown that this directory is an older copy: nothing can be published or purged.", older)
	gauge(out, "fanfare_origin_spool_bytes", "Size of the bundles in the spool, in bytes.", float64(o.spool.Size()))
	counter(out, "fanfare_origin_requests_total", "HTTP requests, of the API and of edges.", float64(o.counts.requests.Load()))
	counter(out, "fanfare_origin_requests_failed_total", "HTTP requests answered with an error.", float64(o.counts.failed.Load()))
	collectStruct(out, "fanfare_origin", o.edges.Totals(time.Now(), head))
}

// collectCarousel sends what a one-way origin repeats; most of it begins anew with each cycle.
func collectCarousel(out chan<- prometheus.Metric, s carousel.Stats) {
	gauge(out, "fanfare_carousel_cycle", "Number of the cycle under way since the origin's start; 0 before the first.", float64(s.Cycle))
	gauge(out, "fanfare_carousel_sequence", "Sequence of the entry that the cycle has come to.", float64(s.Sequence))
	gauge(out, "fanfare_carousel_head", "Sequence of the last entry that the carousel carries.", float64(s.Head))
	gauge(out, "fanfare_carousel_bytes", "Bytes that the cycle under way has sent, repair included.", float64(s.Bytes))
	gauge(out, "fanfare_carousel_last_bytes", "Bytes that the last whole cycle sent, repair included.", float64(s.LastBytes))
	gauge(out, "fanfare_carousel_length_seconds", "How long the last whole cycle took without the pause, in seconds.", s.Length.Seconds())
	counter(out, "fanfare_carousel_repeats_total", "Entries repeated outside of cycles since they are new.", float64(s.Repeats))
}

func gauge(out chan<- prometheus.Metric, name, help string, value float64) {
	out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value)
}

func counter(out chan<- prometheus.Metric, name, help string, value float64) {
	out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, value)
}

// collectStruct sends the fields of a Stats struct: unsigned ones are counters, others gauges.
func collectStruct(out chan<- prometheus.Metric, prefix string, stats any) {
	v := reflect.ValueOf(stats)
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		name, help := metricName(prefix, field), helps[v.Type()][field]
		switch x := v.Field(i).Interface().(type) {
		case uint64:
			counter(out, name+"_total", help, float64(x))
		case int:
			gauge(out, name, help, float64(x))
		case time.Duration:
			gauge(out, name+"_seconds", help, x.Seconds())
		}
	}
}

// metricName joins a prefix and the name of a field. A word that ends the one and begins the other
// stands once.
func metricName(prefix, field string) string {
	last := prefix[strings.LastIndexByte(prefix, '_')+1:]
	return prefix + "_" + strings.TrimPrefix(snake(field), last+"_")
}

// snake turns NACKsReceived into nacks_received.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) {
			afterLower := !unicode.IsUpper(runes[i-1])
			// The last capital of an acronym begins a word, but for its plural s.
			beginsWord := i+1 < len(runes) && !unicode.IsUpper(runes[i+1]) && runes[i+1] != 's'
			if afterLower || beginsWord {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
