package session

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is a part of a whole, from 0 to 1. Its text form is in per cent: "20%"; "0.2" is read as
// well.
type Share float64

// String returns the text form.
func (s Share) String() string { return strconv.FormatFloat(100*float64(s), 'g', 6, 64) + "%" }

// MarshalText returns the form of String.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String returns, or a plain number.
func (s *Share) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		value /= 100
	}
	if err != nil || !(value >= 0 && value <= 1) {
		return fmt.Errorf("session: share %q is not between 0%% and 100%%", text)
	}
	*s = Share(value)
	return nil
}
