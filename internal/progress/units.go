package progress

import (
	"fmt"
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
