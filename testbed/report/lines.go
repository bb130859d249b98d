package report

import "fmt"

// point is a value at a time, in seconds.
type point struct{ at, value float64 }

// line is one series of a line chart.
type line struct {
	name   string
	class  string // as in page.css
	points []point
	// broken says, point by point, that what comes after it is uncertain; nil: nothing is.
	broken []bool
	steps  bool // the value holds until the next point
}

// band is an area between two series with the same times.
type band struct {
	name, class string
	low, high   []point
}

// lineChart is values over time.
type lineChart struct {
	label   string // of the vertical axis
	units   []unit
	height  float64
	seconds float64 // how long the horizontal axis is
	lines   []line
	bands   []band
	// marks are vertical lines, numbered from 1.
	marks []mark
	least float64 // the vertical axis reaches at least so far
}

// mark is a moment that a chart shows as a vertical line.
type mark struct {
	at   float64
	name string
	text string // at the top: the number
}

func (l *lineChart) most() float64 {
	most := l.least
	for _, s := range l.lines {
		for _, p := range s.points {
			most = max(most, p.value)
		}
	}
	for _, b := range l.bands {
		for _, p := range b.high {
			most = max(most, p.value)
		}
	}
	return most
}

// svg draws the chart.
func (l *lineChart) svg(description string) (c *canvas) {
	c = &canvas{width: plotWidth, height: l.height}
	top, bottom := 24.0, l.height-plotBottom
	if len(l.marks) > 0 {
		top = 50
	}
	left, right := plotLeft, plotWidth-plotRight
	x := linearAxis(left, right, l.seconds, timeUnits, false)
	y := linearAxis(bottom, top, l.most(), l.units, true)
	c.yAxis(y, left, right, 12, l.label)
	c.xAxis(x, top, bottom, "time", false)
	c.marks(l.marks, x, top, bottom)
	for _, b := range l.bands {
		if len(b.low) == 0 {
			continue
		}
		var p path
		for _, v := range b.high {
			p.to(x.at(v.at), y.at(v.value))
		}
		for i := len(b.low) - 1; i >= 0; i-- {
			p.to(x.at(b.low[i].at), y.at(b.low[i].value))
		}
		c.draw("path", b.name, "class", "band "+b.class, "d", p.String()+"Z")
	}
	for _, s := range l.lines {
		c.line(s, x, y)
	}
	return c
}

// marks draws numbered vertical lines. A number that would cover another stands a little
// further right, or nowhere.
func (c *canvas) marks(marks []mark, x axis, top, bottom float64) {
	free := 0.0
	for _, m := range marks {
		at := x.at(m.at)
		c.draw("line", m.name, "class", "mark", "x1", at, "x2", at, "y1", top-8, "y2", bottom)
		flag := max(at, free)
		if m.text == "" || flag > at+40 {
			continue
		}
		free = flag + 19
		c.draw("circle", m.name, "class", "flag", "cx", flag, "cy", top-17, "r", 9.0)
		c.text(flag, top-13.5, "flagtext mid", m.text)
	}
}

// line draws one series, dotted where it is broken.
func (c *canvas) line(s line, x, y axis) {
	if len(s.points) == 0 {
		return
	}
	var whole, gaps path
	moved := true
	pen := func(p *path, a, b point) {
		p.b.WriteString("M" + pixel(x.at(a.at)) + " " + pixel(y.at(a.value)))
		p.to(x.at(b.at), y.at(b.value))
	}
	for i := 1; i < len(s.points); i++ {
		a, b := s.points[i-1], s.points[i]
		if s.broken != nil && s.broken[i-1] {
			pen(&gaps, a, b)
			moved = true
			continue
		}
		if moved {
			whole.b.WriteString("M" + pixel(x.at(a.at)) + " " + pixel(y.at(a.value)))
			moved = false
		}
		if s.steps {
			whole.to(x.at(b.at), y.at(a.value))
		}
		whole.to(x.at(b.at), y.at(b.value))
	}
	last := s.points[len(s.points)-1]
	title := fmt.Sprintf("%s: %s at %s", s.name, quantity(last.value, []unit{y.unit}), quantity(last.at, timeUnits))
	if gaps.b.Len() > 0 {
		c.draw("path", s.name+", down or cut off", "class", "line gap "+s.class, "d", gaps.String())
	}
	if whole.b.Len() > 0 {
		c.draw("path", title, "class", "line "+s.class, "d", whole.String())
	}
	if len(s.points) == 1 {
		c.draw("circle", title, "class", "dot "+s.class, "cx", x.at(last.at), "cy", y.at(last.value), "r", 3.0)
	}
}
