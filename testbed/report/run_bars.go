package report

import (
	"fmt"
	"math"
	"slices"
)

const (
	// mostRows is how many edges a plot or a table names, the worst first.
	mostRows  = 24
	rowHeight = 22.0
	topMargin = 26.0
)

// lossMade is which share of the packets each link really lost.
func (r *Result) lossMade() (figure, bool) {
	type row struct {
		name, told string
		down, up   Link
	}
	var rows []row
	var most float64
	for _, e := range r.Edges {
		down := e.Down
		if !down.Counted {
			down = Link{Faults: down.Faults, Sent: e.PacketsReceived + e.PacketsLost, Lost: e.PacketsLost}
		}
		most = max(most, down.Loss(), e.Up.Loss())
		rows = append(rows, row{e.Name, e.Down.Faults, down, e.Up})
	}
	if len(rows) == 0 || most == 0 {
		return figure{}, false
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return int(math.Copysign(1, b.down.Loss()-a.down.Loss())) * boolInt(len(rows) > mostRows)
	})
	f := figure{Title: "Loss that was really made", Legend: []legend{{"area s1", "on the way to the edge"}}}
	f.Caption = "Share of the packets, as the links count them themselves; where they do not, as the edge saw it."
	if len(rows) > mostRows {
		f.Caption += fmt.Sprintf(" The %d worst of %d edges.", mostRows, len(rows))
		rows = rows[:mostRows]
	}
	bars := &barChart{label: "lost", units: shareUnits}
	for _, row := range rows {
		bars.row(row.name, "", []bar{{class: "s1", value: row.down.Loss(), title: row.told,
			text: fmt.Sprintf("(%s of %s)", number(float64(row.down.Lost)), number(float64(row.down.Sent)))}})
		if row.up.Counted && row.up.Sent > 0 {
			bars.add(bar{class: "s5", value: row.up.Loss(), title: row.up.Faults,
				text: fmt.Sprintf("(%s of %s)", number(float64(row.up.Lost)), number(float64(row.up.Sent)))})
		}
	}
	if bars.deep > 1 {
		f.Legend = append(f.Legend, legend{"area s5", "on the way back"})
	}
	f.SVG = bars.svg(f.Title)
	return f, true
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// publications is when each publication was served by each edge.
func (r *Result) publications() (figure, bool) {
	var rows []stripRow
	for _, p := range r.Publications {
		row := stripRow{name: p.Name}
		for i, s := range p.Edges {
			if s < 0 || i >= len(r.Edges) {
				continue
			}
			row.dots = append(row.dots, dot{value: s, class: dotClass(i, len(r.Edges)), title: r.Edges[i].Name + " after " + quantity(s, timeUnits)})
		}
		row.note = fmt.Sprintf("%d/%d edges", p.Served, p.Expected)
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return figure{}, false
	}
	f := figure{Title: "Publications: when each edge served them", Caption: "Seconds from the call to the origin until the edge served all of it; a dot is an edge."}
	if len(rows) > mostRows {
		f.Caption += fmt.Sprintf(" The first %d of %d publications.", mostRows, len(rows))
		rows = rows[:mostRows]
	}
	if len(r.Edges) <= lineEdges {
		for i, e := range r.Edges {
			f.Legend = append(f.Legend, legend{"spot " + edgeClass(i), e.Name})
		}
	}
	f.SVG = strip(rows, f.Title)
	return f, true
}

func dotClass(i, edges int) string {
	if edges > lineEdges {
		return "s0"
	}
	return edgeClass(i)
}

// purgeLatency is the distribution of the purges' latencies.
func (r *Result) purgeLatency() (figure, bool) {
	var values []float64
	never := 0
	for _, p := range r.Purges {
		for _, s := range p.Edges {
			if s < 0 {
				never++
				continue
			}
			values = append(values, s)
		}
	}
	if len(values) == 0 {
		return figure{}, false
	}
	slices.Sort(values)
	f := figure{Title: "Purge latency", Legend: []legend{{"s0", "share of purges in force"}, {"goal", "p50, p99"}}}
	f.Caption = fmt.Sprintf("From the call to the origin until an edge answered 404: %d purges, %d answers.", len(r.Purges), len(values))
	if r.Bed == Simulation {
		f.Caption = fmt.Sprintf("From the call to the origin until the entry was at an edge: %d purges, %d arrivals.", len(r.Purges), len(values))
	}
	if never > 0 {
		f.Caption += fmt.Sprintf(" %d times an edge was not there, or never did.", never)
	}
	f.SVG = distribution(values, f.Title)
	return f, true
}
