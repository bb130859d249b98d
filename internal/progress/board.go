// Package progress shows how far long work has come: live bars on a terminal, and
// elsewhere a plain line now and then, so that a log stays readable.
package progress

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	barWidth     = 28
	liveInterval = 80 * time.Millisecond
	lineInterval = 2 * time.Second
)

// Board is a few rows of progress, drawn in the order in which they were first set. It is
// owned by one goroutine.
type Board struct {
	w    io.Writer
	live bool
	// width and height are the terminal's, in characters and lines.
	width, height int
	rows          []row
	drawn         int       // lines on the screen that the next drawing replaces
	last          time.Time // when it was last drawn
}

type row struct {
	label       string
	done, total int64
	note        string
}

// New returns a board on f: with live bars if f is a terminal, else with plain lines.
func New(f *os.File) *Board {
	b := &Board{w: f, live: term.IsTerminal(int(f.Fd()))}
	if b.live {
		b.width, b.height, _ = term.GetSize(int(f.Fd()))
		b.width, b.height = max(b.width, 60), max(b.height, 10)
	}
	return b
}

// Set says that done of total units of a row are done; note is shown behind its bar. The
// screen follows at most some ten times a second.
func (b *Board) Set(label string, done, total int64, note string) {
	next := row{label: label, done: done, total: total, note: note}
	if i := b.find(label); i >= 0 {
		b.rows[i] = next
	} else {
		b.rows = append(b.rows, next)
	}
	interval := lineInterval
	if b.live {
		interval = liveInterval
	}
	if time.Since(b.last) >= interval {
		b.draw()
	}
}

// Close draws the last state and leaves it standing. The board can be used anew.
func (b *Board) Close() {
	if len(b.rows) > 0 {
		b.draw()
	}
	b.rows, b.drawn, b.last = nil, 0, time.Time{}
}

func (b *Board) find(label string) int {
	for i := range b.rows {
		if b.rows[i].label == label {
			return i
		}
	}
	return -1
}

func (b *Board) draw() {
	b.last = time.Now()
	var out strings.Builder
	if !b.live {
		out.WriteString(" ")
		for _, r := range b.rows {
			fmt.Fprintf(&out, " %s %d%%", r.label, r.percent())
		}
		fmt.Fprintln(b.w, out.String())
		return
	}
	if b.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", b.drawn)
	}
	rows, hidden := b.visible()
	labels := 0
	for _, r := range rows {
		labels = max(labels, utf8.RuneCountInString(r.label))
	}
	for _, r := range rows {
		line := fmt.Sprintf("  %-*s %s %3d%%  %s", labels, r.label, r.bar(), r.percent(), r.note)
		if runes := []rune(line); len(runes) > b.width-1 {
			line = string(runes[:b.width-1])
		}
		fmt.Fprintf(&out, "\r\x1b[K%s\n", line)
	}
	b.drawn = len(rows)
	if hidden > 0 {
		fmt.Fprintf(&out, "\r\x1b[K  and %d more, further than these\n", hidden)
		b.drawn++
	}
	io.WriteString(b.w, out.String())
}

// visible returns the rows that the terminal has room for, and how many it has not: a drawing
// that is higher than the terminal could not be drawn over. Then the rows least done are shown.
func (b *Board) visible() (rows []row, hidden int) {
	room := b.height - 2 // one for the line about the others, one for the cursor
	if len(b.rows) <= room+1 {
		return b.rows, 0
	}
	rows = slices.Clone(b.rows)
	slices.SortStableFunc(rows, func(x, y row) int { return cmp.Compare(x.fraction(), y.fraction()) })
	return rows[:room], len(rows) - room
}

// fraction is how much is done, from 0 to 1. Work of no size is done.
func (r row) fraction() float64 {
	if r.total <= 0 {
		return 1
	}
	return min(1, max(0, float64(r.done)/float64(r.total)))
}

func (r row) percent() int { return int(100 * r.fraction()) }

func (r row) bar() string {
	full := int(r.fraction() * barWidth)
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}
