package report

import (
	"fmt"
	"html/template"
)

// bar is one bar of a bar chart.
type bar struct {
	class string
	value float64
	shown string // the value as it is written, by default in the unit of the axis
	text  string // after the value
	title string // shown when it is pointed at
	// least and most are the ends of a whisker, none if they are equal.
	least, most float64
	failed      string // if not empty, there is no bar but this
}

// barChart is horizontal bars, one or more to a row.
type barChart struct {
	label string
	units []unit
	rows  []barRow
	deep  int // bars in the row with the most
	// clip cuts bars that are longer, so that the others can be seen; 0 cuts none.
	clip  float64
	width float64 // 0: that of a plot
	most  float64 // the axis reaches at least so far
}

type barRow struct {
	name, class string
	bars        []bar
}

func (b *barChart) row(name, class string, bars []bar) {
	b.rows = append(b.rows, barRow{name, class, bars})
	b.deep = max(b.deep, len(bars))
}

// add adds a bar to the last row.
func (b *barChart) add(one bar) {
	row := &b.rows[len(b.rows)-1]
	row.bars = append(row.bars, one)
	b.deep = max(b.deep, len(row.bars))
}

func (b *barChart) svg(description string) template.HTML {
	if b.width == 0 {
		b.width = plotWidth
	}
	var longest, room float64 // of the names, and of what is written after the bars
	most := b.most
	for _, row := range b.rows {
		longest = max(longest, float64(len([]rune(row.name)))*charWidth)
		for _, one := range row.bars {
			most = max(most, one.value, one.most)
			room = max(room, float64(len([]rune(one.label(b.units))))*charWidth+14)
		}
	}
	if b.clip > 0 {
		most = min(most, b.clip)
	}
	left := min(max(longest+14, 56), b.width/3)
	high := rowHeight * float64(b.deep)
	pitch := high + 8
	if b.deep == 1 {
		pitch = high + 6
	}
	bottom := 10 + pitch*float64(len(b.rows))
	c := &canvas{width: b.width, height: bottom + plotBottom}
	x := linearAxis(left, b.width-max(room, 40), most, b.units, false)
	c.xAxis(x, 4, bottom, b.label, true)
	for i, row := range b.rows {
		top := 8 + pitch*float64(i)
		c.text(left-8, top+high/2+4, "row end "+row.class, row.name)
		for j, one := range row.bars {
			c.bar(one, x, top+rowHeight*float64(j), row.name)
		}
	}
	c.draw("line", "", "class", "axis", "x1", left, "x2", left, "y1", 4.0, "y2", bottom)
	return c.finish(description)
}

// bar draws one bar with its whisker and its text.
func (c *canvas) bar(b bar, x axis, top float64, name string) {
	if b.failed != "" {
		c.text(x.from+8, top+rowHeight/2+4, "value bad", b.failed)
		return
	}
	title := fmt.Sprintf("%s: %s", name, x.text(b.value))
	if b.most > b.least {
		title += fmt.Sprintf(" (%s to %s)", x.text(b.least), x.text(b.most))
	}
	if b.title != "" {
		title += ", " + b.title
	}
	end, middle := x.at(b.value), top+rowHeight/2
	c.draw("rect", title, "class", "bar "+b.class, "x", x.from, "y", top+3, "width", max(end-x.from, 1.0), "height", rowHeight-6)
	after := end
	clipped := b.value > x.most*1.0001
	if clipped { // two slanted gaps say that it goes on
		for _, back := range []float64{14, 22} {
			at := end - back
			c.draw("path", "", "class", "cut", "d", fmt.Sprintf("M%s %sL%s %s", pixel(at+4), pixel(top+1), pixel(at-4), pixel(top+rowHeight-1)))
		}
	} else if b.most > b.least {
		from, to := x.at(b.least), x.at(b.most)
		after = to
		c.draw("path", title, "class", "whisker", "d", fmt.Sprintf("M%s %sH%sM%s %sV%sM%s %sV%s",
			pixel(from), pixel(middle), pixel(to), pixel(from), pixel(middle-4), pixel(middle+4), pixel(to), pixel(middle-4), pixel(middle+4)))
	}
	c.text(after+7, middle+4, "value", b.label([]unit{x.unit}))
}

// label is what is written after a bar.
func (b *bar) label(units []unit) string {
	text := b.shown
	if text == "" {
		text = quantity(b.value, units)
	}
	if b.text != "" {
		text += " " + b.text
	}
	return text
}
