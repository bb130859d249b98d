package session

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a transmission rate in bits per second. Its text form is that of tc(8):
// "200mbit", "1.5gbit", "64kbit", with decimal prefixes.
type Rate uint64

// MaxRate is the largest rate that is accepted, in bits per second.
const MaxRate Rate = 400_000_000_000

var rateUnits = []struct {
	suffix string
	bits   float64
}{
	{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1},
	{"g", 1e9}, {"m", 1e6}, {"k", 1e3}, {"", 1},
}

// ParseRate reads a rate such as "200mbit", "1gbit/s", "1.5g" or, in plain bits per
// second, "200000000". The case of letters does not matter.
func ParseRate(s string) (Rate, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	text = strings.TrimSuffix(text, "/s")
	if number, ok := strings.CutSuffix(text, "bps"); ok {
		text = number + "bit"
	}
	for _, unit := range rateUnits {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil {
			break
		}
		rate := value * unit.bits
		if !(rate >= 8000) || rate > float64(MaxRate) {
			return 0, fmt.Errorf("session: rate %q is not between 8kbit and 400gbit", s)
		}
		return Rate(rate + 0.5), nil
	}
	return 0, fmt.Errorf("session: rate %q is not a number with kbit, mbit or gbit, as in 200mbit", s)
}

// String returns the shortest exact form that ParseRate reads.
func (r Rate) String() string {
	for _, unit := range rateUnits[:3] {
		if size := Rate(unit.bits); r >= size && r%(size/1000) == 0 {
			return strconv.FormatFloat(float64(r)/unit.bits, 'f', -1, 64) + unit.suffix
		}
	}
	return strconv.FormatUint(uint64(r), 10) + "bit"
}

// MarshalText returns the form of String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRate reads.
func (r *Rate) UnmarshalText(text []byte) error {
	rate, err := ParseRate(string(text))
	if err != nil {
		return err
	}
	*r = rate
	return nil
}
