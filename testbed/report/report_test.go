package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// keep makes the tests write their pages there, to be looked at.
var keep = flag.String("keep", "", "directory to write the tests' pages to")

// example is a result with everything in it.
func example(edges int, bed Bed) Result {
	random := rand.New(rand.NewPCG(1, 2))
	r := Result{
		Name: "kill and heal <b>", About: "Two publications over links that lose 5 % of the packets; edge-2 is killed in the middle of the first.",
		File: "testbed/scenarios/kill.yaml", Bed: bed, Seed: 7, Where: "1 origin, a switch", Rate: 100e6, Verdict: Failed,
		Seconds: 12, Elapsed: 14.2,
		Expectations: []Expectation{
			{Name: "all bytes equal", Want: "every object at every edge", Got: "2,000 objects", Verdict: Held},
			{Name: "completion time", Want: "at most 5 s", Got: "6.1 s", Verdict: Failed, Details: []string{"edge-2 took 6.1 s for <one>"}},
			{Name: "clock jump", Want: "no effect", Got: "not tried", Verdict: Skipped},
		},
		Timeline: []Moment{{0, "publish one"}, {1.5, "kill edge-2"}, {1.6, "cut edge-1"}, {3, "start edge-2"}, {6, "publish two"}, {9, "purge x"}},
		Notes:    []string{"tc netem is missing: the emulator was used"},
		Origin:   Origin{SourceSymbolsSent: 71000, RepairSymbolsSent: 5200, NACKsReceived: 812},
		Totals:   Totals{PublishedBytes: 100e6, WireBytes: 113e6, FeedbackBytes: 9e4, Overhead: 1.13, FeedbackShare: 0.0008, PurgeP50: 0.002, PurgeP99: 0.03, PurgeMax: 0.031},
	}
	one, two := Publication{Name: "one", Objects: 1, Bytes: 60e6, At: 0, Seconds: 6.1, Served: edges, Expected: edges},
		Publication{Name: "two", Objects: 1999, Bytes: 40e6, At: 6, Seconds: -1, Served: edges - 1, Expected: edges}
	for i := range edges {
		e := Edge{Name: fmt.Sprintf("edge-%d", i+1), Running: i != 2, PacketsReceived: 76000, PacketsLost: 3800 + uint64(i*40), NACKsSent: 200,
			BlocksDecoded: 300, RTTSeconds: 0.0004, Down: Link{Faults: "5% loss", Counted: true, Sent: 76000, Lost: 3800 + uint64(i*40)},
			Up: Link{Counted: true, Sent: 900, Lost: 44}}
		r.Edges = append(r.Edges, e)
		one.Edges = append(one.Edges, 4.9+0.1*float64(i))
		two.Edges = append(two.Edges, 3.5)
	}
	two.Edges[0] = -1
	r.Publications = []Publication{one, two}
	for range 30 {
		p := Purge{At: 9}
		for range edges {
			p.Edges = append(p.Edges, 0.001+0.0003*random.ExpFloat64()+boolFloat(random.IntN(20) == 0)*0.05)
		}
		p.Edges[0] = -1
		r.Purges = append(r.Purges, p)
	}
	for i := range 240 {
		at := float64(i) * 0.05
		s := Sample{At: at, WireBytes: uint64(min(at, 5.4) * 12.3e6), SourceSymbols: uint64(min(at, 5) * 8700), RepairSymbols: uint64(min(at, 5.4) * 480), NACKs: uint64(min(at, 5.4) * 90)}
		if at > 6 {
			s.WireBytes += uint64(min(at-6, 3.5) * 12e6)
			s.SourceSymbols += uint64(min(at-6, 3.5) * 8000)
			s.RepairSymbols += uint64(min(at-6, 3.5) * 450)
			s.NACKs += uint64(min(at-6, 3.5) * 60)
		}
		for j := range edges {
			held := min(60e6, at*12e6*(1-0.02*float64(j)))
			up := j != 1 || at < 1.5 || at > 3
			if !up {
				held = 18e6
			} else if j == 1 && at >= 3 {
				held = min(60e6, 18e6+(at-3)*16e6)
			}
			if at > 6 {
				held += min(40e6, (at-6)*11.5e6)
			}
			s.Edges = append(s.Edges, EdgeSample{Bytes: int64(held), Lost: uint64(at*400) + uint64(random.IntN(30)+j), Up: up})
		}
		r.Samples = append(r.Samples, s)
	}
	return r
}

func boolFloat(b bool) float64 { return float64(boolInt(b)) }

