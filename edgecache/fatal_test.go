package edgecache

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// What the index dies of is one line, which says what to do: a damaged index is of no use to anybody.
func TestIndexFatal(t *testing.T) {
	for _, test := range []struct {
		arg    any
		remedy string
	}{
		{pebble.DataCorruptionInfo{Path: "000008.sst", Details: errors.New("block 7\n(1) stack trace")}, "empty the edge's directory"},
		{fmt.Errorf("reading: %w\n(1) stack trace", pebble.ErrCorruption), "empty the edge's directory"},
		{errors.New("input/output error\n(1) stack trace"), "start the edge again"},
	} {
		var log strings.Builder
		said := func() (said any) {
			defer func() { said = recover() }()
			indexLog{slog.New(slog.NewTextHandler(&log, nil))}.Fatalf("%s", test.arg)
			return nil
		}()
		for _, text := range []string{log.String(), fmt.Sprint(said)} {
			if !strings.Contains(text, "index failed") || !strings.Contains(text, test.remedy) || strings.Contains(text, "stack trace") {
				t.Errorf("%v: %s", test.arg, text)
			}
		}
	}
}
