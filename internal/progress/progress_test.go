package progress

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		in   int64
		want string
	}{{0, "0 B"}, {999, "999 B"}, {1000, "1 kB"}, {1500, "1.5 kB"}, {999_600, "1 MB"}, {104_857_600, "105 MB"}} {
		if got := Bytes(c.in); got != c.want {
			t.Errorf("Bytes(%d) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestTookAndRate(t *testing.T) {
	if got := Took(12345 * time.Microsecond); got != "12.3 ms" {
		t.Errorf("Took = %q", got)
	}
	if got := Rate(25_000_000, time.Second); got != "200 Mb/s" {
		t.Errorf("Rate = %q", got)
	}
}

func TestBoardOnATerminalReplacesItsLines(t *testing.T) {
	var out strings.Builder
	b := &Board{w: &out, live: true, width: 80, height: 24}
	b.Set("edge-1", 0, 10, "")
	b.Set("edge-2", 5, 10, "half")
	b.Close()
	text := out.String()
	if !strings.Contains(text, "\x1b[1A") {
		t.Errorf("the second drawing does not go up over the first: %q", text)
	}
	if !strings.Contains(text, " 50%  half") {
		t.Errorf("no row of edge-2: %q", text)
	}
}

func TestBoardIsNoHigherThanTheTerminal(t *testing.T) {
	var out strings.Builder
	b := &Board{w: &out, live: true, width: 80, height: 10}
	for i := range int64(100) {
		b.rows = append(b.rows, row{label: fmt.Sprint("edge-", i), done: 100 - i, total: 100})
	}
	b.draw()
	text := out.String()
	if lines := strings.Count(text, "\n"); lines != 9 || b.drawn != lines {
		t.Errorf("%d lines, %d noted as drawn, on a terminal of 10", lines, b.drawn)
	}
	if !strings.Contains(text, "edge-99") || strings.Contains(text, "edge-0 ") || !strings.Contains(text, "and 92 more") {
		t.Errorf("not those least done: %q", text)
	}
}

func TestBoardElsewhereWritesPlainLines(t *testing.T) {
	var out strings.Builder
	b := &Board{w: &out}
	b.Set("edge-1", 1, 4, "")
	b.Set("edge-1", 4, 4, "")
	b.Close()
	if got, want := out.String(), "  edge-1 25%\n  edge-1 100%\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseBytesAndShare(t *testing.T) {
	for text, want := range map[string]float64{"1.5 kB": 1500, "64MiB": 64 << 20, " 2tb": 2e12, "7": 7, "-1B": -1} {
		if got, ok := ParseBytes(text); !ok || got != want {
			t.Errorf("%q is %v bytes, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "B", "ten", "nan", "5%"} {
		if got, ok := ParseBytes(text); ok {
			t.Errorf("%q is %v bytes", text, got)
		}
	}
	for text, want := range map[string]float64{"5%": 0.05, "0.05": 0.05, " 120 % ": 1.2} {
		if got, ok := ParseShare(text); !ok || got != want {
			t.Errorf("%q is a share of %v, %v; want %v", text, got, ok, want)
		}
	}
}
