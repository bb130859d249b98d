package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

const (
	// lineEdges is how many edges get a line with a name each; more of them are drawn as a
	// median and a band.
	lineEdges = 8
	// rateBins is into how many parts time is cut at most for what is a rate; wideBins the
	// same for what edges only report now and then, or several lines that would hide each other.
	rateBins = 160
	wideBins = 48
	// mostMarks is how many moments are drawn one by one.
	mostMarks = 40
)

// figures are the plots of a result, those of them that it has something to show in.
func (r *Result) figures() (figures []figure) {
	for _, f := range []func() (figure, bool){r.completion, r.goodput, r.repairs, r.nacks, r.publications, r.lossOverTime, r.lossMade, r.purgeLatency} {
		if f, ok := f(); ok {
			figures = append(figures, f)
		}
	}
	return figures
}

// length is how long the time axis is, in seconds.
func (r *Result) length() float64 {
	length := r.Seconds
	if n := len(r.Samples); n > 0 && (length <= 0 || r.Bed == Simulation) {
		length = r.Samples[n-1].At
	}
	if n := len(r.Samples); n > 0 {
		length = max(length, r.Samples[n-1].At)
	}
	return max(length, 0.001)
}

// marks are the moments of the timeline, numbered as in the list below the plots.
func (r *Result) marks() (marks []mark) {
	for i, m := range r.Timeline {
		if i == mostMarks {
			break
		}
		marks = append(marks, mark{at: m.At, text: strconv.Itoa(i + 1), name: fmt.Sprintf("%d: %s, at %s", i+1, m.What, moment(m.At))})
	}
	return marks
}

// chart is an empty chart of the result's time.
func (r *Result) chart(label string, units []unit, height float64) *lineChart {
	return &lineChart{label: label, units: units, height: height, seconds: r.length(), marks: r.marks()}
}

func edgeClass(i int) string { return "s" + strconv.Itoa(i%lineEdges) }

// completion is how much each edge held.
func (r *Result) completion() (figure, bool) {
	if len(r.Samples) < 2 || len(r.Edges) == 0 {
		return figure{}, false
	}
	l := r.chart("held", byteUnits, 300)
	f := figure{Title: "Completion over time", Caption: "What each edge held of all that had been published. Dotted: its process was down, or its link cut."}
	published := line{name: "published", class: "goal", steps: true, points: []point{{0, 0}}}
	var sum float64
	for _, p := range slices.SortedFunc(slices.Values(r.Publications), func(a, b Publication) int { return int(math.Copysign(1, a.At-b.At)) }) {
		published.points = append(published.points, point{p.At, sum})
		sum += float64(p.Bytes)
		published.points = append(published.points, point{p.At, sum})
	}
	published.points = append(published.points, point{l.seconds, sum})
	l.lines = append(l.lines, published)
	f.Legend = append(f.Legend, legend{"goal", "published"})
	held := func(s EdgeSample) float64 { return float64(s.Bytes) }
	if len(r.Edges) > lineEdges {
		b, median := r.quantiles(held)
		l.bands, l.lines = append(l.bands, b), append(l.lines, median)
		f.Legend = append(f.Legend, legend{"s0", median.name}, legend{"area s0", b.name})
		f.Caption = fmt.Sprintf("What the %d edges held of all that had been published.", len(r.Edges))
	} else {
		for i, e := range r.Edges {
			s := r.perEdge(i, held)
			l.lines = append(l.lines, s)
			f.Legend = append(f.Legend, legend{edgeClass(i), e.Name})
		}
	}
	f.SVG = l.svg("").finish(f.Title)
	return f, true
}

// perEdge is one quantity of one edge over time.
func (r *Result) perEdge(edge int, of func(EdgeSample) float64) line {
	s := line{name: r.Edges[edge].Name, class: edgeClass(edge)}
	for i := range r.Samples {
		sample := &r.Samples[i]
		if edge >= len(sample.Edges) {
			continue
		}
		s.points = append(s.points, point{sample.At, of(sample.Edges[edge])})
		s.broken = append(s.broken, !sample.Edges[edge].Up)
	}
	return s
}

// quantiles is one quantity of all edges over time: from the least to the most, and the median.
func (r *Result) quantiles(of func(EdgeSample) float64) (band, line) {
	b := band{name: "slowest to fastest edge", class: "s0"}
	median := line{name: "median edge", class: "s0"}
	var values []float64
	for i := range r.Samples {
		s := &r.Samples[i]
		values = values[:0]
		for _, e := range s.Edges {
			values = append(values, of(e))
		}
		if len(values) == 0 {
			continue
		}
		slices.Sort(values)
		b.low = append(b.low, point{s.At, values[0]})
		b.high = append(b.high, point{s.At, values[len(values)-1]})
		median.points = append(median.points, point{s.At, values[len(values)/2]})
	}
	return b, median
}

