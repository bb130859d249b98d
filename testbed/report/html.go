package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"sync"
	"time"
)

//go:embed page.css
var pageCSS string

//go:embed page.tmpl
var pageText string

// pages returns the templates "run" and "compare". They are parsed when they are first needed: it
// would cost every command half a millisecond.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"css":     func() template.CSS { return template.CSS(pageCSS) },
		"moment":  moment,
		"seconds": duration,
		"bytes":   func(n any) string { return quantity(toFloat(n), byteUnits) },
		"rate":    func(n any) string { return quantity(toFloat(n), rateUnits) },
		"percent": func(share float64) string { return quantity(share, shareUnits) },
		"number":  func(n any) string { return number(toFloat(n)) },
		"ratio":   func(v float64) string { return number(roundTo(v, 4)) },
		"date":    func(t time.Time) string { return t.Format("2 January 2006, 15:04") },
		"inc":     func(i int) int { return i + 1 },
		"capital": capital,
	}).Parse(pageText))
})

func toFloat(n any) float64 {
	switch n := n.(type) {
	case int:
		return float64(n)
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

// WriteHTML writes the run as one HTML page that needs no network.
func (r *Run) WriteHTML(w io.Writer) error {
	type scenario struct {
		*Result
		ID      string
		Figures []figure
		Rows    []edgeRow
		More    int // edges that have no row
	}
	page := struct {
		*Run
		Scenarios []scenario
	}{Run: r}
	for i := range r.Results {
		result := &r.Results[i]
		rows, more := result.edgeRows()
		page.Scenarios = append(page.Scenarios, scenario{result, fmt.Sprintf("scenario-%d", i+1), result.figures(), rows, more})
	}
	return pages().ExecuteTemplate(w, "run", page)
}

// WriteHTML writes the comparison as one HTML page that needs no network.
func (c *Comparison) WriteHTML(w io.Writer) error {
	type tile struct {
		Work, Loss string
		Best       Against
		Multicast  *Against // nil if that is the same one
		Slower     bool
	}
	page := struct {
		*Comparison
		Tiles    []tile
		Sections []section
	}{Comparison: c, Sections: c.sections()}
	for _, work := range c.Works {
		for _, loss := range c.Losses {
			if best, ok := c.BestPeer(work.Name, loss, false); ok {
				one := tile{Work: work.Name, Loss: lossText(loss), Best: best, Slower: best.Times < 1}
				if other, ok := c.BestPeer(work.Name, loss, true); ok && other.Peer != best.Peer {
					one.Multicast = &other
				}
				page.Tiles = append(page.Tiles, one)
			}
		}
	}
	return pages().ExecuteTemplate(w, "compare", page)
}
