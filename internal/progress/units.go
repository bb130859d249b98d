package progress

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes writes a number of bytes for people: 1.5 MB. Units are powers of ten.
func Bytes[N ~int | ~int64 | ~uint64 | ~float64](n N) string {
	value, units := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB"}
	unit := 0
	for value >= 999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%.0f B", value)
	}
	return fmt.Sprintf("%.3g %s", value, units[unit])
}

// byteUnits are what ParseBytes knows, in capitals, the suffixes of others last.
var byteUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// ParseBytes reads a number of bytes as people write it, with a unit or without: 1.5 kB, 64MiB,
// 1000000. The number may be negative, or more than any integer; ok is false if there is none.
func ParseBytes(text string) (n float64, ok bool) {
	upper := strings.ToUpper(strings.TrimSpace(text))
	for _, unit := range byteUnits {
		if number, has := strings.CutSuffix(upper, unit.suffix); has {
			value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return value * unit.bytes, err == nil && !math.IsNaN(value)
		}
	}
	return 0, false
}

// ParseShare reads a share as people write it: 5% or 0.05. It may be any number; ok is false if
// there is none.
func ParseShare(text string) (share float64, ok bool) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	return share, err == nil
}

// Rate writes bytes in a duration as bits per second for people: 184 Mb/s.
func Rate[N ~int | ~int64 | ~uint64](bytes N, d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	value, units := 8*float64(bytes)/d.Seconds(), []string{"b/s", "kb/s", "Mb/s", "Gb/s"}
	unit := 0
	for value >= 999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.3g %s", value, units[unit])
}

// Took writes a duration for people with three digits: 12.3 ms, 4.56 s.
func Took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d.Microseconds())/1e3)
	case d < 2*time.Minute:
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
