package report

import (
	"fmt"
	"html/template"
	"math"
)

// stripRow is a row of dots.
type stripRow struct {
	name, note string
	dots       []dot
}

type dot struct {
	value float64
	class string
	title string
}

// strip draws rows of dots over seconds. The axis is logarithmic if they are far apart.
func strip(rows []stripRow, description string) template.HTML {
	least, most := math.Inf(1), 0.0
	longest, note := 0.0, 0.0
	for _, row := range rows {
		longest = max(longest, float64(len([]rune(row.name)))*charWidth)
		note = max(note, float64(len([]rune(row.note)))*charWidth)
		for _, d := range row.dots {
			least, most = min(least, d.value), max(most, d.value)
		}
	}
	const pitch = 28.0
	left := min(max(longest+14, 56), plotWidth/3)
	right := plotWidth - note - 24
	bottom := 10 + pitch*float64(len(rows))
	c := &canvas{width: plotWidth, height: bottom + plotBottom}
	x := timeAxis(left, right, least, most)
	c.xAxis(x, 4, bottom, "time until served", true)
	for i, row := range rows {
		y := 8 + pitch*(float64(i)+0.5)
		c.text(left-8, y+4, "row end", row.name)
		c.draw("line", "", "class", "grid", "x1", left, "x2", right, "y1", y, "y2", y)
		for j, d := range row.dots {
			// Dots of one time would hide each other.
			shift := (float64(j%3) - 1) * 5
			c.draw("circle", d.title, "class", "dot "+d.class, "cx", x.at(d.value), "cy", y+shift, "r", 4.2)
		}
		c.text(right+12, y+4, "value", row.note)
	}
	c.draw("line", "", "class", "axis", "x1", left, "x2", left, "y1", 4.0, "y2", bottom)
	return c.finish(description)
}

// timeAxis is linear from 0, or logarithmic if the values are far apart.
func timeAxis(from, to, least, most float64) axis {
	if least > 0 && most/least > 40 && !math.IsInf(least, 1) {
		return logAxis(from, to, least, most, timeUnits)
	}
	return linearAxis(from, to, most*1.02, timeUnits, false)
}

// distribution draws which share of sorted values is at most so large.
func distribution(values []float64, description string) template.HTML {
	const height = 260.0
	c := &canvas{width: plotWidth, height: height}
	top, bottom, left, right := 24.0, height-plotBottom, plotLeft, plotWidth-plotRight-60
	x := timeAxis(left, right, values[0], values[len(values)-1])
	y := linearAxis(bottom, top, 1, shareUnits, true)
	c.yAxis(y, left, right, 12, "in force")
	c.xAxis(x, top, bottom, "time since the call", true)
	var p path
	p.to(x.at(values[0]), y.at(0))
	for i, v := range values {
		p.to(x.at(v), y.at(float64(i)/float64(len(values))))
		p.to(x.at(v), y.at(float64(i+1)/float64(len(values))))
	}
	p.to(right, y.at(1))
	c.draw("path", fmt.Sprintf("%d values", len(values)), "class", "line s0", "d", p.String())
	for i, q := range []float64{0.5, 0.99} {
		v := percentile(values, q)
		at := x.at(v)
		c.draw("line", "", "class", "line goal", "x1", at, "x2", at, "y1", top, "y2", bottom)
		c.draw("circle", "", "class", "dot s0", "cx", at, "cy", y.at(q), "r", 3.5)
		class, dx := "value", 7.0
		if at > right-110 {
			class, dx = "value end", -7
		}
		c.text(at+dx, bottom-10-18*float64(i), class, fmt.Sprintf("p%g: %s", 100*q, quantity(v, timeUnits)))
	}
	return c.finish(description)
}

// percentile is the least value that a share q of the sorted values does not exceed.
func percentile(sorted []float64, q float64) float64 {
	return sorted[min(max(int(math.Ceil(q*float64(len(sorted))))-1, 0), len(sorted)-1)]
}
