package report

import (
	"fmt"
	"html"
	"html/template"
	"strconv"
	"strings"
)

// figure is one plot of a page with what belongs to it.
type figure struct {
	Title   string
	Caption string
	Legend  []legend
	SVG     template.HTML
}

// legend is one entry of a figure's legend. Class says how it looks, in page.css.
type legend struct {
	Class string
	Name  string
}

// canvas collects the elements of an SVG. All text that goes in is escaped.
type canvas struct {
	b             strings.Builder
	width, height float64
}

// pixel writes a coordinate with one decimal.
func pixel(v float64) string { return strconv.FormatFloat(roundPixel(v), 'f', -1, 64) }

func roundPixel(v float64) float64 { return float64(int64(v*10+0.5)) / 10 }

// draw writes an element with, if title is not empty, a title that shows when it is pointed at.
// Names and values of attributes alternate; numbers are pixels.
func (c *canvas) draw(element, title string, attributes ...any) {
	fmt.Fprintf(&c.b, "<%s", element)
	c.attributes(attributes)
	if title == "" {
		c.b.WriteString("/>")
		return
	}
	fmt.Fprintf(&c.b, "><title>%s</title></%s>", html.EscapeString(title), element)
}

// text writes a text at a place.
func (c *canvas) text(x, y float64, class, text string) {
	fmt.Fprintf(&c.b, `<text x="%s" y="%s" class="%s">%s</text>`, pixel(x), pixel(y), class, html.EscapeString(text))
}

func (c *canvas) attributes(attributes []any) {
	for i := 0; i+1 < len(attributes); i += 2 {
		value := fmt.Sprint(attributes[i+1])
		if v, ok := attributes[i+1].(float64); ok {
			value = pixel(v)
		}
		fmt.Fprintf(&c.b, ` %s="%s"`, attributes[i], html.EscapeString(value))
	}
}

// finish returns the whole as one element. label describes it to those who do not see it.
func (c *canvas) finish(label string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" aria-label="%s">%s</svg>`,
		pixel(c.width), pixel(c.height), html.EscapeString(label), c.b.String()))
}

// Sizes of a plot, in pixels, and how wide a character is about.
const (
	plotWidth  = 860.0
	plotLeft   = 58.0
	plotRight  = 16.0
	plotBottom = 34.0
	charWidth  = 6.6
)

// xAxis draws a horizontal axis along the lower edge, with lines up to top.
func (c *canvas) xAxis(a axis, top, bottom float64, label string, lines bool) {
	for _, t := range a.ticks() {
		if lines {
			c.draw("line", "", "class", "grid", "x1", t.at, "x2", t.at, "y1", top, "y2", bottom)
		} else {
			c.draw("line", "", "class", "axis", "x1", t.at, "x2", t.at, "y1", bottom, "y2", bottom+4)
		}
		c.text(t.at, bottom+16, "tick mid", t.text)
	}
	c.draw("line", "", "class", "axis", "x1", a.from, "x2", a.to, "y1", bottom, "y2", bottom)
	c.text(a.to, bottom+30, "label end", withUnit(label, a.unit))
}

// yAxis draws a vertical axis at the left, with lines across to right and its label above.
func (c *canvas) yAxis(a axis, left, right, labelAt float64, label string) {
	for _, t := range a.ticks() {
		c.draw("line", "", "class", "grid", "x1", left, "x2", right, "y1", t.at, "y2", t.at)
		c.text(left-7, t.at+4, "tick end", t.text)
	}
	c.text(4, labelAt, "label", withUnit(label, a.unit))
}

func withUnit(label string, u unit) string {
	if u.name == "" {
		return label
	}
	return label + ", " + u.name
}

// path is a line through points.
type path struct{ b strings.Builder }

func (p *path) to(x, y float64) {
	command := "L"
	if p.b.Len() == 0 {
		command = "M"
	}
	fmt.Fprintf(&p.b, "%s%s %s", command, pixel(x), pixel(y))
}

func (p *path) String() string { return p.b.String() }
