package report

import (
	"math"
	"strconv"
)

// unit is what the numbers along an axis are divided by, and called.
type unit struct {
	size float64
	name string
}

// Units by quantity, in order of size.
var (
	byteUnits = []unit{{1, "B"}, {1e3, "kB"}, {1e6, "MB"}, {1e9, "GB"}, {1e12, "TB"}}
	rateUnits = []unit{{1, "b/s"}, {1e3, "kb/s"}, {1e6, "Mb/s"}, {1e9, "Gb/s"}}
	timeUnits = []unit{{1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}}
	pureUnits = []unit{{1, ""}}
	// shareUnits are for shares of 1.
	shareUnits = []unit{{0.01, "%"}}
)

// unitFor is the largest unit in which most is at least 1.
func unitFor(units []unit, most float64) unit {
	u := units[0]
	for _, next := range units[1:] {
		if most >= next.size*0.9995 {
			u = next
		}
	}
	return u
}

// axis maps values to a range of pixels.
type axis struct {
	from, to float64 // pixels
	least    float64
	most     float64
	log      bool
	unit     unit
	step     float64 // between ticks, of a linear axis
}

// linearAxis is an axis from 0 to most, or to the next tick above if it is round.
func linearAxis(from, to, most float64, units []unit, round bool) axis {
	if !(most > 0) || math.IsInf(most, 0) {
		most = 1
		if len(units) > 1 {
			most = units[len(units)/2].size
		}
	}
	a := axis{from: from, to: to, unit: unitFor(units, most)}
	length := math.Abs(to - from)
	if round {
		length *= 1.6 // a vertical one: lines of text may stand closer than numbers side by side
	}
	a.step = niceStep(most/a.unit.size, length) * a.unit.size
	a.most = most
	if round {
		a.most = a.step * math.Ceil(most/a.step-1e-9)
	}
	return a
}

// niceStep is 1, 2 or 5 times a power of ten, so that ticks do not crowd over length pixels.
func niceStep(most, length float64) float64 {
	ticks := max(2, length/70)
	raw := most / ticks
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*0.999 {
			return m * power
		}
	}
	return 10 * power
}

// logAxis is an axis over whole powers of ten around the values from least to most.
func logAxis(from, to, least, most float64, units []unit) axis {
	a := axis{from: from, to: to, log: true, unit: unitFor(units, least)}
	a.least = math.Pow(10, math.Floor(math.Log10(least)+1e-9))
	a.most = math.Pow(10, math.Ceil(math.Log10(most)-1e-9))
	if a.most <= a.least {
		a.most = 10 * a.least
	}
	return a
}

// at is where a value lies, in pixels; values beyond an end lie at it.
func (a axis) at(v float64) float64 {
	share := (v - a.least) / (a.most - a.least)
	if a.log {
		share = math.Log(max(v, a.least)/a.least) / math.Log(a.most/a.least)
	}
	return a.from + (a.to-a.from)*min(max(share, 0), 1)
}

// tick is a mark along an axis.
type tick struct {
	at   float64 // pixels
	text string
}

func (a axis) ticks() (ticks []tick) {
	if a.log {
		for v := a.least; v <= a.most*1.001; v *= 10 {
			u := a.unit
			ticks = append(ticks, tick{a.at(v), number(v / u.size)})
		}
		return ticks
	}
	for i := 0; ; i++ {
		v := float64(i) * a.step
		if v > a.most*1.0001 {
			return ticks
		}
		ticks = append(ticks, tick{a.at(v), number(v / a.unit.size)})
	}
}

// text says a value in the unit of the axis, with three digits.
func (a axis) text(v float64) string {
	s := number(roundTo(v/a.unit.size, 3))
	if a.unit.name != "" {
		s += " " + a.unit.name
	}
	return s
}

// quantity says a value in three digits, with the unit that suits it.
func quantity(v float64, units []unit) string {
	u := unitFor(units, math.Abs(v))
	s := number(roundTo(v/u.size, 3))
	if u.name == "%" || u.name == "" {
		return s + narrow(u.name)
	}
	return s + " " + u.name
}

func narrow(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}

// roundTo rounds to so many significant digits, but never away what stands before the point.
func roundTo(v float64, digits int) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	power := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(v))))
	power = max(power, 1)
	return math.Round(v*power) / power
}

// number writes a number without an exponent and with its thousands apart.
func number(v float64) string {
	s := strconv.FormatFloat(roundTo(v, 6), 'f', -1, 64)
	whole := len(s)
	for i := range s {
		if s[i] == '.' {
			whole = i
			break
		}
	}
	for i := whole - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
