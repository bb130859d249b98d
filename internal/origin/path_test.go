package origin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/session"
	"fanfare/sender"
)

// written writes origin.yaml with more lines and returns its directory.
func written(t *testing.T, lines string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text := "interface: lo\nlisten: \"127.0.0.1:7700\"\n" + lines
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPathConfig(t *testing.T) {
	for _, test := range []struct {
		lines  string
		demote sender.DemoteConfig
		class  [3]uint8
	}{
		{"", sender.DemoteConfig{LossPPM: 250_000, Lag: 10 * time.Second}, [3]uint8{2, 2, 2}},
		{"demote: off\ndscp: {control: cs6, repair: AF21, bulk: le}\n", sender.DemoteConfig{Off: true, LossPPM: 250_000, Lag: 10 * time.Second},
			[3]uint8{48<<2 | 2, 18<<2 | 2, 1<<2 | 2}},
		{"demote: {loss: 40%}\ndscp:\n  control: 46\n  bulk: af43\n", sender.DemoteConfig{LossPPM: 400_000, Lag: 10 * time.Second},
			[3]uint8{46<<2 | 2, 2, 38<<2 | 2}},
		{"demote:\n  lag: 1m\n", sender.DemoteConfig{LossPPM: 250_000, Lag: time.Minute}, [3]uint8{2, 2, 2}},
	} {
		c, err := loadConfig(written(t, test.lines+"min_rate: 5mbit\n"))
		if err != nil {
			t.Errorf("%q: %v", test.lines, err)
			continue
		}
		if got := c.Demote.engine(); got != test.demote {
			t.Errorf("%q: %+v", test.lines, got)
		}
		if got := c.DSCP.classes(true); got != test.class {
			t.Errorf("%q: classes %v, want %v", test.lines, got, test.class)
		}
		if c.MinRate != 5_000_000 {
			t.Errorf("%q: minimum rate %v", test.lines, c.MinRate)
		}
	}
}

func TestPathConfigRefused(t *testing.T) {
	for _, test := range []struct{ lines, want string }{
		{"demote: never\n", "neither off nor"},
		{"demote: {loss: 0.1%}\n", "not between 1% and 100%"},
		{"demote: {lag: 10ms}\n", "less than a second"},
		{"demote: {los: 10%}\n", "los"},
		{"dscp: {control: 64}\n", "not a number from 0 to 63"},
		{"dscp: {repair: af44}\n", "af44"},
		{"dscp: {repair: cs8}\n", "cs8"},
		{"min_rate: fast\n", "fast"},
	} {
		if _, err := loadConfig(written(t, test.lines)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one with %q", test.lines, err, test.want)
		}
	}
	s := &session.Session{Rate: 1_000_000}
	for _, test := range []struct {
		rate session.Rate
		mode session.Mode
		want bool
	}{{0, session.TwoWay, true}, {1_000_000, session.TwoWay, true}, {1_000_001, session.TwoWay, false}, {100_000, session.OneWay, false}} {
		s.Mode = test.mode
		if err := (&config{MinRate: test.rate}).fits(s); (err == nil) != test.want {
			t.Errorf("%v in mode %v: %v", test.rate, test.mode, err)
		}
	}
}

// TestPathText checks that what a new origin.yaml says in comments is what holds without them.
func TestPathText(t *testing.T) {
	text := (&config{MinRate: 3_000_000}).pathText()
	if !strings.Contains(text, "\nmin_rate: 3mbit\n") {
		t.Error(text)
	}
	plain, err := loadConfig(written(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, line := range strings.Split((&config{}).pathText(), "\n") {
		if key, _, found := strings.Cut(line, ":"); found && (key == "#dscp" || key == "#demote") {
			lines = append(lines, line[1:])
		}
	}
	shown, err := loadConfig(written(t, strings.Join(lines, "\n")))
	if err != nil || len(lines) != 2 {
		t.Fatal(lines, err)
	}
	if shown.Demote != plain.Demote || shown.DSCP != plain.DSCP {
		t.Error("the comments show", fmt.Sprint(shown.Demote, shown.DSCP), "but without them it is", fmt.Sprint(plain.Demote, plain.DSCP))
	}
}
