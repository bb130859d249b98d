package main

import (
	"regexp"
	"strings"
	"testing"

	"fanfare/internal/api"
)

// TestStatusTellsApart: edges of one name have their ids beside it, others not.
func TestStatusTellsApart(t *testing.T) {
	var text strings.Builder
	edges := []api.Edge{{Name: "web", ID: "0a"}, {Name: "web", ID: "0b"}, {Name: "film", ID: "0c"}}
	if err := printStatus(&text, &api.Status{Edges: edges}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"web (0a) ", "web (0b) ", "film "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "0c") {
		t.Errorf("an id that nobody needs in:\n%s", &text)
	}
}

// TestStatusTellsOutdated: what is wrong with the directory, and which edges show it.
func TestStatusTellsOutdated(t *testing.T) {
	var text strings.Builder
	s := &api.Status{Outdated: "this directory is old", Edges: []api.Edge{{Name: "web", Alive: true, Differs: true, Stray: true}}}
	if err := printStatus(&text, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"OUTDATED this directory is old\n", "failing", "it follows the log that this directory lacks: leave it as it is"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, &text)
		}
	}
}

// TestStatusSlowEdges checks that the table says why less is sent than may be.
func TestStatusSlowEdges(t *testing.T) {
	for allowed, want := range map[uint64]bool{40_000_000: false, 60_000_000: true} {
		var text strings.Builder
		s := &api.Status{Rate: 80_000_000, Sender: api.Sender{Rate: 40_000_000, RateAllowed: allowed}}
		if err := printStatus(&text, s); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(text.String(), "40 Mb/s, all that edges can take in"); got != want || !strings.Contains(text.String(), "now 40 Mb/s") {
			t.Errorf("with %d allowed: %q", allowed, text.String())
		}
	}
}

// TestStatusIsOfNow: losses are those of the last packets, and where nothing is known a dash stands.
func TestStatusIsOfNow(t *testing.T) {
	var text strings.Builder
	edges := []api.Edge{
		{Name: "lossy", Behind: 3, PacketsReceived: 1e6, Recent: api.Packets{Received: 900, Lost: 100, SocketDrops: 25}},
		{Name: "ahead", Unknown: true, Ahead: 12, PacketsLost: 5},
		{Name: "unheard", Unknown: true},
	}
	if err := printStatus(&text, &api.Status{Head: 7, Edges: edges}); err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`  +`).ReplaceAllString(text.String(), "|")
	for _, want := range []string{"lossy|silent|3|-|7.50 %|2.50 %|0", "ahead|silent|12 ahead|-|-|-|0", "unheard|silent|-|-|-|-|0"} {
		if !strings.Contains(rows, want) {
			t.Errorf("no %q in:\n%s", want, rows)
		}
	}
}