// rate is how fast a counter grew, in windows that are not too short to be looked at.
func (r *Result) rate(bins float64, of func(*Sample) float64) (points []point) {
	if len(r.Samples) == 0 {
		return nil
	}
	window := r.length() / bins
	last := &r.Samples[0]
	points = append(points, point{last.At, 0})
	for i := range r.Samples[1:] {
		s := &r.Samples[i+1]
		passed := s.At - last.At
		if passed <= 0 || passed < window && i+2 < len(r.Samples) {
			continue
		}
		v := max(0, of(s)-of(last)) / passed
		points = append(points, point{last.At, v}, point{s.At, v})
		last = s
	}
	return points
}

// goodput is what the origin sent, and what edges gained by it.
func (r *Result) goodput() (figure, bool) {
	if len(r.Samples) < 2 {
		return figure{}, false
	}
	l := r.chart("rate", rateUnits, 240)
	f := figure{Title: "Goodput", Caption: "What the origin sent, headers included, and the bytes of content that an edge gained, on the average of all."}
	sent := line{name: "sent by the origin", class: "s1", points: r.rate(rateBins, func(s *Sample) float64 { return 8 * float64(s.WireBytes) })}
	gained := line{name: "gained by an edge", class: "s0", points: r.rate(wideBins, func(s *Sample) float64 {
		var sum float64
		for _, e := range s.Edges {
			sum += float64(e.Bytes)
		}
		return 8 * sum / float64(max(len(s.Edges), 1))
	})}
	l.lines = []line{sent, gained}
	f.Legend = []legend{{"s1", sent.name}, {"s0", gained.name}}
	if r.Rate > 0 && l.most() > float64(r.Rate)/20 {
		l.lines = append([]line{{name: "the origin's limit", class: "goal", points: []point{{0, float64(r.Rate)}, {l.seconds, float64(r.Rate)}}}}, l.lines...)
		f.Legend = append(f.Legend, legend{"goal", "the origin's limit"})
	}
	f.SVG = l.svg("").finish(f.Title)
	return f, true
}

// repairs is which symbols the origin sent.
func (r *Result) repairs() (figure, bool) {
	if len(r.Samples) < 2 {
		return figure{}, false
	}
	l := r.chart("symbols per second", pureUnits, 220)
	o := r.Origin
	f := figure{Title: "Repairs", Caption: fmt.Sprintf("Source symbols of the first pass, and repair symbols. In all %s and %s.",
		number(float64(o.SourceSymbolsSent)), number(float64(o.RepairSymbolsSent)))}
	source := line{name: "source symbols", class: "s5", points: r.rate(rateBins, func(s *Sample) float64 { return float64(s.SourceSymbols) })}
	repair := line{name: "repair symbols", class: "s1", points: r.rate(rateBins, func(s *Sample) float64 { return float64(s.RepairSymbols) })}
	l.lines = []line{source, repair}
	f.Legend = []legend{{"s5", source.name}, {"s1", repair.name}}
	f.SVG = l.svg("").finish(f.Title)
	return f, true
}

// nacks is how many NACKs the origin received.
func (r *Result) nacks() (figure, bool) {
	if len(r.Samples) < 2 {
		return figure{}, false
	}
	l := r.chart("per second", pureUnits, 170)
	l.least = 1
	f := figure{Title: "NACKs", Caption: fmt.Sprintf("Datagrams in which edges asked for repair, as the origin received them. In all %s.", number(float64(r.Origin.NACKsReceived)))}
	l.lines = []line{{name: "NACKs received", class: "s3", points: r.rate(rateBins, func(s *Sample) float64 { return float64(s.NACKs) })}}
	f.Legend = []legend{{"s3", "NACKs received by the origin"}}
	f.SVG = l.svg("").finish(f.Title)
	return f, true
}

// lossOverTime is how many packets edges missed.
func (r *Result) lossOverTime() (figure, bool) {
	n := len(r.Samples)
	if n < 2 || len(r.Edges) == 0 {
		return figure{}, false
	}
	var any uint64
	for _, e := range r.Samples[n-1].Edges {
		any += e.Lost
	}
	if any == 0 {
		return figure{}, false
	}
	l := r.chart("packets lost per second", pureUnits, 220)
	f := figure{Title: "Loss over time", Caption: "Packets that edges missed, by the gaps in the sequence that they saw."}
	lost := func(edge int) func(*Sample) float64 {
		return func(s *Sample) float64 {
			if edge >= len(s.Edges) {
				return 0
			}
			return float64(s.Edges[edge].Lost)
		}
	}
	if len(r.Edges) > lineEdges {
		mean := func(s *Sample) float64 {
			var sum float64
			for _, e := range s.Edges {
				sum += float64(e.Lost)
			}
			return sum / float64(max(len(s.Edges), 1))
		}
		l.lines = []line{{name: "an edge on average", class: "s0", points: r.rate(rateBins, mean)}}
		f.Legend = []legend{{"s0", "an edge, on average"}}
	} else {
		for i, e := range r.Edges {
			l.lines = append(l.lines, line{name: e.Name, class: edgeClass(i), points: r.rate(wideBins, lost(i))})
			f.Legend = append(f.Legend, legend{edgeClass(i), e.Name})
		}
	}
	f.SVG = l.svg("").finish(f.Title)
	return f, true
}
