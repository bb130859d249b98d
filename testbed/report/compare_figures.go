package report

import (
	"fmt"
	"strings"
)

// section is one work of a comparison's page.
type section struct {
	Work    Work
	Losses  []lossSection
	Figures []figure // over all losses
}

// lossSection is one work at one loss.
type lossSection struct {
	Loss     string
	Verdicts []string
	Figure   figure
	Header   []string
	Rows     []tableRow
	Failures []string
}

type tableRow struct {
	Own   bool
	Cells []string
}

// sections are what a comparison's page shows, work by work.
func (c *Comparison) sections() (sections []section) {
	for _, work := range c.Works {
		s := section{Work: work}
		most, clip := c.scale(work)
		for _, loss := range c.Losses {
			s.Losses = append(s.Losses, c.lossSection(work, loss, most, clip))
		}
		s.Figures = append(s.Figures, c.costs(work, "Sent for each byte of the files", "bytes that left the origin, headers included; shorter is better", wirePerFile))
		if !work.Latency {
			s.Figures = append(s.Figures,
				c.costs(work, "Processor time at the origin", "seconds for each GB of the files; shorter is better", originCPU),
				c.costs(work, "Processor time at an edge", "seconds for each GB, on the average of the edges; shorter is better", edgeCPU))
		}
		sections = append(sections, s)
	}
	return sections
}

// main is the quantity that a work is about.
func mainQuantity(work Work) (of func(Transfer) float64, label string, units []unit, better string) {
	if work.Name == "big" {
		return func(t Transfer) float64 { return goodput(t, work) }, "goodput", []unit{{1, "Mb/s"}}, "longer is better"
	}
	return Seconds, "time until every edge had everything", timeUnits, "shorter is better"
}

// clipTimes is how much longer than our own a bar may be before it is cut.
const clipTimes = 8

// scale is how far the axis of a work reaches at every loss, and where bars are cut.
func (c *Comparison) scale(work Work) (most, clip float64) {
	of, _, _, _ := mainQuantity(work)
	own := 0.0
	for i := range c.Cells {
		if cell := &c.Cells[i]; cell.Work == work.Name {
			s, n := cell.Of(of)
			if n > 0 && c.own(cell.System) {
				own = max(own, s.Max)
			}
			most = max(most, s.Max)
		}
	}
	if own > 0 && most > clipTimes*own {
		return clipTimes * own, clipTimes * own
	}
	return most, 0
}

func (c *Comparison) own(system string) bool {
	for _, s := range c.Systems {
		if s.Name == system {
			return s.Own
		}
	}
	return false
}

// class is how a system's bars look.
func (c *Comparison) class(s System) string {
	switch {
	case s.Own:
		return "own"
	case s.Multicast:
		return "peer"
	}
	return "unicast"
}

func (c *Comparison) lossSection(work Work, loss, most, clip float64) lossSection {
	of, label, units, better := mainQuantity(work)
	s := lossSection{Loss: lossText(loss), Verdicts: c.Verdicts(work, loss)}
	s.Header = tableHeader(work)
	bars := &barChart{label: label, units: units, most: most, clip: clip}
	cut := false
	for _, system := range c.Systems {
		cell := c.Cell(work.Name, loss, system.Name)
		if cell == nil {
			continue
		}
		s.Rows = append(s.Rows, tableRow{system.Own, cellRow(cell, work)})
		class, rowClass := c.class(system), ""
		if system.Own {
			rowClass = "strong"
		}
		spread, n := cell.Of(of)
		one := bar{class: class, value: spread.Median, least: spread.Min, most: spread.Max}
		if label != "goodput" {
			one.shown = duration(spread.Median)
		}
		switch {
		case n == 0:
			one.failed = fmt.Sprintf("failed %d of %d times", len(cell.Runs), len(cell.Runs))
		case n < len(cell.Runs):
			one.text = fmt.Sprintf("(failed %d of %d times)", len(cell.Runs)-n, len(cell.Runs))
		}
		cut = cut || clip > 0 && one.value > clip
		bars.row(system.Name, rowClass, []bar{one})
		for _, reason := range c.failures(work.Name, loss, system.Name) {
			s.Failures = append(s.Failures, system.Name+": "+reason)
		}
	}
	s.Figure = figure{Title: s.Loss, Caption: capital(label) + ": " + better + "."}
	if cut {
		s.Figure.Caption += " A cut bar goes on: its number counts."
	}
	s.Figure.SVG = bars.svg(work.Name + ", " + s.Loss + ": " + label)
	return s
}

// costs is one quantity of all systems at every loss.
func (c *Comparison) costs(work Work, title, caption string, of func(Transfer, Work) float64) figure {
	f := figure{Title: title, Caption: capital(caption) + "."}
	bars := &barChart{label: "", units: pureUnits, width: 320}
	own := 0.0
	for _, system := range c.Systems {
		var row []bar
		for i, loss := range c.Losses {
			cell := c.Cell(work.Name, loss, system.Name)
			if cell == nil {
				continue
			}
			spread, n := cell.Of(func(t Transfer) float64 { return of(t, work) })
			one := bar{class: lossClass(i), value: spread.Median, least: spread.Min, most: spread.Max, title: lossText(loss)}
			if n == 0 {
				one.failed = "failed"
			}
			if system.Own {
				own = max(own, spread.Max)
			}
			row = append(row, one)
		}
		if row != nil {
			class := ""
			if system.Own {
				class = "strong"
			}
			bars.row(system.Name, class, row)
		}
	}
	if own > 0 {
		bars.clip = clipTimes * own
	}
	for i, loss := range c.Losses {
		f.Legend = append(f.Legend, legend{"area " + lossClass(i), lossText(loss)})
	}
	f.SVG = bars.svg(work.Name + ": " + title)
	return f
}

func lossClass(i int) string { return []string{"s5", "s0", "s1", "s3", "s2", "s4"}[i%6] }

func lossText(loss float64) string { return fmt.Sprintf("%s %% loss", number(100*loss)) }

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
