package play

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/testbed/netns"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
)

func TestMain(m *testing.M) {
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the tests that need a bed skip
	}
	os.Exit(m.Run())
}

// short has something of everything, and takes few seconds.
const short = `name: short
about: Everything once.
topology:
  edges: 3
links:
  all: {down: {delay: 1ms, loss: 3%}, up: {loss: 3%}}
session: {rate: 100mbit}
timeline:
  - publish: {name: old, files: 20, size: 3KB}
  - wait: all
  - purge: {tag: old}
  - publish: {name: big, size: 4MB}
  - when: {edge: edge-1, has: 10%, of: big}
    kill: edge-1
  - cut: edge-2
  - publish: {name: small, files: 30, size: 5KB}
  - after: 100ms
    restart: edge-1
  - heal: edge-2
  - pause: {node: edge-3, for: 200ms}
  - clock_jump: {node: origin, by: -1h}
  - wait: all
  - check: true
  - purges: {times: 3}
  - publish: {name: small-again, path: /small, files: 10, size: 2KB}
  - stop: edge-3
expect:
  completion: 60s
`

func parse(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// held fails the test unless every expectation held.
func held(t *testing.T, r *report.Result) {
	t.Helper()
	for _, e := range r.Expectations {
		if e.Verdict != report.Held {
			t.Errorf("%s: want %s, got %s %q", e.Name, e.Want, e.Got, e.Details)
		}
	}
	if r.Verdict != report.Held {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
}

func TestSimulation(t *testing.T) {
	var traces []string
	for range 2 {
		r := Scenario(t.Context(), parse(t, short), Options{Simulate: true})
		held(t, r)
		if len(r.Publications) != 5 || len(r.Purges) != 3 || len(r.Samples) < 5 || r.Totals.Overhead < 1 {
			t.Errorf("%d publications, %d purges, %d samples, %+v", len(r.Publications), len(r.Purges), len(r.Samples), r.Totals)
		}
		traces = append(traces, r.Trace)
	}
	if traces[0] != traces[1] || traces[0] == "" {
		t.Errorf("the same scenario and seed gave the traces %q", traces)
	}
}

func TestFailureIsSeen(t *testing.T) {
	r := Scenario(t.Context(), parse(t, strings.Replace(short, "completion: 60s", "completion: 1ms", 1)), Options{Simulate: true})
	if r.Verdict != report.Failed {
		t.Errorf("verdict %s", r.Verdict)
	}
}

func TestWaitInVain(t *testing.T) {
	text := strings.Replace(short, "- heal: edge-2", "- heal: edge-2\n  - link: {edge: edge-2, down: {loss: 100%}}", 1)
	r := Scenario(t.Context(), parse(t, text), Options{Simulate: true})
	if r.Verdict != report.Failed || !strings.Contains(r.Reason, "edge-2") {
		t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
	}
}

func TestSkipped(t *testing.T) {
	r := Scenario(t.Context(), parse(t, strings.Replace(short, "edges: 3", "edges: [edge-1, edge-2, {name: edge-3, disk: 100MB}]", 1)), Options{Simulate: true})
	if r.Verdict != report.Skipped || r.Reason == "" {
		t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
	}
}

// TestFolder runs all scenarios of the folder in the simulator.
func TestFolder(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s, err := scenario.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			r := Scenario(t.Context(), s, Options{Simulate: true})
			if r.Verdict == report.Skipped {
				t.Skip("SKIPPED, ", r.Reason)
			}
			held(t, r)
		})
	}
}

func TestNamespaces(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "fanfare")
	build, err := exec.Command("go", "build", "-o", binary, "fanfare/cmd/fanfare").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("SKIPPED, there is no go command to build fanfare with")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, build)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := Scenario(ctx, parse(t, short), Options{Binary: binary})
	if r.Verdict == report.Skipped {
		t.Skip("SKIPPED, ", r.Reason)
	}
	held(t, r)
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "clock") {
		t.Errorf("nothing is said of the clock: %q", r.Notes)
	}
	if !r.Edges[0].Down.Counted || r.Edges[0].Down.Lost == 0 {
		t.Errorf("the links did nothing: %+v", r.Edges[0].Down)
	}
}
