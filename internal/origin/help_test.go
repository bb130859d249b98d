package origin

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fanfare/internal/carousel"
)

// Every field of a Stats struct has a help text, and every text a field.
func TestHelpOfFields(t *testing.T) {
	for typ, texts := range helps {
		for i := range typ.NumField() {
			field := typ.Field(i)
			if texts[field.Name] == "" {
				t.Errorf("%v: no help for %s", typ, field.Name)
			}
			switch reflect.Zero(field.Type).Interface().(type) {
			case uint64, int, time.Duration:
			default:
				t.Errorf("%v: %s is a %v, which is no metric", typ, field.Name, field.Type)
			}
		}
		for name := range texts {
			if _, ok := typ.FieldByName(name); !ok {
				t.Errorf("%v: help for %s, which it does not have", typ, name)
			}
		}
	}
}

// Every metric of an origin, the carousel's too, says what it is.
func TestHelp(t *testing.T) {
	o := start(t, initOrigin(t))
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{o.Origin}, carouselCollector{})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range families {
		name, help := f.GetName(), f.GetHelp()
		names[name] = true
		if help == name || !strings.HasSuffix(help, ".") || len(strings.Fields(help)) < 3 {
			t.Errorf("%s: help %q", name, help)
		}
		words := strings.Split(name, "_")
		for i := range words[1:] {
			if words[i] == words[i+1] {
				t.Errorf("%s has a word twice", name)
			}
		}
	}
	for _, want := range []string{
		"fanfare_sender_packets_sent_total", "fanfare_origin_write_errors_total", "fanfare_catalogue_keys", "fanfare_origin_edges_alive",
		"fanfare_origin_group_socket_drops_total", "fanfare_origin_feedback_socket_receive_buffer", "fanfare_origin_head", "fanfare_carousel_bytes",
	} {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

// carouselCollector is what a one-way origin has beside others.
type carouselCollector struct{}

func (carouselCollector) Describe(chan<- *prometheus.Desc) {}
func (carouselCollector) Collect(out chan<- prometheus.Metric) {
	collectCarousel(out, carousel.Stats{})
}

// A carousel's numbers that begin anew with each cycle are no counters.
func TestCarouselGauges(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(carouselCollector{})
	families, err := registry.Gather()
	if err != nil || len(families) != reflect.TypeFor[carousel.Stats]().NumField() {
		t.Fatalf("%d metrics, %v", len(families), err)
	}
	for _, f := range families {
		if (f.GetType().String() == "COUNTER") != (f.GetName() == "fanfare_carousel_repeats_total") {
			t.Errorf("%s is a %v", f.GetName(), f.GetType())
		}
	}
}
