//go:build !client

package main

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fanfare/internal/progress"
)

// logging is how a daemon writes its log.
type logging struct {
	json  bool
	level string
}

func (l *logging) addTo(c *cobra.Command) {
	c.Flags().BoolVar(&l.json, "log-json", false, "write the log as JSON")
	c.Flags().StringVar(&l.level, "log-level", "info", "debug, info, warn or error")
}

// logger returns a logger on standard error.
func (l *logging) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, usagef("--log-level %q is not debug, info, warn or error", l.level)
	}
	options := &slog.HandlerOptions{Level: level}
	if l.json {
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
}

// share is a flag's value between 0 and 1, which people may write in per cent.
type share float64

func (s *share) String() string { return fmt.Sprintf("%g%%", 100*float64(*s)) }
func (s *share) Type() string   { return "share" }

// Set reads 5% or 0.05.
func (s *share) Set(text string) error {
	value, ok := progress.ParseShare(text)
	if !ok || !(value >= 0 && value <= 1) {
		return fmt.Errorf("%q is not a share such as 5%% or 0.05", text)
	}
	*s = share(value)
	return nil
}

// parseLosses reads a list of losses such as 1%,5%. A number without the sign is per cent as well.
func parseLosses(texts []string, most float64) ([]float64, error) {
	losses := make([]float64, len(texts))
	for i, text := range texts {
		loss, ok := progress.ParseShare(strings.TrimSuffix(strings.TrimSpace(text), "%") + "%")
		if !ok || !(loss >= 0 && loss <= most) {
			return nil, fmt.Errorf("--loss %q is not a list of per cents up to %g%%, such as 1%%,5%%", text, 100*most)
		}
		losses[i] = loss
	}
	return losses, nil
}

// lossesUsage is what --help says of such a list.
const lossesUsage = "`share` of the packets lost on the way to each edge, as in 1%,5%; a plain number is per cent too"

// bytesValue is a flag's value in bytes, which people write with a unit.
type bytesValue int64

func (b *bytesValue) Type() string { return "size" }

func (b *bytesValue) String() string {
	if *b != 0 && *b%(1<<20) == 0 {
		return strconv.FormatInt(int64(*b)>>20, 10) + "MiB"
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Set reads a number of bytes with a unit: 200GB, 64MiB, 1000000.
func (b *bytesValue) Set(text string) error {
	value, ok := progress.ParseBytes(text)
	if !ok || !(value >= 0 && value <= 1<<60) {
		return fmt.Errorf("%q is not a size such as 200GB or 64MiB", text)
	}
	*b = bytesValue(value)
	return nil
}