// exampleComparison has a missing system, a failing one and one that is far behind.
func exampleComparison() *Comparison {
	random := rand.New(rand.NewPCG(1, 2))
	c := &Comparison{
		Started: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Seconds: 300, Machine: "2 processors", Bed: "network namespaces: 1 origin, 4 edges, one switch",
		Edges: 4, Rounds: 3, Losses: []float64{0, 0.05},
		Systems: []System{
			{Name: "fanfare", About: "this", Own: true, Multicast: true}, {Name: "uftp", About: "UFTP", Multicast: true}, {Name: "udpcast", About: "udpcast", Multicast: true},
			{Name: "norm", About: "NORM", Multicast: true, Missing: "no command normxfer"}, {Name: "http", About: "plain HTTP"}, {Name: "http-bbr", About: "the same with BBR"},
		},
		Works: []Work{{Name: "big", About: "one file of 200 MB", Files: 1, Bytes: 200e6}, {Name: "small", About: "2000 files of 10.2 kB", Files: 2000, Bytes: 20480000},
			{Name: "latency", About: "one file of 102 kB", Files: 1, Bytes: 102400, Latency: true}},
		Notes: []string{"files are in /dev/shm"},
	}
	seconds := map[string][]float64{
		"fanfare": {2.0, 2.1, 0.16, 0.19, 0.012, 0.015}, "uftp": {3.8, 7.2, 5.0, 104, 0.039, 0.115}, "udpcast": {3.7, 5.2, 1.16, 1.33, 0.05, 0.052},
		"http": {1.32, 8.7, 0.57, 3.4, 0.018, 0.021}, "http-bbr": {1.32, 2.09, 0.6, 1.1, 0.018, 0.02},
	}
	for w, work := range c.Works {
		for l, loss := range c.Losses {
			for _, s := range c.Systems {
				if s.Missing != "" {
					continue
				}
				cell := Cell{Work: work.Name, Loss: loss, System: s.Name}
				for i := range 3 {
					t := Transfer{OK: true, Seconds: seconds[s.Name][2*w+l] * (0.95 + 0.1*random.Float64()), OriginCPU: 14 * float64(work.Bytes) / 1e9, EdgeCPU: 4.4 * float64(work.Bytes) / 1e9}
					t.WireBytes = uint64(float64(work.Bytes) * (1.05 + 1.5*loss))
					if !s.Multicast {
						t.WireBytes *= 4
					}
					if s.Name == "udpcast" && loss > 0 && (i == 1 || work.Latency) {
						t = Transfer{Reason: "stalled: nothing left the origin for 8s"}
					}
					cell.Runs = append(cell.Runs, t)
				}
				c.Cells = append(c.Cells, cell)
			}
		}
	}
	return c
}

// checkPage tests what holds for every page, and returns it.
func checkPage(t *testing.T, name string, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if *keep != "" {
		if err := os.WriteFile(*keep+"/"+name+".html", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"src=", "@import", "url(", "<script", "NaN", "+Inf", "ZgotmplZ", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("%s: the page contains %q", name, bad)
		}
	}
	for _, address := range regexp.MustCompile(`https?://[^"<\s]*`).FindAllString(page, -1) {
		if address != "http://www.w3.org/2000/svg" {
			t.Errorf("%s: the page names %s", name, address)
		}
	}
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	if len(drawings) == 0 {
		t.Errorf("%s: no plot", name)
	}
	for _, drawing := range drawings {
		d := xml.NewDecoder(strings.NewReader(drawing))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v in %.300s", name, err, drawing)
				break
			}
		}
	}
	return page
}

func wantIn(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("there is no %q", text)
		}
	}
}

func TestRunPage(t *testing.T) {
	run := &Run{Started: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Seconds: 31, Results: []Result{
		example(4, Namespaces), example(30, Simulation),
		{Name: "no router", Verdict: Skipped, Reason: "the kernel has no multicast routing", Bed: Namespaces},
	}}
	page := checkPage(t, "run", run.WriteHTML)
	for i := range 30 {
		wantIn(t, page, fmt.Sprintf("edge-%d<", i+1))
	}
	wantIn(t, page, "kill and heal &lt;b&gt;", "edge-2 took 6.1 s for &lt;one&gt;", "the kernel has no multicast routing",
		"Completion over time", "Goodput", "Repairs", "NACKs", "Loss over time", "Loss that was really made", "Purge latency", "Timeline", "p99: ")
	if strings.Contains(page, "<b>") {
		t.Error("text of a scenario is taken for HTML")
	}
}

// TestRunPageOfNothing: whatever is missing, there is a page.
func TestRunPageOfNothing(t *testing.T) {
	one := example(1, Namespaces)
	one.Samples = one.Samples[:1]
	one.Purges = []Purge{{Edges: []float64{0}}}
	one.Publications[0].Edges[0] = 0
	all := example(2, Simulation)
	all.Samples[3].Edges = nil
	all.Seconds, all.Edges[0].Down, all.Totals = 0, Link{}, Totals{}
	checkPage(t, "nothing", (&Run{Results: []Result{one, all, {}}}).WriteHTML)
	var b bytes.Buffer
	if err := (&Run{}).WriteHTML(&b); err != nil {
		t.Error(err)
	}
}

