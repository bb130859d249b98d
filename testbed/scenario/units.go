package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fanfare/internal/progress"
)

// Share is a number between 0 and 1, written "5%" or "0.05".
type Share float64

// String writes per cent.
func (s Share) String() string { return strconv.FormatFloat(100*float64(s), 'g', 4, 64) + "%" }

// MarshalText returns the form of String.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "5%" or "0.05".
func (s *Share) UnmarshalText(text []byte) error {
	value, ok := progress.ParseShare(string(text))
	inPercent := bytes.ContainsRune(text, '%')
	switch {
	case !ok:
		return fmt.Errorf("%q is not a share, as in 5%% or 0.05", text)
	case !(value >= 0 && value <= 1) && !inPercent && value <= 100:
		return fmt.Errorf("%s is not between 0 and 1: did you mean %s%%?", text, text)
	case !(value >= 0 && value <= 1):
		return fmt.Errorf("%s is not between 0%% and 100%%", text)
	}
	*s = Share(value)
	return nil
}

// Duration is a length of time, written "200ms", "1.5s" or "2m".
type Duration time.Duration

// String is time.Duration's.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText returns the form of String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads; it must not be negative.
func (d *Duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(strings.ReplaceAll(strings.TrimSpace(string(text)), " ", ""))
	if err != nil {
		if _, number := strconv.ParseFloat(string(text), 64); number == nil {
			return fmt.Errorf("%s has no unit: did you mean %sms or %ss?", text, text, text)
		}
		return fmt.Errorf("%q is not a duration, as in 200ms or 1.5s", text)
	}
	if value < 0 {
		return fmt.Errorf("%s is negative", text)
	}
	*d = Duration(value)
	return nil
}

// Offset is a length of time that may be negative, written "-1h" or "90s".
type Offset time.Duration

// String is time.Duration's, with a sign.
func (o Offset) String() string {
	if o < 0 {
		return time.Duration(o).String()
	}
	return "+" + time.Duration(o).String()
}

// MarshalText returns the form of String.
func (o Offset) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (o *Offset) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a length of time, as in -1h or 90s", text)
	}
	*o = Offset(value)
	return nil
}

// Size is a number of bytes, written "10MB" (10,000,000), "16MiB" or "1500".
type Size int64

// String returns the shortest exact form.
func (s Size) String() string {
	for _, unit := range []struct {
		suffix string
		bytes  Size
	}{{"GB", 1e9}, {"GiB", 1 << 30}, {"MB", 1e6}, {"MiB", 1 << 20}, {"KB", 1e3}, {"KiB", 1 << 10}} {
		if s != 0 && s%unit.bytes == 0 {
			return strconv.FormatInt(int64(s/unit.bytes), 10) + unit.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText returns the form of String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a number with a unit.
func (s *Size) UnmarshalText(text []byte) error {
	value, ok := progress.ParseBytes(string(text))
	switch {
	case !ok:
		return fmt.Errorf("%q is not a size, as in 10MB or 16KiB", text)
	case value < 0:
		return errors.New("a size cannot be negative")
	case value > 1<<40:
		return fmt.Errorf("%s is more than a test bed can hold", text)
	}
	*s = Size(value)
	return nil
}
