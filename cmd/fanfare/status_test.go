package main

import (
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