func TestComparisonPage(t *testing.T) {
	page := checkPage(t, "compare", exampleComparison().WriteHTML)
	wantIn(t, page, "fanfare", "uftp", "udpcast", "http-bbr", "not run: no command normxfer", "one file of 200 MB",
		"failed 1 of 3 times", "failed 3 of 3 times", "udpcast: stalled", "faster than", "Processor time at an edge", "A cut bar")
	checkPage(t, "compare-nothing", (&Comparison{Losses: []float64{0}, Works: []Work{{Name: "big"}}, Systems: []System{{Name: "x"}}, Cells: []Cell{{Work: "big", System: "x"}}}).WriteHTML)
}

func TestComparisonTable(t *testing.T) {
	var b strings.Builder
	if err := exampleComparison().Print(&b); err != nil {
		t.Fatal(err)
	}
	wantIn(t, b.String(), "small (2000 files of 10.2 kB), 4 edges, 5 % loss", "norm was not run: no command normxfer",
		"udpcast failed: stalled", "note: files are in /dev/shm", "goodput, Mb/s", "the fastest of those that multicast")
	if testing.Verbose() {
		t.Log("\n" + b.String())
	}
}

func TestRunTable(t *testing.T) {
	var b strings.Builder
	if err := (&Run{Seconds: 3, Results: []Result{example(2, Namespaces), {Name: "two", Verdict: Held}}}).Print(&b); err != nil {
		t.Fatal(err)
	}
	wantIn(t, b.String(), "✗ kill and heal <b> (namespaces, seed 7, 14.2 s)", "✓ all bytes equal", "wanted: at most 5 s", "edge-2 took 6.1 s",
		"scenarios: 1 held, 1 failed, 0 skipped, in 3.00 s", "1.130", "0.080%")
	if testing.Verbose() {
		t.Log("\n" + b.String())
	}
}

func TestSpread(t *testing.T) {
	c := Cell{Runs: []Transfer{{OK: true, Seconds: 3}, {Seconds: 0.1}, {OK: true, Seconds: 1}, {OK: true, Seconds: 2}}}
	if s, n := c.Of(Seconds); n != 3 || s != (Spread{Median: 2, Min: 1, Max: 3}) {
		t.Error(s, n)
	}
	c.Runs = append(c.Runs, Transfer{OK: true, Seconds: 4})
	if s, n := c.Of(Seconds); n != 4 || s != (Spread{Median: 2.5, Min: 1, Max: 4}) {
		t.Error(s, n)
	}
}

func TestBestPeer(t *testing.T) {
	c := exampleComparison()
	if best, ok := c.BestPeer("latency", 0.05, true); !ok || best.Peer != "uftp" {
		t.Error(best, ok) // udpcast never finished
	}
	best, ok := c.BestPeer("big", 0, false)
	if !ok || !strings.HasPrefix(best.Peer, "http") || best.Times >= 1 {
		t.Error(best, ok)
	}
	if _, ok := c.BestPeer("big", 0.01, false); ok {
		t.Error("a loss that was not measured has a best peer")
	}
}

func TestQuantity(t *testing.T) {
	for _, test := range []struct {
		v     float64
		units []unit
		want  string
	}{
		{0, byteUnits, "0 B"}, {1234567, byteUnits, "1.23 MB"}, {999.7, byteUnits, "1 kB"}, {0.0123, timeUnits, "12.3 ms"},
		{104.2, timeUnits, "104 s"}, {4123, timeUnits, "4,123 s"}, {0.0512, shareUnits, "5.12 %"}, {1234567, pureUnits, "1,234,567"}, {-1234, pureUnits, "-1,234"},
	} {
		if got := strings.ReplaceAll(quantity(test.v, test.units), "\u202f", " "); got != test.want {
			t.Errorf("%v: %q, want %q", test.v, got, test.want)
		}
	}
}

func TestAxes(t *testing.T) {
	a := linearAxis(0, 100, 7.3, pureUnits, true)
	if a.most < 7.3 || a.at(0) != 0 || math.Abs(a.at(a.most)-100) > 1e-9 || len(a.ticks()) < 2 {
		t.Errorf("%+v", a)
	}
	for _, most := range []float64{0, math.NaN(), math.Inf(1), 1e-9, 1e15} {
		if n := len(linearAxis(0, 700, most, byteUnits, true).ticks()); n < 2 || n > 20 {
			t.Errorf("%v: %d ticks", most, n)
		}
	}
	l := logAxis(0, 100, 0.003, 2, timeUnits)
	if l.least != 0.001 || l.most != 10 || len(l.ticks()) != 5 {
		t.Errorf("%+v %v", l, l.ticks())
	}
}
